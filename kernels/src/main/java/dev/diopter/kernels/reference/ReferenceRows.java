package dev.diopter.kernels.reference;

import dev.diopter.kernels.NormKind;

/** Operations on one row or one element; {@code o} is where the row begins. */
final class ReferenceRows {
  private static final double TWICE_SQRT_2_OVER_PI = 2 * Math.sqrt(2 / Math.PI);

  private ReferenceRows() {}

  static double mean(NormKind kind, float[] x, int o, int n) {
    if (kind == NormKind.RMS) {
      return 0;
    }
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += x[o + i];
    }
    return sum / n;
  }

  static float scale(NormKind kind, float[] x, int o, int n, float eps) {
    double mean = mean(kind, x, o, n);
    double squares = 0;
    for (int i = 0; i < n; i++) {
      double centred = x[o + i] - mean;
      squares += centred * centred;
    }
    return (float) Math.sqrt(squares / n + eps);
  }

  static void normalize(NormKind kind, float[] x, int o, int n, float scale, float[] out, int to) {
    double mean = mean(kind, x, o, n);
    for (int i = 0; i < n; i++) {
      out[to + i] = (float) ((x[o + i] - mean) / scale);
    }
  }

  static void affine(float[] x, int o, int n, float[] gain, float[] bias, float[] out, int to) {
    for (int i = 0; i < n; i++) {
      double product = (double) x[o + i] * gain[i];
      out[to + i] = (float) (bias.length == 0 ? product : product + bias[i]);
    }
  }

  /**
   * {@code x / 2 (1 + tanh(u))} as {@code x / (1 + exp(-2 u))}, which does not cancel where tanh is
   * near -1.
   */
  static float gelu(float value) {
    double x = value;
    return (float) (x / (1 + Math.exp(-TWICE_SQRT_2_OVER_PI * (x + 0.044715 * x * x * x))));
  }

  static double silu(double x) {
    return x / (1 + Math.exp(-x));
  }
}
