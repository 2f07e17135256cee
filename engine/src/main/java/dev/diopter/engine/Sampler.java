package dev.diopter.engine;

import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Chooses the next id from a row of logits. One for each sequence; not thread safe. */
final class Sampler {
  private final GenerationOptions options;
  private final SplittableRandom random;

  Sampler(GenerationOptions options) {
    this.options = options;
    this.random = new SplittableRandom(options.seed());
  }

  /**
   * The next id.
   *
   * @param logits changed by the repetition penalty
   * @param seen the ids so far, prompt included
   */
  int next(float[] logits, int[] seen) {
    if (options.repetitionPenalty() != 1) {
      penalise(logits, seen);
    }
    if (options.temperature() == 0) {
      return LogProbabilities.top(logits, 1)[0];
    }
    int[] order = candidates(logits);
    double[] weights = new double[order.length];
    double sum = 0;
    for (int i = 0; i < order.length; i++) {
      weights[i] = Math.exp((logits[order[i]] - logits[order[0]]) / options.temperature());
      sum += weights[i];
    }
    int kept = order.length;
    if (options.topP() < 1) {
      double reached = 0;
      kept = 0;
      while (kept < order.length && reached < options.topP() * sum) {
        reached += weights[kept++];
      }
      sum = reached;
    }
    double draw = random.nextDouble() * sum;
    for (int i = 0; i < kept - 1; i++) {
      draw -= weights[i];
      if (draw < 0) {
        return order[i];
      }
    }
    return order[kept - 1];
  }

  private void penalise(float[] logits, int[] seen) {
    float penalty = (float) options.repetitionPenalty();
    Arrays.stream(seen)
        .distinct()
        .forEach(id -> logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty);
  }

  /** Most probable first, the lower id first among equals. */
  private int[] candidates(float[] logits) {
    int k = options.topK() == 0 ? logits.length : Math.min(options.topK(), logits.length);
    if (k < 1024) {
      return LogProbabilities.top(logits, k);
    }
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted(Comparator.comparingDouble(id -> -logits[id]))
        .mapToInt(Integer::intValue)
        .limit(k)
        .toArray();
  }
}
