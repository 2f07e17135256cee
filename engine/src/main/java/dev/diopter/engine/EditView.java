package dev.diopter.engine;

/**
 * What an {@link EditFunction} sees: the selected part of one sequence's value, whole, as a
 * writable array of its own. Valid during the call only.
 */
public interface EditView {
  /** Where. */
  HookPoint point();

  /** Index of the sequence in the batch. */
  int sequence();

  /** Step of the generation; 0 is the pass over the prompt. */
  int step();

  /** Absolute position of each selected row (query). */
  int[] positions();

  /** Selected heads; {@code [0]} where the point has no heads. */
  int[] heads();

  /** Shape of {@link #values}: the point's axes, selected. */
  int[] shape();

  /**
   * The selected values, row-major in {@link #shape}; changes are taken back. Masked cells of
   * scores and patterns must stay as they are.
   */
  float[] values();
}
