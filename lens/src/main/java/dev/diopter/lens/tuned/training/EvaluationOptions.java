package dev.diopter.lens.tuned.training;

import dev.diopter.engine.UsageException;

/**
 * How lenses are measured.
 *
 * @param tokens at most so many, in whole chunks of which it must hold one; {@link Long#MAX_VALUE}
 *     for all there are
 * @param shift positions between a prediction and the token that it is about
 * @param batch chunks in one pass of the model
 * @param transfer whether each layer's translator is tried on each other layer's stream
 * @param threads layers at a time; results do not depend on it
 */
public record EvaluationOptions(long tokens, int shift, int batch, boolean transfer, int threads) {

  /** All tokens, the next token, no transfer. */
  public static final EvaluationOptions DEFAULT =
      new EvaluationOptions(
          Long.MAX_VALUE, 1, 8, false, Runtime.getRuntime().availableProcessors());

  public EvaluationOptions {
    if (tokens < 1 || batch < 1 || threads < 1) {
      throw new UsageException(
          "evaluation: expected at least 1 token, 1 chunk a batch and 1 thread, got %d, %d and %d"
              .formatted(tokens, batch, threads));
    }
  }

  /** Of at most so many tokens. */
  public EvaluationOptions tokens(long most) {
    return new EvaluationOptions(most, shift, batch, transfer, threads);
  }

  /** With or without layer transfer. */
  public EvaluationOptions transfer(boolean wanted) {
    return new EvaluationOptions(tokens, shift, batch, wanted, threads);
  }
}
