package dev.diopter.lens.tuned;

import dev.diopter.engine.UsageException;
import org.jspecify.annotations.Nullable;

/**
 * How an unembedding is inverted.
 *
 * @param maxEvaluations how often the loss is computed at most
 * @param tolerance the search ends where the gradient's length or the loss is below it
 * @param weights a factor for each token's part of the divergence, [vocabulary]; null for none
 * @param prior what the head's inputs should be like; null for no wish
 * @param priorWeight factor on the prior's loss
 */
public record InversionOptions(
    int maxEvaluations,
    double tolerance,
    float @Nullable [] weights,
    @Nullable Prior prior,
    double priorWeight) {

  /** At most 1000 evaluations, a tolerance of 1e-7, no weights, no prior. */
  public static final InversionOptions DEFAULT = new InversionOptions(1000, 1e-7, null, null, 0);

  public InversionOptions {
    if (maxEvaluations < 1 || !(tolerance >= 0) || !(priorWeight >= 0)) {
      throw new UsageException(
          "inversion: expected at least 1 evaluation and a tolerance and weight of 0 or more, got %d, %s and %s"
              .formatted(maxEvaluations, tolerance, priorWeight));
    }
  }

  /** A distribution of the head's inputs. */
  @FunctionalInterface
  public interface Prior {
    /**
     * Minus the logarithm of the density at a row, and its derivatives.
     *
     * @param row the head's input, [width]
     * @param gradient receives the derivatives
     */
    double at(double[] row, double[] gradient);
  }
}
