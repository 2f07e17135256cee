package dev.diopter.lens.trajectory;

import dev.diopter.lens.tuned.LensSite;

/** Where the logits of a trajectory come from, some positions of a row at a time. */
interface LogitRows {
  /** The lens's kind. */
  String kind();

  /** What the lens reads. */
  LensSite site();

  /** The tokens. */
  int[] ids();

  /** Number of logits of a position. */
  int vocabulary();

  /** Number of rows, the output included. */
  int rows();

  /** Number of positions. */
  default int positions() {
    return ids().length;
  }

  /**
   * Logits of a row.
   *
   * @param row a layer, or the last for the model's own output
   * @param from the first position
   * @param to behind the last position
   * @param into gets [to - from, vocabulary] at its front
   */
  void logits(int row, int from, int to, float[] into);
}
