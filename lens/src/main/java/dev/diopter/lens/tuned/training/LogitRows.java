package dev.diopter.lens.tuned.training;

/** Sums along rows of logits and probabilities, written so that the compiler can overlap them. */
final class LogitRows {
  /** Smaller derivatives are none: products of denormal numbers are slow and lead nowhere. */
  private static final float LEAST = 1e-20f;

  private LogitRows() {}

  /**
   * The logarithm of the sum of a row's exponentials, from its softmax: where the logit is largest
   * so is the probability, and it is not small.
   */
  static double logSum(float[] logits, float[] softmax, int at, int count) {
    return max(logits, at, count) - Math.log(max(softmax, at, count));
  }

  private static float max(float[] x, int at, int count) {
    float m0 = Float.NEGATIVE_INFINITY;
    float m1 = m0;
    float m2 = m0;
    float m3 = m0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      m0 = Math.max(m0, x[at + i]);
      m1 = Math.max(m1, x[at + i + 1]);
      m2 = Math.max(m2, x[at + i + 2]);
      m3 = Math.max(m3, x[at + i + 3]);
    }
    for (; i < count; i++) {
      m0 = Math.max(m0, x[at + i]);
    }
    return Math.max(Math.max(m0, m1), Math.max(m2, m3));
  }

  /** The sum of products, in double. */
  static double dot(float[] a, int aAt, float[] b, int bAt, int count) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      s0 += (double) a[aAt + i] * b[bAt + i];
      s1 += (double) a[aAt + i + 1] * b[bAt + i + 1];
      s2 += (double) a[aAt + i + 2] * b[bAt + i + 2];
      s3 += (double) a[aAt + i + 3] * b[bAt + i + 3];
    }
    for (; i < count; i++) {
      s0 += (double) a[aAt + i] * b[bAt + i];
    }
    return (s0 + s1) + (s2 + s3);
  }

  /** {@code q - p} into q. */
  static void subtract(float[] q, float[] p, int count) {
    for (int i = 0; i < count; i++) {
      float x = q[i] - p[i];
      q[i] = Math.abs(x) < LEAST ? 0f : x;
    }
  }

  /** Without what is too small to count. */
  static void flush(float[] q, int count) {
    for (int i = 0; i < count; i++) {
      float x = q[i];
      q[i] = Math.abs(x) < LEAST ? 0f : x;
    }
  }
}
