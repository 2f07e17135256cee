package dev.diopter.lens.tuned;

/**
 * Maps the residual stream of a layer to one that the model's final norm and head can read.
 * Immutable and thread safe; every row depends on that row alone.
 */
public sealed interface Lens permits LogitLens, TunedLens {

  /** Which stream of each block it reads. */
  LensSite site();

  /** Number of layers, one for each block of the model. */
  int layers();

  /** Size of the residual stream. */
  int width();

  /** {@code logit} or {@code tuned}. */
  String kind();

  /**
   * Translates rows.
   *
   * @param layer block, from 0
   * @param rows residual rows [n, width]
   * @return translated rows [n, width], the caller's own
   * @throws IndexOutOfBoundsException if there is no such layer; negative ones do not count from
   *     the end
   * @throws IllegalArgumentException if the rows are not whole
   */
  float[] transform(int layer, float[] rows);
}
