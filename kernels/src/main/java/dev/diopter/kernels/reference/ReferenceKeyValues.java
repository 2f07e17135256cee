package dev.diopter.kernels.reference;

import dev.diopter.kernels.KeyValueBlock;

/** Keys and values as [capacity][heads * headDim]. */
record ReferenceKeyValues(int heads, int headDim, float[][] keys, float[][] values)
    implements KeyValueBlock {

  static ReferenceKeyValues of(int heads, int headDim, int capacity) {
    int width = heads * headDim;
    return new ReferenceKeyValues(
        heads, headDim, new float[capacity][width], new float[capacity][width]);
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
