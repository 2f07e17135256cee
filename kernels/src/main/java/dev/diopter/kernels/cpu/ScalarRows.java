package dev.diopter.kernels.cpu;

/**
 * The loops along a row in plain Java. The vector kernels use them for what is left behind the last
 * whole vector: {@code from} is where to begin, the partial sums continue.
 */
final class ScalarRows {
  private ScalarRows() {}

  /** Element i goes to partial i mod 16. */
  static void addTo(float[] partials, float[] x, int o, int from, int n) {
    for (int i = from; i < n; i++) {
      partials[i % 16] += x[o + i];
    }
  }

  static void addSquaresTo(float[] partials, float[] x, int o, int from, int n, float mean) {
    for (int i = from; i < n; i++) {
      float centred = x[o + i] - mean;
      partials[i % 16] = Math.fma(centred, centred, partials[i % 16]);
    }
  }

  static float max(float max, float[] x, int o, int from, int n) {
    float result = max;
    for (int i = from; i < n; i++) {
      result = Math.max(result, x[o + i]);
    }
    return result;
  }

  /** 16 -> 8 -> 4 -> 2 -> 1, partner at half the distance. */
  static float tree(float[] partials) {
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        partials[i] = partials[i] + partials[i + half];
      }
    }
    return partials[0];
  }

  static void normalize(
      float[] x, int o, int from, int n, float mean, float scale, float[] out, int to) {
    for (int i = from; i < n; i++) {
      out[to + i] = (x[o + i] - mean) / scale;
    }
  }

  static void affine(
      float[] x, int o, int from, int n, float[] gain, float[] bias, float[] out, int to) {
    for (int i = from; i < n; i++) {
      out[to + i] = Math.fma(x[o + i], gain[i], bias[i]);
    }
  }

  static void gain(float[] x, int o, int from, int n, float[] gain, float[] out, int to) {
    for (int i = from; i < n; i++) {
      out[to + i] = x[o + i] * gain[i];
    }
  }

  static void scale(float[] x, int o, int from, int n, float factor, float[] out, int to) {
    for (int i = from; i < n; i++) {
      out[to + i] = x[o + i] * factor;
    }
  }

  static void add(float[] a, int ao, float[] b, int bo, int from, int n, float[] out, int to) {
    for (int i = from; i < n; i++) {
      out[to + i] = a[ao + i] + b[bo + i];
    }
  }

  static void gelu(float[] x, int o, int from, int n, float[] out, int to) {
    for (int i = from; i < n; i++) {
      out[to + i] = ScalarMath.gelu(x[o + i]);
    }
  }

  static void siluTimes(
      float[] gate, int go, float[] up, int uo, int from, int n, float[] out, int to) {
    for (int i = from; i < n; i++) {
      out[to + i] = ScalarMath.silu(gate[go + i]) * up[uo + i];
    }
  }

  static void rotate(
      float[] x, int o, int from, int pairs, float[] angles, int at, float[] out, int to) {
    for (int i = from; i < pairs; i++) {
      float a = x[o + i];
      float b = x[o + pairs + i];
      float cosine = angles[at + i];
      float sine = angles[at + pairs + i];
      out[to + i] = Math.fma(a, cosine, -(b * sine));
      out[to + pairs + i] = Math.fma(b, cosine, a * sine);
    }
  }
}
