package dev.diopter.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * What to read and what to change in a pass: an immutable value, the same for any model. Edits of
 * one point act in the order of the plan. Whether a model has the points and whether selections and
 * values fit is checked when the plan meets a model and its prompts, before anything is computed.
 *
 * <pre>{@code
 * HookPlan plan = HookPlan.builder()
 *     .read("blocks.*.attn.hook_pattern")
 *     .zero("blocks.1.attn.hook_z", Selection.ALL.heads(3))
 *     .build();
 * }</pre>
 *
 * @param reads what to read
 * @param edits what to change, in this order
 */
public record HookPlan(List<Read> reads, List<Edit> edits) {
  /** Reads nothing and changes nothing. */
  public static final HookPlan NONE = new HookPlan(List.of(), List.of());

  /** A plan of these reads and edits. */
  public HookPlan {
    reads = List.copyOf(reads);
    edits = List.copyOf(edits);
  }

  /** An empty builder. */
  public static HookPlan.Builder builder() {
    return new Builder();
  }

  /**
   * A plan that reads these hooks (names, patterns or lists of them with commas) whole and after
   * all edits.
   */
  public static HookPlan reading(String... hooks) {
    Builder builder = builder();
    for (String hook : hooks) {
      builder.read(hook);
    }
    return builder.build();
  }

  /** This plan's reads and edits, then the other's. */
  public HookPlan and(HookPlan other) {
    return builder().include(this).include(other).build();
  }

  /** True where nothing is read and nothing is changed. */
  public boolean isEmpty() {
    return reads.isEmpty() && edits.isEmpty();
  }

  /** One line for each read and each edit. */
  @Override
  public String toString() {
    if (isEmpty()) {
      return "no reads, no edits";
    }
    List<String> lines = new ArrayList<>();
    for (Read read : reads) {
      lines.add(
          "read %s, %s%s"
              .formatted(
                  read.hook(),
                  read.where(),
                  read.when() == Read.When.BEFORE ? ", before edits" : ""));
    }
    for (Edit edit : edits) {
      lines.add(
          "edit %s, %s: %s%s"
              .formatted(
                  edit.hook(),
                  edit.where(),
                  describe(edit.operation()),
                  edit.allowNonFinite() ? ", may write NaN and infinity" : ""));
    }
    return String.join("\n", lines);
  }

  private static String describe(Operation operation) {
    String arguments =
        switch (operation) {
          case Operation.Replace r -> r.value() + (r.broadcast() ? " broadcast" : "");
          case Operation.Add a -> a.value().toString();
          case Operation.Scale s -> Float.toString(s.factor());
          case Operation.Mean m -> m.value().toString();
          case Operation.Interpolate i -> i.value() + " weight " + i.weight();
          case Operation.ProjectOut p -> p.vector().toString();
          case Operation.Noise n -> n.standardDeviation() + " seed " + n.seed();
          case Operation.Zero _, Operation.Knockout _, Operation.Function _ -> "";
        };
    return (operation.name() + " " + arguments).strip();
  }

  /**
   * Collects reads and edits. Hooks are names, patterns, or lists of them with commas: see {@link
   * HookNames}. Not for several threads.
   */
  public static final class Builder {
    private final List<Read> reads = new ArrayList<>();
    private final List<Edit> edits = new ArrayList<>();

    private Builder() {}

    /** Reads the whole value after all edits. */
    public Builder read(String hook) {
      return read(hook, Selection.ALL);
    }

    /** Reads a part after all edits. */
    public Builder read(String hook, Selection where) {
      return read(hook, where, Read.When.AFTER);
    }

    /** Reads a part before or after all edits. */
    public Builder read(String hook, Selection where, Read.When when) {
      reads.add(new Read(hook, where, when));
      return this;
    }

    /** Changes a part. */
    public Builder edit(String hook, Selection where, Operation operation) {
      edits.add(new Edit(hook, where, operation, false));
      return this;
    }

    /** Sets the whole value to zero. */
    public Builder zero(String hook) {
      return zero(hook, Selection.ALL);
    }

