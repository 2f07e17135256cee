package dev.diopter.kernels.cpu;

/**
 * The one layout of everything that is multiplied: panels of 16 columns, [panel][k][16], so that a
 * step along k reads one cache line and columns lie in the lanes. Weights have outputs as columns
 * and inputs along k; keys have keys as columns and the head's width along k; values have the
 * head's width as columns and keys along k.
 *
 * <p>16 is what a 512-bit vector holds, and two or four narrower vectors; it is the same on every
 * machine, so that packing, slicing and gathering know nothing of vector widths.
 */
final class Panels {
  /** Columns of a panel. */
  static final int WIDTH = 16;

  /** Panels that one pass of a tile covers; sums are kept as [row][2 * 16]. */
  static final int PAIR = 2;

  /** Columns of a pair of panels, and the row length of sums. */
  static final int SUMS = PAIR * WIDTH;

  /** Rows of a tile. */
  static final int ROWS = 4;

  private Panels() {}

  /** Panels that hold this many columns. */
  static int count(int columns) {
    return (columns + WIDTH - 1) / WIDTH;
  }

  /** {@code n} rounded up to a multiple of {@code step}. */
  static int roundUp(int n, int step) {
    return (n + step - 1) / step * step;
  }

  /**
   * Interleaves rows by four, [group][k][4], so that a tile reads its rows from one place. Rows
   * that fill up the last group are 0.
   *
   * @param x where the rows lie, row r at {@code xo + r * stride}
   * @param out receives groups {@code from .. to - 1} at their places
   */
  static void interleave(
      float[] x, int xo, int stride, int rows, int k, int from, int to, float[] out) {
    for (int group = from; group < to; group++) {
      int row = group * ROWS;
      int at = xo + row * stride;
      int o = group * ROWS * k;
      if (row + ROWS <= rows) {
        interleave(x, at, at + stride, at + 2 * stride, at + 3 * stride, k, out, o);
      } else {
        interleaveLast(x, at, stride, rows - row, k, out, o);
      }
    }
  }

  private static void interleave(float[] x, int a, int b, int c, int d, int k, float[] out, int o) {
    for (int i = 0; i < k; i++) {
      out[o + 4 * i] = x[a + i];
      out[o + 4 * i + 1] = x[b + i];
      out[o + 4 * i + 2] = x[c + i];
      out[o + 4 * i + 3] = x[d + i];
    }
  }

  private static void interleaveLast(
      float[] x, int at, int stride, int rows, int k, float[] out, int o) {
    for (int r = 0; r < ROWS; r++) {
      for (int i = 0; i < k; i++) {
        out[o + 4 * i + r] = r < rows ? x[at + r * stride + i] : 0;
      }
    }
  }
}
