package dev.diopter.kernels.cpu;

import java.util.Arrays;

/**
 * The loops in plain Java with {@link Math#fma(float, float, float)}: the twin of {@link
 * VectorKernels}, and its oracle.
 */
final class ScalarKernels implements Kernels {
  @Override
  public String describe() {
    return "scalar kernels";
  }

  @Override
  public int fewRows(boolean widened) {
    return 3;
  }

  @Override
  public boolean widensFloat16() {
    return false;
  }

  @Override
  public void tiles(
      float[] x,
      int xo,
      int xGroup,
      int rows,
      float[] w,
      int wo,
      int second,
      int panels,
      int k,
      float[] c,
      int co) {
    for (int r = 0; r < rows; r += Panels.QUAD) {
      int from = xo + r / Panels.ROWS * xGroup + r % Panels.ROWS;
      for (int p = 0; p < panels; p++) {
        int to = co + r * Panels.SUMS + p * Panels.WIDTH;
        ScalarTiles.tile(x, from, 1, Panels.ROWS, w, wo + p * second, k, c, to);
      }
    }
  }

  @Override
  public void tileRows(
      float[] x,
      int xo,
      int xRow,
      float[] w,
      int wo,
      int second,
      int panels,
      int k,
      float[] c,
      int co) {
    for (int p = 0; p < panels; p++) {
      ScalarTiles.tile(x, xo, xRow, 1, w, wo + p * second, k, c, co + p * Panels.WIDTH);
    }
  }

  @Override
  public void row(
      float[] x, int xo, float[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    for (int p = 0; p < panels; p++) {
      ScalarTiles.row(x, xo, w, wo + p * stride, k, c, co + p * Panels.WIDTH);
    }
  }

  @Override
  public void rows(
      float[] x,
      int xo,
      int xRow,
      int rows,
      float[] w,
      int wo,
      int stride,
      int panels,
      int k,
      float[] c,
      int co) {
    for (int r = 0; r < rows; r++) {
      row(x, xo + r * xRow, w, wo, stride, panels, k, c, co + r * Panels.ROW_SUMS);
    }
  }

  @Override
  public void rowBfloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    for (int p = 0; p < panels; p++) {
      ScalarTiles.rowBfloat16(x, xo, w, wo + p * stride, k, c, co + p * Panels.WIDTH);
    }
  }

  @Override
  public void store(float[] sums, int so, int rows, int n, float[] out, int to, int stride) {
    for (int r = 0; r < rows; r++) {
      System.arraycopy(sums, so + r * Panels.SUMS, out, to + r * stride, n);
    }
  }

  @Override
  public void storeBiased(
      float[] sums,
      int so,
      int rows,
      int n,
      float[] bias,
      int bo,
      float[] out,
      int to,
      int stride) {
    for (int r = 0; r < rows; r++) {
      add(sums, so + r * Panels.SUMS, bias, bo, n, out, to + r * stride);
    }
  }

  @Override
  public void rowFloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    for (int p = 0; p < panels; p++) {
      ScalarTiles.rowFloat16(x, xo, w, wo + p * stride, k, c, co + p * Panels.WIDTH);
    }
  }

  @Override
  public void widenBfloat16(short[] w, int wo, int n, float[] out, int to) {
    for (int i = 0; i < n; i++) {
      out[to + i] = Float.intBitsToFloat(w[wo + i] << 16);
    }
  }

  @Override
  public float sum(float[] x, int o, int n, float[] partials) {
    Arrays.fill(partials, 0f);
    ScalarRows.addTo(partials, x, o, 0, n);
    return ScalarRows.tree(partials);
  }

  @Override
  public float squares(float[] x, int o, int n, float mean, float[] partials) {
    Arrays.fill(partials, 0f);
    ScalarRows.addSquaresTo(partials, x, o, 0, n, mean);
    return ScalarRows.tree(partials);
  }

  @Override
  public void normalize(float[] x, int o, int n, float mean, float scale, float[] out, int to) {
    ScalarRows.normalize(x, o, 0, n, mean, scale, out, to);
  }

  @Override
  public void affine(float[] x, int o, int n, float[] gain, float[] bias, float[] out, int to) {
    ScalarRows.affine(x, o, 0, n, gain, bias, out, to);
  }

  @Override
  public void gain(float[] x, int o, int n, float[] gain, float[] out, int to) {
    ScalarRows.gain(x, o, 0, n, gain, out, to);
  }

  @Override
  public void scale(float[] x, int o, int n, float factor, float[] out, int to) {
    ScalarRows.scale(x, o, 0, n, factor, out, to);
  }

  @Override
  public void add(float[] a, int ao, float[] b, int bo, int n, float[] out, int to) {
    ScalarRows.add(a, ao, b, bo, 0, n, out, to);
  }

  @Override
  public void softmax(float[] x, int o, int n, float[] partials) {
    float max = ScalarRows.max(Float.NEGATIVE_INFINITY, x, o, 0, n);
    if (max == Float.NEGATIVE_INFINITY) {
      Arrays.fill(x, o, o + n, 0f);
      return;
    }
    for (int i = 0; i < n; i++) {
      x[o + i] = ScalarMath.exp(x[o + i] - max);
    }
    ScalarRows.scale(x, o, 0, n, 1f / sum(x, o, n, partials), x, o);
  }

  @Override
  public void gelu(float[] x, int o, int n, float[] out, int to) {
    ScalarRows.gelu(x, o, 0, n, out, to);
  }

  @Override
  public void siluTimes(float[] gate, int go, float[] up, int uo, int n, float[] out, int to) {
    ScalarRows.siluTimes(gate, go, up, uo, 0, n, out, to);
  }

  @Override
  public void rotate(float[] x, int o, int pairs, float[] angles, int at, float[] out, int to) {
    ScalarRows.rotate(x, o, 0, pairs, angles, at, out, to);
  }
}
