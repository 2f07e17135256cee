package dev.diopter.kernels;

import org.jspecify.annotations.Nullable;

/**
 * What one pass leaves for the host: values taken on the way, which a device hands over together
 * when the first of them is asked for, and edits that run where the values are. One for each pass,
 * used by its thread alone.
 */
public interface Tape extends AutoCloseable {

  /** Remembers what a view holds now; returns the number of this value. */
  int take(Matrix view);

  /** Changes cells, in the order of the calls; returns the number of this edit. */
  int edit(CellEdit edit);

  /**
   * A taken value, [rows * columns], which is the caller's from now on: each can be asked for once.
   * Waits for everything that was taken.
   */
  float[] values(int taken);

  /** The first cell of the first edit with {@link CellEdit#check} that broke its rule, or null. */
  @Nullable Violation violation();

  /** Gives memory back. Idempotent. */
  @Override
  void close();

  /**
   * NaN or infinity where an edit may not write it.
   *
   * @param edit number of the edit
   * @param row index among the edit's rows
   * @param head index among the edit's heads
   * @param was what the cell held
   * @param wrote NaN or an infinity
   */
  record Violation(int edit, int row, int head, float was, float wrote) {}
}
