package dev.diopter.lens.tuned;

/**
 * What an inversion of the unembedding found. The arrays are the caller's own.
 *
 * @param preimage the head's input for each row, behind the final norm, [n, width]
 * @param residuals residual vectors in front of the final norm, [n, width]; {@link
 *     Unembedding#logits} of them are the logits found
 * @param gradientNorm length of the loss's gradient
 * @param kl mean divergence of the found distributions from the wanted ones, in nats
 * @param loss what was made small: the divergence and what a prior adds
 * @param evaluations how often the loss was computed
 */
public record InversionOutput(
    float[] preimage,
    float[] residuals,
    double gradientNorm,
    double kl,
    double loss,
    int evaluations) {

  @Override
  public boolean equals(Object other) {
    return other instanceof InversionOutput o
        && java.util.Arrays.equals(residuals, o.residuals)
        && evaluations == o.evaluations;
  }

  @Override
  public int hashCode() {
    return java.util.Arrays.hashCode(residuals);
  }
}
