package dev.diopter.kernels.reference;

import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.host.HostBuffer;

/** Keys and values as [capacity][heads * headDim]. */
record ReferenceKeyValues(int heads, int headDim, float[][] keys, float[][] values)
    implements KeyValueBlock {

  static ReferenceKeyValues of(int heads, int headDim, int capacity) {
    int width = heads * headDim;
    float[][] keys = new float[capacity][width];
    float[][] values = new float[capacity][width];
    HostBuffer.spoil(keys);
    HostBuffer.spoil(values);
    return new ReferenceKeyValues(heads, headDim, keys, values);
  }

  static ReferenceKeyValues of(KeyValueBlock block) {
    if (block instanceof ReferenceKeyValues reference) {
      return reference;
    }
    throw new IllegalArgumentException(
        "expected a block of the reference backend, got " + block.getClass().getSimpleName());
  }

  @Override
  public int capacity() {
    return keys.length;
  }
}
