package dev.diopter.kernels.cpu;

/** Products with panels in plain Java: four rows by two columns in registers. */
final class ScalarTiles {
  private ScalarTiles() {}

  /** Four rows times one panel; element (r, k) of x at {@code xo + r * xRow + k * xStep}. */
  static void tile(
      float[] x, int xo, int xRow, int xStep, float[] w, int wo, int k, float[] c, int co) {
    for (int j = 0; j < Panels.WIDTH; j += 2) {
      columns(x, xo, xRow, xStep, w, wo + j, k, c, co + j);
    }
  }

  private static void columns(
      float[] x, int xo, int xRow, int xStep, float[] w, int wo, int k, float[] c, int co) {
    int c1 = co + Panels.SUMS;
    int c2 = c1 + Panels.SUMS;
    int c3 = c2 + Panels.SUMS;
    float a0 = c[co];
    float a1 = c[co + 1];
    float b0 = c[c1];
    float b1 = c[c1 + 1];
    float d0 = c[c2];
    float d1 = c[c2 + 1];
    float e0 = c[c3];
    float e1 = c[c3 + 1];
    for (int i = 0; i < k; i++) {
      float u = w[wo + 16 * i];
      float v = w[wo + 16 * i + 1];
      int at = xo + i * xStep;
      a0 = Math.fma(x[at], u, a0);
      a1 = Math.fma(x[at], v, a1);
      b0 = Math.fma(x[at + xRow], u, b0);
      b1 = Math.fma(x[at + xRow], v, b1);
      d0 = Math.fma(x[at + 2 * xRow], u, d0);
      d1 = Math.fma(x[at + 2 * xRow], v, d1);
      e0 = Math.fma(x[at + 3 * xRow], u, e0);
      e1 = Math.fma(x[at + 3 * xRow], v, e1);
    }
    c[co] = a0;
    c[co + 1] = a1;
    c[c1] = b0;
    c[c1 + 1] = b1;
    c[c2] = d0;
    c[c2 + 1] = d1;
    c[c3] = e0;
    c[c3 + 1] = e1;
  }

  /** One row times one panel, four columns at a time. */
  static void row(float[] x, int xo, float[] w, int wo, int k, float[] c, int co) {
    for (int j = 0; j < Panels.WIDTH; j += 4) {
      float a = c[co + j];
      float b = c[co + j + 1];
      float d = c[co + j + 2];
      float e = c[co + j + 3];
      for (int i = 0; i < k; i++) {
        float value = x[xo + i];
        int at = wo + 16 * i + j;
        a = Math.fma(value, w[at], a);
        b = Math.fma(value, w[at + 1], b);
        d = Math.fma(value, w[at + 2], d);
        e = Math.fma(value, w[at + 3], e);
      }
      c[co + j] = a;
      c[co + j + 1] = b;
      c[co + j + 2] = d;
      c[co + j + 3] = e;
    }
  }

  /** {@link #row} on a bfloat16 panel. */
  static void rowBfloat16(float[] x, int xo, short[] w, int wo, int k, float[] c, int co) {
    for (int j = 0; j < Panels.WIDTH; j += 4) {
      float a = c[co + j];
      float b = c[co + j + 1];
      float d = c[co + j + 2];
      float e = c[co + j + 3];
      for (int i = 0; i < k; i++) {
        float value = x[xo + i];
        int at = wo + 16 * i + j;
        a = Math.fma(value, Float.intBitsToFloat(w[at] << 16), a);
        b = Math.fma(value, Float.intBitsToFloat(w[at + 1] << 16), b);
        d = Math.fma(value, Float.intBitsToFloat(w[at + 2] << 16), d);
        e = Math.fma(value, Float.intBitsToFloat(w[at + 3] << 16), e);
      }
      c[co + j] = a;
      c[co + j + 1] = b;
      c[co + j + 2] = d;
      c[co + j + 3] = e;
    }
  }

  /** {@link #row} on a float16 panel. */
  static void rowFloat16(float[] x, int xo, short[] w, int wo, int k, float[] c, int co) {
    for (int j = 0; j < Panels.WIDTH; j += 4) {
      float a = c[co + j];
      float b = c[co + j + 1];
      float d = c[co + j + 2];
      float e = c[co + j + 3];
      for (int i = 0; i < k; i++) {
        float value = x[xo + i];
        int at = wo + 16 * i + j;
        a = Math.fma(value, Float.float16ToFloat(w[at]), a);
        b = Math.fma(value, Float.float16ToFloat(w[at + 1]), b);
        d = Math.fma(value, Float.float16ToFloat(w[at + 2]), d);
        e = Math.fma(value, Float.float16ToFloat(w[at + 3]), e);
      }
      c[co + j] = a;
      c[co + j + 1] = b;
      c[co + j + 2] = d;
      c[co + j + 3] = e;
    }
  }
}
