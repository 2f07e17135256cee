package dev.diopter.kernels.cpu;

import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.host.HostBuffer;

/**
 * Keys and values of one layer, an array for each head: keys in panels of 16 keys,
 * [panel][headDim][16], values in panels of 16 columns, [panel][capacity][16]. So scores and mixing
 * are products with panels, as weights are.
 */
final class CpuKeyValues implements KeyValueBlock {
  private final int heads;
  private final int headDim;
  private final int capacity;
  private final float[][] keys;
  private final float[][] values;

  CpuKeyValues(int heads, int headDim, int capacity) {
    this.heads = heads;
    this.headDim = headDim;
    this.capacity = capacity;
    long keySize = (long) Panels.count(capacity) * Panels.WIDTH * headDim;
    long valueSize = (long) Panels.count(headDim) * Panels.WIDTH * capacity;
    if (Math.max(keySize, valueSize) > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "expected at most 2^31 floats for the keys of a head, got %d x %d"
              .formatted(capacity, headDim));
    }
    this.keys = new float[heads][(int) keySize];
    this.values = new float[heads][(int) valueSize];
    HostBuffer.spoil(keys);
    HostBuffer.spoil(values);
  }

  static CpuKeyValues of(KeyValueBlock block) {
    if (block instanceof CpuKeyValues cpu) {
      return cpu;
    }
    throw new IllegalArgumentException(
        "expected a block of the cpu backend, got " + block.getClass().getSimpleName());
  }

  @Override
  public int capacity() {
    return capacity;
  }

  @Override
  public int heads() {
    return heads;
  }

  @Override
  public int headDim() {
    return headDim;
  }

  /** Key panels of a head. */
  float[] keys(int head) {
    return keys[head];
  }

  /** Elements from one key panel to the next. */
  int keyPanel() {
    return headDim * Panels.WIDTH;
  }

  /** Value panels of a head. */
  float[] values(int head) {
    return values[head];
  }

  /** Elements from one value panel to the next. */
  int valuePanel() {
    return capacity * Panels.WIDTH;
  }

  /**
   * Writes rows [n, heads * headDim] of keys to entries {@code entry ..}, for heads {@code from ..
   * to - 1}.
   */
  void storeKeys(Matrix rows, int entry, int from, int to) {
    float[] x = HostBuffer.of(rows);
    for (int head = from; head < to; head++) {
      int xo = rows.offset() + head * headDim;
      for (int r = 0; r < rows.rows(); ) {
        int panel = (entry + r) / Panels.WIDTH;
        int lane = (entry + r) % Panels.WIDTH;
        int n = Math.min(Panels.WIDTH - lane, rows.rows() - r);
        int at = panel * keyPanel() + lane;
        transpose(x, xo + r * rows.stride(), rows.stride(), n, headDim, keys[head], at);
        r += n;
      }
    }
  }

  /** {@link #storeKeys} for values. */
  void storeValues(Matrix rows, int entry, int from, int to) {
    float[] x = HostBuffer.of(rows);
    for (int head = from; head < to; head++) {
      for (int d = 0; d < headDim; d += Panels.WIDTH) {
        int width = Math.min(Panels.WIDTH, headDim - d);
        int at = d / Panels.WIDTH * valuePanel() + entry * Panels.WIDTH;
        int xo = rows.offset() + head * headDim + d;
        for (int r = 0; r < rows.rows(); r++) {
          int source = xo + r * rows.stride();
          System.arraycopy(x, source, values[head], at + r * Panels.WIDTH, width);
        }
      }
    }
  }

  private static void transpose(
      float[] x, int xo, int stride, int rows, int width, float[] out, int to) {
    for (int d = 0; d < width; d++) {
      for (int r = 0; r < rows; r++) {
        out[to + d * Panels.WIDTH + r] = x[xo + r * stride + d];
      }
    }
  }
}
