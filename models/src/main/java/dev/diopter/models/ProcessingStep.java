package dev.diopter.models;

/**
 * A rewriting of weights that leaves the model's log-probabilities as they are and makes what lies
 * between easier to read. Names and formulas are TransformerLens's; the order of the constants is
 * the order in which they are applied.
 */
public enum ProcessingStep {
  /** Gains and biases of norms go into the matrices that read behind them. */
  FOLD_LN("fold_ln"),

  /** What is written to the residual stream has no mean; with LayerNorm alone. */
  CENTER_WRITING_WEIGHTS("center_writing_weights"),

  /** Logits have no mean over the vocabulary. */
  CENTER_UNEMBED("center_unembed"),

  /** Biases of values become a part of the output's bias. */
  FOLD_VALUE_BIASES("fold_value_biases");

  private final String label;

  ProcessingStep(String label) {
    this.label = label;
  }

  /** Its name in TransformerLens, on the command line and in files. */
  public String label() {
    return label;
  }
}
