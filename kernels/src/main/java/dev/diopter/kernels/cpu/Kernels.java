package dev.diopter.kernels.cpu;

/**
 * The primitive loops of the CPU backend, on arrays and offsets. Every implementation combines the
 * same float32 values in the same order, so that all agree to the bit (NaN counts as NaN, whatever
 * its payload). Stateless, thread safe, allocates nothing.
 *
 * <p>Shapes: a pair of panels is {@code w[wo + 16 k + lane]} and {@code w[wo + second + 16 k +
 * lane]}; sums are [row][32] at {@code co}, continued from what they hold, in one chain of fused
 * multiply-adds with ascending k.
 */
interface Kernels {
  /** What computes, for a person: {@code 512-bit vectors}. */
  String describe();

  /**
   * Up to how many rows {@link #rows} is faster than {@link #tiles}; it changes no result.
   *
   * @param widened whether the panels were widened to a block that lies in a cache
   */
  int fewRows(boolean widened);

  /** Whether {@link #rowFloat16} is faster than widening a block first; it changes no result. */
  boolean widensFloat16();

  /**
   * Groups of twelve interleaved rows times one or two panels.
   *
   * @param x element (row r of group g, k) at {@code xo + g * xGroup + 12 k + r}
   * @param rows how many; rows and sums reach up to the next multiple of four
   */
  void tiles(
      float[] x,
      int xo,
      int xGroup,
      int rows,
      float[] w,
      int wo,
      int second,
      int panels,
      int k,
      float[] c,
      int co);

  /**
   * Four rows as they lie, times one or two panels.
   *
   * @param x element (r, k) at {@code xo + r * xRow + k}
   */
  void tileRows(
      float[] x,
      int xo,
      int xRow,
      float[] w,
      int wo,
      int second,
      int panels,
      int k,
      float[] c,
      int co);

  /** One row times any number of panels, {@code stride} apart; sums are [panel][16]. */
  void row(float[] x, int xo, float[] w, int wo, int stride, int panels, int k, float[] c, int co);

  /**
   * A few rows as they lie, times up to four panels, {@code stride} apart; sums are [row][64].
   *
   * @param x element (r, k) at {@code xo + r * xRow + k}
   */
  void rows(
      float[] x,
      int xo,
      int xRow,
      int rows,
      float[] w,
      int wo,
      int stride,
      int panels,
      int k,
      float[] c,
      int co);

  /** {@link #row} on bfloat16 panels, widened on the way. */
  void rowBfloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co);

  /** {@link #row} on float16 panels, widened on the way. */
  void rowFloat16(
      float[] x, int xo, short[] w, int wo, int stride, int panels, int k, float[] c, int co);

  /**
   * Writes {@code n} sums of each row, [row][32], to rows that are {@code stride} apart; n is at
   * most 32.
   */
  void store(float[] sums, int so, int rows, int n, float[] out, int to, int stride);

  /** {@link #store} with a bias added. */
  void storeBiased(
      float[] sums, int so, int rows, int n, float[] bias, int bo, float[] out, int to, int stride);

  /** Widens {@code n} bfloat16 values, n a multiple of 16. */
  void widenBfloat16(short[] w, int wo, int n, float[] out, int to);

  /** Sum by 16 strided partials and the tree. {@code partials} is scratch of 16. */
  float sum(float[] x, int o, int n, float[] partials);

  /** Sum of {@code (x - mean)^2} by 16 strided partials and the tree. */
  float squares(float[] x, int o, int n, float mean, float[] partials);

  /** {@code out = (x - mean) / scale}. */
  void normalize(float[] x, int o, int n, float mean, float scale, float[] out, int to);

  /** {@code out = fma(x, gain, bias)}. */
  void affine(float[] x, int o, int n, float[] gain, float[] bias, float[] out, int to);

  /** {@code out = x * gain}. */
  void gain(float[] x, int o, int n, float[] gain, float[] out, int to);

  /** {@code out = x * factor}. */
  void scale(float[] x, int o, int n, float factor, float[] out, int to);

  /** {@code out = a + b}. */
  void add(float[] a, int ao, float[] b, int bo, int n, float[] out, int to);

  /**
   * Softmax of {@code n} values in place: {@code exp(x - max)} times the reciprocal of the sum. A
   * row that is minus infinity throughout becomes zeros. The array has room up to the next multiple
   * of 16, which is overwritten.
   */
  void softmax(float[] x, int o, int n, float[] partials);

  /** {@code out = gelu(x)}. */
  void gelu(float[] x, int o, int n, float[] out, int to);

  /** {@code out = silu(gate) * up}. */
  void siluTimes(float[] gate, int go, float[] up, int uo, int n, float[] out, int to);

  /**
   * {@code out[i] = fma(a, cos, -(b * sin))}, {@code out[pairs + i] = fma(b, cos, a * sin)} with a
   * = x[i], b = x[pairs + i].
   *
   * @param angles cosines at {@code at}, sines at {@code at + pairs}
   */
  void rotate(float[] x, int o, int pairs, float[] angles, int at, float[] out, int to);
}
