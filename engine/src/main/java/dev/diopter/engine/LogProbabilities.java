package dev.diopter.engine;

/** Softmax of rows of logits for results, summed in double. */
public final class LogProbabilities {
  private LogProbabilities() {}

  /** Minus the log-probability of an id, natural logarithm. */
  public static double negative(float[] logits, int id) {
    return negative(logits, 0, logits.length, id);
  }

  /** The same of the row of {@code n} logits at {@code logits[from]}. */
  static double negative(float[] logits, int from, int n, int id) {
    float max = max(logits, from, n);
    return Math.log(sum(logits, from, n, max)) - ((double) logits[from + id] - max);
  }

  /**
   * Logarithm of the sum of the exponentials of {@code n} logits at {@code logits[from]}: logits
   * less it are log-probabilities. Not finite where there is NaN, infinity or no finite logit.
   */
  public static double logSum(float[] logits, int from, int n) {
    float max = max(logits, from, n);
    return max + Math.log(sum(logits, from, n, max));
  }

  /** Probabilities of a row. */
  public static double[] probabilities(float[] logits) {
    float max = max(logits, 0, logits.length);
    double sum = sum(logits, 0, logits.length, max);
    double[] out = new double[logits.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Math.exp((double) logits[i] - max) / sum;
    }
    return out;
  }

  private static float max(float[] logits, int from, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = from; i < from + n; i++) {
      max = Math.max(max, logits[i]);
    }
    return max;
  }

  private static double sum(float[] logits, int from, int n, float max) {
    double sum = 0;
    for (int i = from; i < from + n; i++) {
      sum += Math.exp((double) logits[i] - max);
    }
    return sum;
  }

  /** The ids of the k largest logits, largest first, the lower id first among equals, NaN last. */
  public static int[] top(float[] logits, int k) {
    return top(logits, 0, logits.length, k);
  }

  /** The same of one row of {@code count} logits that begins at an index. */
  public static int[] top(float[] logits, int from, int count, int k) {
    int n = Math.min(k, count);
    int[] best = new int[n];
    int filled = 0;
    for (int id = 0; id < count && n > 0; id++) {
      if (filled == n && !larger(logits[from + id], logits[from + best[n - 1]])) {
        continue;
      }
      int at = filled < n ? filled++ : n - 1;
      while (at > 0 && larger(logits[from + id], logits[from + best[at - 1]])) {
        best[at] = best[at - 1];
        at--;
      }
      best[at] = id;
    }
    return best;
  }

  private static boolean larger(float a, float b) {
    return a > b || (Float.isNaN(b) && !Float.isNaN(a));
  }
}
