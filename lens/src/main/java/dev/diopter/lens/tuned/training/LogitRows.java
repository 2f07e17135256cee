package dev.diopter.lens.tuned.training;

/**
 * Sums along rows of logits and probabilities, written so that the compiler can overlap them or
 * make vectors of them.
 */
final class LogitRows {
  /**
   * Added and taken away again, it leaves derivatives as multiples of 2^-64: products of denormal
   * numbers are slow and lead nowhere.
   */
  private static final float COARSE = 0x1p-40f;

  /** Probabilities from here on are floats of full precision, far from the least ones. */
  private static final float LIKELY = 0x1p-20f;

  /** Columns that are added up beside each other. */
  private static final int BLOCK = 64;

  private LogitRows() {}

  /**
   * The logarithm of the sum of a row's exponentials, from its softmax: where the logit is largest
   * so is the probability, and it is not small.
   */
  static double logSum(float[] logits, float[] softmax, int at, int count) {
    return max(logits, at, count) - Math.log(max(softmax, at, count));
  }

  /**
   * The same, where a column is known that is probable as a rule: it tells the sum without a look
   * at the others.
   *
   * @param likely a column of the row
   */
  static double logSum(float[] logits, float[] softmax, int at, int count, int likely) {
    float probability = softmax[at + likely];
    return probability >= LIKELY
        ? logits[at + likely] - Math.log(probability)
        : logSum(logits, softmax, at, count);
  }

  /** The column of a row's largest number, the first one of several. */
  static int best(float[] x, int at, int count) {
    int best = 0;
    for (int i = 1; i < count; i++) {
      best = x[at + i] > x[at + best] ? i : best;
    }
    return best;
  }

  private static float max(float[] x, int at, int count) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      max = Math.max(max, x[at + i]);
    }
    return max;
  }

  /** The sum of products, in double: of each column of a block first, so that vectors do it. */
  static double dot(float[] a, int aAt, float[] b, int bAt, int count) {
    double[] sums = new double[BLOCK];
    int from = 0;
    for (; from + BLOCK <= count; from += BLOCK) {
      for (int j = 0; j < BLOCK; j++) {
        sums[j] += (double) a[aAt + from + j] * b[bAt + from + j];
      }
    }
    for (int j = 0; j < count - from; j++) {
      sums[j] += (double) a[aAt + from + j] * b[bAt + from + j];
    }
    double sum = 0;
    for (double each : sums) {
      sum += each;
    }
    return sum;
  }

  /** {@code q - p} into q. */
  static void subtract(float[] q, float[] p, int count) {
    for (int i = 0; i < count; i++) {
      q[i] = (q[i] - p[i] + COARSE) - COARSE;
    }
  }

  /** Without what is too small to count. */
  static void flush(float[] q, int count) {
    for (int i = 0; i < count; i++) {
      q[i] = (q[i] + COARSE) - COARSE;
    }
  }
}
