package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.formats.Json;
import dev.diopter.models.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Cells as JSON. */
public final class CellJson {
  private CellJson() {}

  /** A cell. */
  public static ObjectNode object(Cell cell) {
    return object(cell, null);
  }

  /**
   * A cell of one of several prompts.
   *
   * @param prompt its number, from 0; null where there are not several
   */
  public static ObjectNode object(Cell cell, @Nullable Integer prompt) {
    Target target = cell.patch().target();
    ObjectNode object = Json.object();
    object.put("index", cell.index());
    if (prompt != null) {
      object.put("prompt", prompt);
    }
    layer(object, "source_layer", cell.route().sourceEntry());
    layer(object, "target_layer", cell.route().targetEntry());
    object.set("source_positions", ints(cell.sourcePositions()));
    object.set("target_positions", ints(cell.targetPositions()));
    if (!cell.patch().source().heads().isNone()) {
      object.set("source_heads", heads(cell.patch().source().heads()));
    }
    if (!target.heads().isNone()) {
      object.set("target_heads", heads(target.heads()));
    }
    object.put("map", cell.patch().mapping().name());
    object.put("schedule", target.schedule().label());
    reading(object, cell.reading(), target.model());
    object.set("generated_ids", ints(cell.generatedIds()));
    object.put("text", cell.text());
    if (!cell.stepLogits().isEmpty()) {
      ArrayNode steps = object.putArray("step_logits");
      for (float[] row : cell.stepLogits()) {
        ArrayNode logits = steps.addArray();
        for (float logit : row) {
          logits.add(logit);
        }
      }
    }
    return object;
  }

  /** Puts the numbers of a reading. */
  public static void reading(ObjectNode object, Reading reading, Model model) {
    object.put("position", reading.position());
    candidates(object.putArray("top"), reading.top(), model);
    if (!reading.tokens().isEmpty()) {
      candidates(object.putArray("tokens"), reading.tokens(), model);
    }
    object.put("entropy", reading.entropy());
    object.put("source_top", reading.sourceTop());
    object.put("precision_at_1", reading.precisionAt1());
    object.put("precision_at_k", reading.precisionAtK());
    object.put("surprisal_of_source_top", reading.surprisalOfSourceTop());
    object.put("surprisal_of_patched_top", reading.surprisalOfPatchedTop());
    object.put("kl_from_source", reading.klFromSource());
    object.put("kl_from_unpatched", reading.klFromUnpatched());
  }

  private static void candidates(ArrayNode array, List<Reading.Candidate> candidates, Model model) {
    for (Reading.Candidate each : candidates) {
      ObjectNode object = array.addObject();
      object.put("id", each.id());
      object.put("token", label(model, each.id()));
      object.put("rank", each.rank());
      object.put("logit", each.logit());
      object.put("probability", each.probability());
    }
  }

  /** The label of an id; null without a tokenizer. */
  static @Nullable String label(Model model, int id) {
    if (!model.hasTokenizer()) {
      return null;
    }
    Tokenizer tokenizer = model.tokenizer();
    return tokenizer.label(id);
  }

  /** Puts a layer, by the block whose input it is: a block's number, or a name. */
  public static void layer(ObjectNode object, String key, int entry) {
    Layer layer = Layer.ofEntry(entry);
    if (layer.isBlock()) {
      object.put(key, layer.block());
    } else {
      object.put(key, layer.label());
    }
  }

  private static ArrayNode ints(int[] numbers) {
    ArrayNode array = Json.array();
    for (int number : numbers) {
      array.add(number);
    }
    return array;
  }

  private static ArrayNode heads(Heads heads) {
    return ints(heads.numbers().stream().mapToInt(Integer::intValue).toArray());
  }
}
