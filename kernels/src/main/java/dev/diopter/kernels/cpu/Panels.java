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

  /** Panels that a few rows are multiplied with at once. */
  static final int ROW_PANELS = 4;

  /** Columns of these panels, and the row length of their sums. */
  static final int ROW_SUMS = ROW_PANELS * WIDTH;

  /** Rows that are interleaved, as many as the largest tile has. */
  static final int ROWS = 12;

  /** Rows of the smallest tile; interleaved rows are filled up to a multiple of it. */
  static final int QUAD = 4;

  /** Columns that are interleaved at a time, so that lines of the result are written at once. */
  private static final int BLOCK = 256;

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
   * Interleaves rows by twelve, [group][k][12], so that a tile reads its rows from one place. Rows
   * that fill up the last four are 0.
   *
   * @param x where the rows lie, row r at {@code xo + r * stride}
   * @param out receives groups {@code from .. to - 1} at their places
   */
  static void interleave(
      float[] x, int xo, int stride, int rows, int k, int from, int to, float[] out) {
    for (int row = from * ROWS; row < Math.min(to * ROWS, rows); row += ROWS) {
      for (int i = 0; i < k; i += BLOCK) {
        int n = Math.min(BLOCK, k - i);
        for (int quad = row; quad < Math.min(row + ROWS, rows); quad += QUAD) {
          int at = xo + quad * stride + i;
          int o = row * k + ROWS * i + quad - row;
          if (quad + QUAD <= rows) {
            interleave(x, at, at + stride, at + 2 * stride, at + 3 * stride, n, out, o);
          } else {
            interleaveLast(x, at, stride, rows - quad, n, out, o);
          }
        }
      }
    }
  }

  private static void interleave(float[] x, int a, int b, int c, int d, int k, float[] out, int o) {
    for (int i = 0; i < k; i++) {
      out[o + 12 * i] = x[a + i];
      out[o + 12 * i + 1] = x[b + i];
      out[o + 12 * i + 2] = x[c + i];
      out[o + 12 * i + 3] = x[d + i];
    }
  }

  private static void interleaveLast(
      float[] x, int at, int stride, int rows, int k, float[] out, int o) {
    for (int r = 0; r < QUAD; r++) {
      for (int i = 0; i < k; i++) {
        out[o + 12 * i + r] = r < rows ? x[at + r * stride + i] : 0;
      }
    }
  }
}
