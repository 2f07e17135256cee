package dev.diopter.lens.patching;

import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.UsageException;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What is measured of a patched run: a number from its last row of logits. Probabilities are a
 * softmax in double precision, logarithms are natural.
 */
@FunctionalInterface
public interface PatchMetric {

  /**
   * The measure for two runs.
   *
   * @param clean last row of logits of the clean run
   * @param corrupt of the corrupt run
   */
  ToDoubleFunction<float[]> measure(float[] clean, float[] corrupt);

  /**
   * Fails where the metric names ids that a model does not have; before anything is computed.
   *
   * @throws UsageException naming the id
   */
  default void requireFits(int vocabulary) {}

  /** Any function of the logits. */
  static PatchMetric of(ToDoubleFunction<float[]> function) {
    return (clean, corrupt) -> function;
  }

  /** {@code logit[answer] - logit[wrong]}. */
  static PatchMetric logitDifference(int answer, int wrong) {
    return new AnswerMetric(
        of(logits -> (double) logits[answer] - logits[wrong]), List.of(answer, wrong));
  }

  /**
   * {@code (d - d_corrupt) / (d_clean - d_corrupt)} of the logit differences: 0 is the corrupt run,
   * 1 the clean one.
   */
  static PatchMetric normalizedLogitDifference(int answer, int wrong) {
    PatchMetric metric =
        (clean, corrupt) -> {
          double low = (double) corrupt[answer] - corrupt[wrong];
          double high = (double) clean[answer] - clean[wrong];
          if (high == low) {
            throw new UsageException(
                "the logit difference of the clean and of the corrupt prompt is the same, %s: there is no change to share out; use other prompts or another metric"
                    .formatted(low));
          }
          return logits -> ((double) logits[answer] - logits[wrong] - low) / (high - low);
        };
    return new AnswerMetric(metric, List.of(answer, wrong));
  }

  /** Probability of the answer. */
  static PatchMetric probability(int answer) {
    return new AnswerMetric(
        of(logits -> Math.exp(-LogProbabilities.negative(logits, answer))), List.of(answer));
  }

  /** Natural logarithm of the answer's probability. */
  static PatchMetric logProbability(int answer) {
    return new AnswerMetric(
        of(logits -> -LogProbabilities.negative(logits, answer)), List.of(answer));
  }

  /**
   * {@code KL(clean || patched)} in nats: 0 where the patched run predicts what the clean one does.
   */
  static PatchMetric klFromClean() {
    return (clean, corrupt) -> {
      double[] wanted = LogProbabilities.probabilities(clean);
      double cleanBase = clean[0] + LogProbabilities.negative(clean, 0);
      return logits -> {
        double base = logits[0] + LogProbabilities.negative(logits, 0);
        double kl = 0;
        for (int i = 0; i < logits.length; i++) {
          kl += wanted[i] * ((clean[i] - cleanBase) - (logits[i] - base));
        }
        return kl;
      };
    };
  }

  /** How many ids have a larger logit than the answer: 0 is the most probable. */
  static PatchMetric rank(int answer) {
    PatchMetric metric =
        of(logits -> {
          int larger = 0;
          for (float logit : logits) {
            larger += logit > logits[answer] ? 1 : 0;
          }
          return larger;
        });
    return new AnswerMetric(metric, List.of(answer));
  }
}
