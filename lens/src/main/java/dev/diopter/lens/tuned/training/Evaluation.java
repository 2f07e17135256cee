package dev.diopter.lens.tuned.training;

import dev.diopter.models.WeightProcessing;
import java.util.List;

/**
 * How lenses did on some texts.
 *
 * @param tokens tokens that were predicted from
 * @param labels how many of them have a token {@code shift} positions on
 * @param natsToBitsPerByte what turns nats per token into bits per byte on these texts
 * @param crossEntropy the model's own, in nats per token
 * @param entropy of the model's predictions, in nats per token
 * @param marginals the model's mean prediction
 * @param lenses scores of each lens
 * @param batches the same by batch, in the order of the texts
 * @param processing how the model's weights were processed
 */
public record Evaluation(
    long tokens,
    long labels,
    double natsToBitsPerByte,
    double crossEntropy,
    double entropy,
    double[] marginals,
    List<LensScores> lenses,
    List<BatchScores> batches,
    WeightProcessing processing) {

  public Evaluation {
    lenses = List.copyOf(lenses);
    batches = List.copyOf(batches);
  }

  /** Nats per token as bits per token. */
  public static double bitsPerToken(double nats) {
    return nats / Math.log(2);
  }

  /** Nats per token as bits per byte. */
  public double bitsPerByte(double nats) {
    return nats * natsToBitsPerByte;
  }

  /** The scores of a kind of lens. */
  public LensScores lens(String kind) {
    for (LensScores scores : lenses) {
      if (scores.kind().equals(kind)) {
        return scores;
      }
    }
    throw new IllegalArgumentException("no lens of kind " + kind + " was measured");
  }
}
