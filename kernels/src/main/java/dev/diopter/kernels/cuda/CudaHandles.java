package dev.diopter.kernels.cuda;

import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.IndexBuffer;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.RotaryTable;
import jcuda.driver.CUdeviceptr;

/** What the backend hands out: memory of the device in the shapes of the interface. */
final class CudaHandles {
  private CudaHandles() {}

  /** Floats. */
  record Floats(DeviceMemory.Block block, int size) implements Buffer {
    static Floats of(Buffer buffer) {
      return expect(Floats.class, buffer, "buffer");
    }
  }

  /**
   * Indices.
   *
   * @param host the values, so that they can be checked without asking the device
   */
  record Indices(DeviceMemory.Block block, int[] host) implements IndexBuffer {
    static Indices of(IndexBuffer buffer) {
      return expect(Indices.class, buffer, "index buffer");
    }

    @Override
    public int size() {
      return host.length;
    }
  }

  /**
   * Weights.
   *
   * @param transposed whether they lie as [out, in]
   * @param half whether they are bfloat16
   */
  record Weights(DeviceMemory.Block block, int in, int out, boolean transposed, boolean half)
      implements PackedMatrix {
    static Weights of(PackedMatrix matrix) {
      return expect(Weights.class, matrix, "matrix");
    }

    @Override
    public long bytes() {
      return (long) in * out * elementBytes();
    }

    int elementBytes() {
      return half ? Short.BYTES : Float.BYTES;
    }

    /** Elements from one input, or output where they are transposed, to the next. */
    int stride() {
      return transposed ? in : out;
    }

    /** Where element (i, o) lies. */
    CUdeviceptr at(int i, int o) {
      long element = transposed ? (long) o * in + i : (long) i * out + o;
      return block.pointer().withByteOffset(element * elementBytes());
    }
  }

  /** Keys, then values, [capacity, heads * headDim] each. Compared by identity: a cache's key. */
  static final class KeyValues implements KeyValueBlock {
    private final DeviceMemory.Block block;
    private final int heads;
    private final int headDim;
    private final int capacity;

    KeyValues(DeviceMemory.Block block, int heads, int headDim, int capacity) {
      this.block = block;
      this.heads = heads;
      this.headDim = headDim;
      this.capacity = capacity;
    }

    static KeyValues of(KeyValueBlock block) {
      return expect(KeyValues.class, block, "keys and values");
    }

    DeviceMemory.Block block() {
      return block;
    }

    long keys(int entry) {
      return block.address() + (long) entry * heads * headDim * Float.BYTES;
    }

    long values(int entry) {
      return keys(capacity + entry);
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
  }

  /** Inverse frequencies in double. */
  record Rotary(DeviceMemory.Block block, int pairs) implements RotaryTable {
    static Rotary of(RotaryTable table) {
      return expect(Rotary.class, table, "rotary table");
    }
  }

  /** Address of element (0, 0) of a view. */
  static long address(Matrix view) {
    return address(view.buffer(), view.offset());
  }

  static long address(Buffer buffer, int offset) {
    return Floats.of(buffer).block.address() + (long) offset * Float.BYTES;
  }

  /** The same as a pointer. */
  static CUdeviceptr pointer(Matrix view) {
    return Floats.of(view.buffer())
        .block
        .pointer()
        .withByteOffset((long) view.offset() * Float.BYTES);
  }

  private static <T> T expect(Class<T> type, Object given, String what) {
    if (type.isInstance(given)) {
      return type.cast(given);
    }
    throw new IllegalArgumentException(
        "expected a %s of the cuda backend, got %s"
            .formatted(what, given.getClass().getSimpleName()));
  }
}
