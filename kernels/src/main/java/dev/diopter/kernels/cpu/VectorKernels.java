package dev.diopter.kernels.cpu;

import static dev.diopter.kernels.cpu.VectorShapes.LANES;
import static dev.diopter.kernels.cpu.VectorShapes.MANY_REGISTERS;

/** The loops with the Vector API, at the width of {@link VectorShapes}. */
final class VectorKernels implements Kernels {
  /** Panels that four vectors cover. */
  private static final int ROW_PANELS = 4 * LANES / Panels.WIDTH;

  @Override
  public String describe() {
    return VectorShapes.FLOATS.vectorBitSize() + "-bit vectors";
  }

  @Override
  public int fewRows(boolean widened) {
    if (LANES == Panels.WIDTH) {
      return 8;
    }
    return widened ? 1 : 3; // measured, with 16 registers as well as with 32
  }

  @Override
  public boolean widensFloat16() {
    return LANES == Panels.WIDTH;
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
    if (LANES == Panels.WIDTH) {
      int right = panels == Panels.PAIR ? second : 0;
      int cRight = panels == Panels.PAIR ? Panels.WIDTH : 0;
      pair(x, xo, xGroup, rows, w, wo, right, k, c, co, cRight);
      return;
    }
    for (int p = 0; p < panels; p++) {
      for (int j = 0; j < Panels.WIDTH; j += 2 * LANES) {
        int from = wo + p * second + j;
        pair(x, xo, xGroup, rows, w, from, LANES, k, c, co + p * Panels.WIDTH + j, LANES);
      }
    }
  }

