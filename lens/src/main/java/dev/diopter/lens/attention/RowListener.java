package dev.diopter.lens.attention;

/** Sees each sampled row of a scan, in the order of the corpus. */
@FunctionalInterface
interface RowListener {
  /**
   * One row.
   *
   * @param window where
   * @param query which row
   * @param multiples of the window
   * @param row the multiples of the row, keys 0 to {@code query}
   */
  void row(Window window, int query, Multiples multiples, double[] row);
}
