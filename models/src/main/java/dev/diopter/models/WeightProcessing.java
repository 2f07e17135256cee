package dev.diopter.models;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;

/**
 * Which steps a model's weights went through before they were used, in the order in which they are
 * applied. Interventions and hook values mean something else under another processing, so a model
 * says its own with every result. Immutable.
 *
 * @param steps without repetition, in the order of {@link ProcessingStep}
 */
public record WeightProcessing(List<ProcessingStep> steps) {
  /** Weights as they are stored. */
  public static final WeightProcessing NONE = new WeightProcessing(List.of());

  /**
   * What TransformerLens's {@code HookedTransformer.from_pretrained} does unless told otherwise.
   */
  public static final WeightProcessing TRANSFORMER_LENS =
      new WeightProcessing(List.of(ProcessingStep.values()));

  /** Puts the steps in order and drops repetitions. */
  public WeightProcessing {
    EnumSet<ProcessingStep> set = EnumSet.noneOf(ProcessingStep.class);
    set.addAll(steps);
    steps = List.copyOf(set);
  }

  /** Some steps, in any order. */
  public static WeightProcessing of(ProcessingStep... steps) {
    return new WeightProcessing(List.of(steps));
  }

  /**
   * Steps by their names.
   *
   * @throws IllegalArgumentException for a name that is none, with those that there are
   */
  public static WeightProcessing ofNames(Collection<String> names) {
    List<ProcessingStep> steps = new ArrayList<>();
    for (String name : names) {
      steps.add(step(name));
    }
    return new WeightProcessing(steps);
  }

  private static ProcessingStep step(String name) {
    for (ProcessingStep step : ProcessingStep.values()) {
      if (step.label().equals(name)) {
        return step;
      }
    }
    List<String> known = Arrays.stream(ProcessingStep.values()).map(ProcessingStep::label).toList();
    if (name.equals("refactor_factored_attn_matrices")) {
      throw new IllegalArgumentException(
          "refactor_factored_attn_matrices is not supported: it only turns the bases of hook_q, hook_k, hook_v"
              + " and hook_z; leave it out, expected some of "
              + String.join(", ", known));
    }
    List<String> near = NearestNames.of(name, known);
    throw new IllegalArgumentException(
        "expected some of %s, got '%s'%s"
            .formatted(
                String.join(", ", known),
                name,
                near.isEmpty() ? "" : "; nearest: " + String.join(", ", near)));
  }

  /** Names of the steps. */
  public List<String> names() {
    return steps.stream().map(ProcessingStep::label).toList();
  }

  /** The names of the steps, or that there are none, for people. */
  @Override
  public String toString() {
    return steps.isEmpty() ? "weights as they are" : String.join(", ", names());
  }

  /** Whether a step is among them. */
  public boolean has(ProcessingStep step) {
    return steps.contains(step);
  }

  /** Whether weights stay as they are. */
  public boolean isNone() {
    return steps.isEmpty();
  }

  /** These steps without those of others. */
  public WeightProcessing without(WeightProcessing others) {
    return new WeightProcessing(steps.stream().filter(step -> !others.has(step)).toList());
  }

  /**
   * The steps that change something in a model. Writing weights are centred for LayerNorm alone,
   * since an RMSNorm sees the mean; a model without biases of values has none to fold.
   */
  WeightProcessing applicableTo(DecoderConfig config, DecoderWeights weights) {
    boolean layerNorm = config.norm() == DecoderConfig.Norm.LAYER;
    boolean valueBiases = weights.layers().stream().anyMatch(layer -> layer.value().bias() != null);
    return new WeightProcessing(
        steps.stream()
            .filter(step ->
                switch (step) {
                  case FOLD_LN, CENTER_UNEMBED -> true;
                  case CENTER_WRITING_WEIGHTS -> layerNorm;
                  case FOLD_VALUE_BIASES -> valueBiases;
                })
            .toList());
  }
}