  /** All rows times two vectors, in the largest tiles that fit. */
  private static void pair(
      float[] x,
      int xo,
      int xGroup,
      int rows,
      float[] w,
      int wo,
      int second,
      int k,
      float[] c,
      int co,
      int cSecond) {
    for (int r = 0; r < rows; ) {
      int left = rows - r;
      int from = xo + r / Panels.ROWS * xGroup + r % Panels.ROWS;
      int to = co + r * Panels.SUMS;
      if (MANY_REGISTERS && r % Panels.ROWS == 0 && left > 8) {
        VectorTiles.tile12(x, from, w, wo, second, k, c, to, cSecond);
        r += 12;
      } else if (MANY_REGISTERS && r % Panels.ROWS == 0 && left > 4) {
        VectorTiles.tile8(x, from, w, wo, second, k, c, to, cSecond);
        r += 8;
      } else {
        VectorTiles.tile4(x, from, w, wo, second, k, c, to, cSecond);
        r += 4;
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
    if (LANES == Panels.WIDTH) {
      int right = panels == Panels.PAIR ? second : 0;
      int cRight = panels == Panels.PAIR ? Panels.WIDTH : 0;
      VectorTiles.tileRows(x, xo, xRow, w, wo, right, k, c, co, cRight);
      return;
    }
    for (int p = 0; p < panels; p++) {
      for (int j = 0; j < Panels.WIDTH; j += 2 * LANES) {
        int from = wo + p * second + j;
        VectorTiles.tileRows(x, xo, xRow, w, from, LANES, k, c, co + p * Panels.WIDTH + j, LANES);
      }
    }
  }

  @Override
  public void row(
      float[] x, int xo, float[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    int p = 0;
    for (; p + ROW_PANELS <= panels; p += ROW_PANELS) {
      int at = wo + p * stride;
      VectorFewRows.row(
          x,
          xo,
          w,
          at,
          at + vector(1, stride),
          at + vector(2, stride),
          at + vector(3, stride),
          k,
          c,
          co + p * Panels.WIDTH);
    }
    for (; p < panels; p++) {
      for (int j = 0; j < Panels.WIDTH; j += LANES) {
        VectorFewRows.row(x, xo, w, wo + p * stride + j, k, c, co + p * Panels.WIDTH + j);
      }
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
    int whole = panels / ROW_PANELS * ROW_PANELS;
    for (int p = 0; p < whole; p += ROW_PANELS) {
      int w0 = wo + p * stride;
      int w1 = w0 + vector(1, stride);
      int w2 = w0 + vector(2, stride);
      int w3 = w0 + vector(3, stride);
      int to = co + p * Panels.WIDTH;
      int r = 0;
      for (; MANY_REGISTERS && r + 4 <= rows; r += 4) {
        int at = to + r * Panels.ROW_SUMS;
        VectorFewRows.rows4(x, xo + r * xRow, xRow, w, w0, w1, w2, w3, k, c, at);
      }
      for (; r + 2 <= rows; r += 2) {
        int at = to + r * Panels.ROW_SUMS;
        VectorFewRows.rows2(x, xo + r * xRow, xRow, w, w0, w1, w2, w3, k, c, at);
      }
      if (r < rows) {
        VectorFewRows.row(x, xo + r * xRow, w, w0, w1, w2, w3, k, c, to + r * Panels.ROW_SUMS);
      }
    }
    if (whole < panels) {
      int at = wo + whole * stride;
      for (int r = 0; r < rows; r++) {
        int to = co + r * Panels.ROW_SUMS + whole * Panels.WIDTH;
        row(x, xo + r * xRow, w, at, stride, panels - whole, k, c, to);
      }
    }
  }

  @Override
  public void rowBfloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    int p = 0;
    for (; p + ROW_PANELS <= panels; p += ROW_PANELS) {
      int at = wo + p * stride;
      VectorFewRows.row(
          x,
          xo,
          w,
          at,
          at + vector(1, stride),
          at + vector(2, stride),
          at + vector(3, stride),
          k,
          c,
          co + p * Panels.WIDTH);
    }
    for (; p < panels; p++) {
      for (int j = 0; j < Panels.WIDTH; j += LANES) {
        VectorFewRows.row(x, xo, w, wo + p * stride + j, k, c, co + p * Panels.WIDTH + j);
      }
    }
  }

  @Override
  public void rowFloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co) {
    int p = 0;
    for (; p + ROW_PANELS <= panels; p += ROW_PANELS) {
      int at = wo + p * stride;
      VectorFewRows.rowFloat16(
          x,
          xo,
          w,
          at,
          at + vector(1, stride),
          at + vector(2, stride),
          at + vector(3, stride),
          k,
          c,
          co + p * Panels.WIDTH);
    }
    for (; p < panels; p++) {
      for (int j = 0; j < Panels.WIDTH; j += LANES) {
        VectorFewRows.rowFloat16(x, xo, w, wo + p * stride + j, k, c, co + p * Panels.WIDTH + j);
      }
    }
  }

  /** Where vector {@code v} of a run of columns begins, counted from the run's first panel. */
  private static int vector(int v, int stride) {
    int column = v * LANES;
    return column / Panels.WIDTH * stride + column % Panels.WIDTH;
  }

  @Override
  public void store(float[] sums, int so, int rows, int n, float[] out, int to, int stride) {
    VectorFewRows.store(sums, so, rows, n, out, to, stride);
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
    VectorFewRows.storeBiased(sums, so, rows, n, bias, bo, out, to, stride);
  }

  @Override
  public void widenBfloat16(short[] w, int wo, int n, float[] out, int to) {
    VectorFewRows.widen(w, wo, n, out, to);
  }

  @Override
  public float sum(float[] x, int o, int n, float[] partials) {
    return VectorRows.sum(x, o, n, partials);
  }

  @Override
  public float squares(float[] x, int o, int n, float mean, float[] partials) {
    return VectorRows.squares(x, o, n, mean, partials);
  }

  @Override
  public void normalize(float[] x, int o, int n, float mean, float scale, float[] out, int to) {
    VectorRows.normalize(x, o, n, mean, scale, out, to);
  }

  @Override
  public void affine(float[] x, int o, int n, float[] gain, float[] bias, float[] out, int to) {
    VectorRows.affine(x, o, n, gain, bias, out, to);
  }

  @Override
  public void gain(float[] x, int o, int n, float[] gain, float[] out, int to) {
    VectorRows.gain(x, o, n, gain, out, to);
  }

  @Override
  public void scale(float[] x, int o, int n, float factor, float[] out, int to) {
    VectorRows.scale(x, o, n, factor, out, to);
  }

  @Override
  public void add(float[] a, int ao, float[] b, int bo, int n, float[] out, int to) {
    VectorRows.add(a, ao, b, bo, n, out, to);
  }

  @Override
  public void softmax(float[] x, int o, int n, float[] partials) {
    VectorRows.softmax(x, o, n, partials);
  }

  @Override
  public void gelu(float[] x, int o, int n, float[] out, int to) {
    VectorMath.gelu(x, o, n, out, to);
  }

  @Override
  public void siluTimes(float[] gate, int go, float[] up, int uo, int n, float[] out, int to) {
    VectorMath.siluTimes(gate, go, up, uo, n, out, to);
  }

  @Override
  public void rotate(float[] x, int o, int pairs, float[] angles, int at, float[] out, int to) {
    VectorRows.rotate(x, o, pairs, angles, at, out, to);
  }
}