    /** Sets a part to zero. */
    public Builder zero(String hook, Selection where) {
      return edit(hook, where, new Operation.Zero());
    }

    /** Multiplies the whole value. */
    public Builder scale(String hook, float factor) {
      return scale(hook, Selection.ALL, factor);
    }

    /** Multiplies a part. */
    public Builder scale(String hook, Selection where, float factor) {
      return edit(hook, where, new Operation.Scale(factor));
    }

    /** Adds a vector of the last axis to every selected row. */
    public Builder add(String hook, Selection where, float... vector) {
      return add(hook, where, Operation.Value.of(vector));
    }

    /** Adds an array of the selection's shape, or a vector to every selected row. */
    public Builder add(String hook, Selection where, Operation.Value value) {
      return edit(hook, where, new Operation.Add(value));
    }

    /** Replaces the one selected row by a vector. */
    public Builder replace(String hook, Selection where, float... vector) {
      return replace(hook, where, Operation.Value.of(vector));
    }

    /** Replaces a part by the activation of another run, which has the selection's shape. */
    public Builder replace(String hook, Selection where, Activation activation) {
      return replace(hook, where, Operation.Value.of(activation));
    }

    /** Replaces a part by an array of the selection's shape. */
    public Builder replace(String hook, Selection where, Operation.Value value) {
      return edit(hook, where, new Operation.Replace(value, false));
    }

    /** Replaces every selected row by the same vector of the last axis. */
    public Builder replaceRows(String hook, Selection where, float... vector) {
      return edit(hook, where, new Operation.Replace(Operation.Value.of(vector), true));
    }

    /**
     * Replaces every selected position by the mean of the value over its axes in front of one
     * position's shape.
     */
    public Builder mean(String hook, Selection where, Operation.Value value) {
      return edit(hook, where, new Operation.Mean(value));
    }

    /** Replaces every selected position by the mean of an activation over its positions. */
    public Builder mean(String hook, Selection where, Activation activation) {
      return mean(hook, where, Operation.Value.of(activation));
    }

    /** Moves a part towards a value: {@code (1 - weight) x + weight value}. */
    public Builder interpolate(String hook, Selection where, Operation.Value value, float weight) {
      return edit(hook, where, new Operation.Interpolate(value, weight));
    }

    /** Moves a part towards the activation of another run, which has the selection's shape. */
    public Builder interpolate(String hook, Selection where, Activation activation, float weight) {
      return interpolate(hook, where, Operation.Value.of(activation), weight);
    }

    /** Takes the direction of a vector out of every selected row. */
    public Builder projectOut(String hook, Selection where, float... vector) {
      return edit(hook, where, new Operation.ProjectOut(Operation.Value.of(vector)));
    }

    /** Adds normal noise; the same seed gives the same noise to a row, alone and in any batch. */
    public Builder noise(String hook, Selection where, float standardDeviation, long seed) {
      return edit(hook, where, new Operation.Noise(standardDeviation, seed));
    }

    /** Sets scores to minus infinity and patterns to zero. */
    public Builder knockout(String hook, Selection where) {
      return edit(hook, where, new Operation.Knockout());
    }

    /** Runs a Java function on a part. */
    public Builder function(String hook, Selection where, EditFunction function) {
      return edit(hook, where, new Operation.Function(function));
    }

    /**
     * Lets the edit that was added last write NaN or infinity.
     *
     * @throws UsageException if there is none
     */
    public Builder allowNonFinite() {
      if (edits.isEmpty()) {
        throw new UsageException("allowNonFinite: expected an edit in front of it, found none");
      }
      Edit last = edits.removeLast();
      edits.add(new Edit(last.hook(), last.where(), last.operation(), true));
      return this;
    }

    /** Adds all reads and edits of a plan. */
    public Builder include(HookPlan plan) {
      reads.addAll(plan.reads());
      edits.addAll(plan.edits());
      return this;
    }

    /** The plan so far; the builder can go on. */
    public HookPlan build() {
      return new HookPlan(reads, edits);
    }
  }
}
