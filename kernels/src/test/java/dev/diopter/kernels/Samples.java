package dev.diopter.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Random operands for tests, and their way to and from a backend. */
public final class Samples {
  /** Sizes around the widths of tiles, vectors and panels. */
  public static final int[] SIZES = {1, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100};

  private static final ValueLayout.OfFloat FLOATS = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORTS = ValueLayout.JAVA_SHORT_UNALIGNED;

  private Samples() {}

  /** Prints the seed, so that a failure can be repeated. */
  public static Random random(long seed) {
    System.out.println("seed " + seed);
    return new Random(seed);
  }

  public static float[] floats(Random random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** A view into the middle of a larger buffer, with a stride of its own, filled at random. */
  public static Matrix matrix(Backend backend, Random random, int rows, int columns) {
    return matrix(backend, random, floats(random, rows * columns), rows, columns);
  }

  public static Matrix matrix(
      Backend backend, Random random, float[] values, int rows, int columns) {
    Matrix matrix = empty(backend, random, rows, columns);
    for (int r = 0; r < rows; r++) {
      int at = matrix.offset() + r * matrix.stride();
      backend.upload(values, r * columns, matrix.buffer(), at, columns);
    }
    return matrix;
  }

  /** A view that nobody wrote to: NaN throughout, so that an output left out is found. */
  public static Matrix empty(Backend backend, Random random, int rows, int columns) {
    int offset = random.nextInt(5);
    int stride = columns + random.nextInt(4);
    Buffer buffer = backend.allocate(offset + rows * stride + random.nextInt(3));
    return new Matrix(buffer, offset, rows, columns, stride);
  }

  public static float[] values(Backend backend, Matrix matrix) {
    float[] values = new float[matrix.rows() * matrix.columns()];
    for (int r = 0; r < matrix.rows(); r++) {
      int at = matrix.offset() + r * matrix.stride();
      backend.download(matrix.buffer(), at, values, r * matrix.columns(), matrix.columns());
    }
    return values;
  }

  public static Buffer buffer(Backend backend, float[] values) {
    Buffer buffer = backend.allocate(values.length);
    backend.upload(values, 0, buffer, 0, values.length);
    return buffer;
  }

  public static float[] values(Backend backend, Buffer buffer) {
    float[] values = new float[buffer.size()];
    backend.download(buffer, 0, values, 0, values.length);
    return values;
  }

  /**
   * How a stored matrix lies: inputs as rows, outputs as rows, or spread out in both directions.
   */
  public enum Layout {
    ROWS_OF_OUTPUTS,
    ROWS_OF_INPUTS,
    SPREAD
  }

  /** A stored matrix and the values that it stands for, [in][out]. */
  public record Weights(StoredMatrix stored, float[] values) {}

  public static Weights weights(Random random, StorageType type, Layout layout, int in, int out) {
    long inStride =
        switch (layout) {
          case ROWS_OF_OUTPUTS -> 1;
          case ROWS_OF_INPUTS -> out + 3;
          case SPREAD -> 3L * out + 1;
        };
    long outStride =
        switch (layout) {
          case ROWS_OF_OUTPUTS -> in + 2;
          case ROWS_OF_INPUTS -> 1;
          case SPREAD -> 3;
        };
    int offset = random.nextInt(6);
    long last = offset + (in - 1) * inStride + (out - 1) * outStride;
    // One byte before the data: a tensor need not be aligned in its file.
    MemorySegment bytes = Arena.ofAuto().allocate(1 + (last + 1) * type.bytes()).asSlice(1);
    float[] values = new float[in * out];
    for (int i = 0; i < in; i++) {
      for (int o = 0; o < out; o++) {
        long at = (offset + i * inStride + o * outStride) * type.bytes();
        values[i * out + o] = put(bytes, at, type, (float) random.nextGaussian());
      }
    }
    return new Weights(new StoredMatrix(bytes, type, offset, in, out, inStride, outStride), values);
  }

  /** Stores a value rounded to the type and returns what was stored. */
  private static float put(MemorySegment bytes, long at, StorageType type, float value) {
    switch (type) {
      case F32 -> {
        bytes.set(FLOATS, at, value);
        return value;
      }
      case F16 -> {
        short bits = Float.floatToFloat16(value);
        bytes.set(SHORTS, at, bits);
        return Float.float16ToFloat(bits);
      }
      case BF16 -> {
        short bits = (short) (Float.floatToRawIntBits(value) >>> 16);
        bytes.set(SHORTS, at, bits);
        return Float.intBitsToFloat(bits << 16);
      }
    }
    throw new AssertionError(type);
  }

  /** Weights of 16 bits whose bits are given, one input, an output for each. */
  public static StoredMatrix bits(StorageType type, short[] bits) {
    MemorySegment bytes = Arena.ofAuto().allocate(2L * bits.length);
    MemorySegment.copy(bits, 0, bytes, SHORTS, 0, bits.length);
    return new StoredMatrix(bytes, type, 0, 1, bits.length, bits.length, 1);
  }

  /** Several parts side by side: what packing them stands for. */
  public static float[] sideBySide(List<Weights> parts, int in) {
    int out = parts.stream().mapToInt(p -> p.stored().out()).sum();
    float[] all = new float[in * out];
    int at = 0;
    for (Weights part : parts) {
      int n = part.stored().out();
      for (int i = 0; i < in; i++) {
        System.arraycopy(part.values(), i * n, all, i * out + at, n);
      }
      at += n;
    }
    return all;
  }

  /** Bits with every NaN made one. */
  public static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    Arrays.setAll(bits, i -> Float.floatToIntBits(values[i]));
    return bits;
  }
}
