package dev.diopter.engine;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Hook plans as JSON, which the command line reads with {@code --edit}. A plan file is an object
 * with lists {@code reads} and {@code edits}; unknown keys are errors. An array may be given as
 * {@code {"npz": "file.npz", "name": "..."}}, a file in the folder of the plan file or below it.
 * Everything but functions can be written, and reads back as an equal plan.
 */
public final class PlanFile {
  private PlanFile() {}

  /**
   * Reads a plan file.
   *
   * @throws FormatException if it, or an array file that it names, is not what it should be; the
   *     message names the place in the file
   */
  public static HookPlan read(Path file) {
    return new PlanParser(file.toString(), file.toAbsolutePath().getParent()).plan(Json.read(file));
  }

  /**
   * Reads a plan from a JSON text.
   *
   * @param source name of the text for messages
   * @throws FormatException as {@link #read}, and for arrays in files, which need a folder
   */
  public static HookPlan parse(String source, String json) {
    return fromJson(source, Json.read(source, json), null);
  }

  /**
   * Reads a plan from a JSON value.
   *
   * @param source name of the value for messages
   * @param folder where array files are; null where there are none
   * @throws FormatException as {@link #read}
   */
  public static HookPlan fromJson(String source, JsonNode tree, @Nullable Path folder) {
    return new PlanParser(source, folder).plan(tree);
  }

  /**
   * Writes a plan file, which appears whole or not at all.
   *
   * @throws UsageException if the plan has functions
   */
  public static void write(HookPlan plan, Path file) {
    Json.write(toJson(plan), file, false);
  }

  /**
   * The plan as a JSON value.
   *
   * @throws UsageException if the plan has functions
   */
  public static ObjectNode toJson(HookPlan plan) {
    ArrayNode reads = Json.array();
    for (Read read : plan.reads()) {
      ObjectNode out = Json.object().put("hook", read.hook());
      select(out, read.where());
      if (read.when() == Read.When.BEFORE) {
        out.put("when", "before");
      }
      reads.add(out);
    }
    ArrayNode edits = Json.array();
    for (Edit edit : plan.edits()) {
      ObjectNode out = Json.object().put("hook", edit.hook());
      select(out, edit.where());
      out.put("op", edit.operation().name());
      operate(out, edit.operation(), edits.size());
      if (edit.allowNonFinite()) {
        out.put("allow_non_finite", true);
      }
      edits.add(out);
    }
    ObjectNode tree = Json.object();
    tree.set("reads", reads);
    tree.set("edits", edits);
    return tree;
  }

  private static void select(ObjectNode out, Selection where) {
    numbers(out, "sequences", where.sequences());
    numbers(out, "positions", where.positions());
    numbers(out, "heads", where.heads());
    numbers(out, "keys", where.keys());
    if (where.steps().isAll()) {
      out.put("steps", "all");
    } else if (!where.steps().equals(Steps.PROMPT)) {
      numbers(out, "steps", where.steps().toArray());
    }
  }

  private static void numbers(ObjectNode out, String key, int @Nullable [] numbers) {
    if (numbers != null) {
      ArrayNode array = Json.array();
      for (int number : numbers) {
        array.add(number);
      }
      out.set(key, array);
    }
  }

  private static void operate(ObjectNode out, Operation operation, int index) {
    switch (operation) {
      case Operation.Replace r -> {
        out.set("value", array(r.value()));
        if (r.broadcast()) {
          out.put("broadcast", true);
        }
      }
      case Operation.Add a -> out.set("value", array(a.value()));
      case Operation.Scale s -> out.put("value", s.factor());
      case Operation.Mean m -> out.set("value", array(m.value()));
      case Operation.Interpolate i -> {
        out.set("value", array(i.value()));
        out.put("weight", i.weight());
      }
      case Operation.ProjectOut p -> out.set("value", array(p.vector()));
      case Operation.Noise n ->
          out.put("standard_deviation", n.standardDeviation()).put("seed", n.seed());
      case Operation.Zero _, Operation.Knockout _ -> {}
      case Operation.Function _ ->
          throw new UsageException(
              "edits[%d]: a function cannot be written to a plan file".formatted(index));
    }
  }

  private static ArrayNode array(Operation.Value value) {
    return array(value, 0, 0, value.data().length);
  }

  private static ArrayNode array(Operation.Value value, int axis, int from, int count) {
    ArrayNode out = Json.array();
    int n = value.shape()[axis];
    for (int i = 0; i < n; i++) {
      int part = count / n;
      if (axis == value.shape().length - 1) {
        out.add(value.data()[from + i]);
      } else {
        out.add(array(value, axis + 1, from + i * part, part));
      }
    }
    return out;
  }
}
