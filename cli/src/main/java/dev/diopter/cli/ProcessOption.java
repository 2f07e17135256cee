package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.tuned.UnembedHash;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import java.util.List;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** How a model's weights are processed before they are used. */
final class ProcessOption {
  private static final String ALL = "all";

  @Option(
      names = "--process",
      paramLabel = "STEPS",
      split = ",",
      description =
          "Process the weights as TransformerLens does: some of fold_ln, center_writing_weights,"
              + " center_unembed, fold_value_biases, or 'all'; as they are stored unless given.")
  private List<String> names = List.of();

  /**
   * The steps that were asked for; before a model is loaded.
   *
   * @throws UsageException for a name that is none
   */
  WeightProcessing wanted() {
    List<String> trimmed = names.stream().map(String::strip).toList();
    if (trimmed.equals(List.of(ALL))) {
      return WeightProcessing.TRANSFORMER_LENS;
    }
    try {
      return WeightProcessing.ofNames(trimmed);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--process: " + e.getMessage());
    }
  }

  /** Opens a model, and says which steps change nothing in it. */
  Model open(ComputeOptions compute, String name, Screen screen, OutputOptions output) {
    Model model = compute.open(name, wanted(), screen, output);
    advise(model.processing(), output);
    return model;
  }

  /** The same for work on all layers at a time: see {@link ComputeOptions#openBesideLayers}. */
  Model openBesideLayers(ComputeOptions compute, String name, Screen screen, OutputOptions output) {
    Model model = compute.openBesideLayers(name, wanted(), screen, output);
    advise(model.processing(), output);
    return model;
  }

  /** Says which steps were left out, since they change nothing. */
  void advise(WeightProcessing applied, OutputOptions output) {
    WeightProcessing idle = wanted().without(applied);
    if (!idle.isNone()) {
      output.note("note: %s: nothing to change in this model, left out".formatted(idle));
    }
  }

  /** The stored weights of a model, processed as it was. */
  static OpenModel stored(Model model) {
    return ModelStore.system().open(model.name(), model.processing());
  }

  /** The fingerprint of a model's unembedding: from stored weights, packed ones are a backend's. */
  static String unembedHash(Model model) {
    try (OpenModel stored = stored(model)) {
      return UnembedHash.of(stored.weights());
    }
  }

  /**
   * Which model computed what an object says: {@code model}, {@code backend}, {@code processing}.
   */
  static void put(ObjectNode object, Model model) {
    object.put("model", model.name());
    object.put("backend", model.backend());
    object.set("processing", array(model.processing()));
  }

  /** What a line says of how a model is processed; empty for weights as they are. */
  static String said(Model model) {
    return model.processing().isNone() ? "" : ", processed: " + model.processing();
  }

  /** The steps' names. */
  static ArrayNode array(WeightProcessing processing) {
    ArrayNode array = Json.array();
    processing.names().forEach(array::add);
    return array;
  }
}
