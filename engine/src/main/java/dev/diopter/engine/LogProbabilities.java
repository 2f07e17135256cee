package dev.diopter.engine;

/** Softmax of rows of logits for results, summed in double. */
public final class LogProbabilities {
  private LogProbabilities() {}

  /** Minus the log-probability of an id, natural logarithm. */
  public static double negative(float[] logits, int id) {
    return logSumExp(logits) - logits[id];
  }

  /** Probabilities of a row. */
  public static double[] probabilities(float[] logits) {
    double norm = logSumExp(logits);
    double[] out = new double[logits.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Math.exp(logits[i] - norm);
    }
    return out;
  }

  /** The logarithm of the sum of exponentials of a row. */
  public static double logSumExp(float[] logits) {
    float max = Float.NEGATIVE_INFINITY;
    for (float x : logits) {
      max = Math.max(max, x);
    }
    double sum = 0;
    for (float x : logits) {
      sum += Math.exp((double) x - max);
    }
    return max + Math.log(sum);
  }

  /** The ids of the k largest logits, largest first, the lower id first among equals. */
  public static int[] top(float[] logits, int k) {
    int n = Math.min(k, logits.length);
    int[] best = new int[n];
    int filled = 0;
    for (int id = 0; id < logits.length; id++) {
      if (filled == n && !(logits[id] > logits[best[n - 1]])) {
        continue;
      }
      int at = filled < n ? filled++ : n - 1;
      while (at > 0 && logits[id] > logits[best[at - 1]]) {
        best[at] = best[at - 1];
        at--;
      }
      best[at] = id;
    }
    return best;
  }
}
