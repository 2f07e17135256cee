package dev.diopter.kernels.cpu;

import java.util.Arrays;

/**
 * Arrays that one thread works in while it holds this object. Each keeps what was last written, has
 * at least the asked size and grows only.
 */
final class Scratch {
  private float[] sums = {};
  private float[] moreSums = {};
  private float[] weights = {};
  private float[] rows = {};
  private float[] cells = {};

  /** 16 floats for the partial sums of a reduction. */
  final float[] partials = new float[16];

  /** Sums of a tile. */
  float[] sums(int size) {
    sums = atLeast(sums, size);
    return sums;
  }

  /** Sums of one head while another head's are kept. */
  float[] moreSums(int size) {
    moreSums = atLeast(moreSums, size);
    return moreSums;
  }

  /** Widened weights. */
  float[] weights(int size) {
    weights = atLeast(weights, size);
    return weights;
  }

  /** Interleaved rows. */
  float[] rows(int size) {
    rows = atLeast(rows, size);
    return rows;
  }

  /** Rows of attention scores. */
  float[] cells(int size) {
    cells = atLeast(cells, size);
    return cells;
  }

  private static float[] atLeast(float[] array, int size) {
    return array.length >= size ? array : Arrays.copyOf(array, Math.max(size, array.length * 2));
  }
}
