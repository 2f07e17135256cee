package dev.diopter.kernels;

import java.lang.foreign.MemorySegment;

/**
 * A weight matrix as it lies in a checkpoint, described by strides so that every layout (rows of
 * outputs, rows of inputs, a band of columns of a larger matrix) is the same thing. Element (i, o)
 * of W in {@code y = x W} is at element index {@code offset + i * inStride + o * outStride},
 * little-endian.
 *
 * @param data the bytes; read only while packing
 * @param type element type
 * @param offset index of element (0, 0), in elements
 * @param in number of inputs (rows of W)
 * @param out number of outputs (columns of W)
 * @param inStride elements from one input to the next
 * @param outStride elements from one output to the next
 */
public record StoredMatrix(
    MemorySegment data,
    StorageType type,
    long offset,
    int in,
    int out,
    long inStride,
    long outStride) {

  public StoredMatrix {
    if (in < 1 || out < 1 || offset < 0) {
      throw new IllegalArgumentException(
          "expected a matrix of at least 1 x 1, got %d x %d at %d".formatted(in, out, offset));
    }
    long last = offset + (in - 1) * inStride + (out - 1) * outStride;
    if (last < 0 || (last + 1) * type.bytes() > data.byteSize()) {
      throw new IllegalArgumentException(
          "expected %d bytes for a matrix of %d x %d, got %d"
              .formatted((last + 1) * type.bytes(), in, out, data.byteSize()));
    }
  }
}
