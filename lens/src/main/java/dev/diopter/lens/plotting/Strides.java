package dev.diopter.lens.plotting;

import java.util.stream.IntStream;

/** Every n-th row, and the last in any case. */
final class Strides {
  private Strides() {}

  /**
   * The rows that stay.
   *
   * @param stride at least 1
   * @param rows how many there are
   */
  static int[] rows(int stride, int rows) {
    if (stride < 1) {
      throw new IllegalArgumentException("expected a stride of at least 1, got " + stride);
    }
    IntStream before = IntStream.iterate(0, row -> row < rows - 1, row -> row + stride);
    return IntStream.concat(before, IntStream.range(Math.max(0, rows - 1), rows)).toArray();
  }
}
