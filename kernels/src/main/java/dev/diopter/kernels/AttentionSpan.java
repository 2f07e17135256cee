package dev.diopter.kernels;

/**
 * Consecutive rows of one sequence and what they attend to. Row {@code firstRow + i} sees the keys
 * {@code 0 .. firstIndex + i} of the view, so {@code firstIndex + rows} is the view's length when
 * all keys belong to the rows or to what came before them.
 *
 * @param firstRow row in the batch
 * @param rows how many rows
 * @param firstIndex index of the first row's own key in the view
 * @param keys what the sequence sees
 */
public record AttentionSpan(int firstRow, int rows, int firstIndex, KeyValueView keys) {

  /**
   * The key axis of scores and patterns: the largest number of keys that a row of the span sees.
   */
  public int keyCount() {
    return firstIndex + rows;
  }
}
