package dev.diopter.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Memory and random numbers of one compared operation on one backend; the same numbers on every
 * backend, but for the bits of the mantissa that are asked for.
 */
final class ComparisonOperands implements AutoCloseable {
  /** All bits of a float's mantissa. */
  static final int ALL_BITS = 23;

  private static final int BFLOAT16_BITS = 7;
  private static final long SEED = 20261124;

  private final Backend backend;
  private final int bits;
  private final SplittableRandom random = new SplittableRandom(SEED);
  private final List<Runnable> releases = new ArrayList<>();

  /**
   * @param bits of each number's mantissa that are kept, the others rounded to nearest, ties to
   *     even
   */
  ComparisonOperands(Backend backend, int bits) {
    this.backend = backend;
    this.bits = bits;
  }

  Backend backend() {
    return backend;
  }

  private float next(int kept) {
    return rounded((float) random.nextGaussian(), kept);
  }

  static float rounded(float value, int bits) {
    if (bits >= ALL_BITS) {
      return value;
    }
    int dropped = ALL_BITS - bits;
    int raw = Float.floatToRawIntBits(value);
    int up = (1 << (dropped - 1)) - 1 + ((raw >>> dropped) & 1);
    return Float.intBitsToFloat(((raw + up) >>> dropped) << dropped);
  }

  /** Rows of random numbers without gaps. */
  Matrix matrix(int rows, int columns) {
    Matrix made = empty(rows, columns);
    backend.upload(floats(rows * columns), made);
    return made;
  }

  /** Rows of random numbers in the middle of wider ones, which come as they come. */
  Matrix inside(int rows, int columns) {
    Matrix made = emptyInside(rows, columns);
    backend.upload(floats(rows * columns), made);
    return made;
  }

  Matrix empty(int rows, int columns) {
    return Matrix.of(buffer(rows * columns), rows, columns);
  }

  Matrix emptyInside(int rows, int columns) {
    int stride = columns + 5;
    return new Matrix(buffer(rows * stride), 3, rows, columns, stride);
  }

  /** A gain or a bias, which keeps all bits. */
  Buffer row(int size) {
    Buffer made = buffer(size);
    backend.upload(floats(size, ALL_BITS), 0, made, 0, size);
    return made;
  }

  Buffer buffer(int size) {
    Buffer made = backend.allocate(size);
    releases.add(() -> backend.release(made));
    return made;
  }

  float[] floats(int count) {
    return floats(count, bits);
  }

  private float[] floats(int count, int kept) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = next(kept);
    }
    return values;
  }

  IndexBuffer indices(int count, int bound) {
    IndexBuffer made = backend.indices(random.ints(count, 0, bound).toArray());
    releases.add(() -> backend.release(made));
    return made;
  }

  /** Weights; {@code byOutput} says whether the inputs of an output lie together. */
  PackedMatrix weights(StorageType type, int in, int out, boolean byOutput) {
    MemorySegment data = Arena.ofAuto().allocate((long) in * out * type.bytes());
    for (long i = 0; i < (long) in * out; i++) {
      float value = next(bits);
      switch (type) {
        case F32 -> data.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        case F16 -> data.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
        case BF16 ->
            data.setAtIndex(
                ValueLayout.JAVA_SHORT,
                i,
                (short) (Float.floatToRawIntBits(rounded(value, BFLOAT16_BITS)) >>> 16));
      }
    }
    PackedMatrix made =
        backend.pack(
            List.of(
                byOutput
                    ? new StoredMatrix(data, type, 0, in, out, 1, in)
                    : new StoredMatrix(data, type, 0, in, out, out, 1)));
    releases.add(() -> backend.release(made));
    return made;
  }

  /**
   * Keys and values of one sequence.
   *
   * @param parts of how many blocks they are; each has room for one entry that nobody sees
   */
  KeyValueView keys(int kvHeads, int headDim, int count, int parts) {
    List<KeyValueBlock> blocks = new ArrayList<>();
    int[] lengths = new int[parts];
    for (int i = 0; i < parts; i++) {
      int length = (i + 1) * count / parts - i * count / parts;
      KeyValueBlock block = backend.allocateKeyValues(kvHeads, headDim, length + 1);
      releases.add(() -> backend.release(block));
      if (length > 0) {
        Matrix keys = matrix(length, kvHeads * headDim);
        backend.store(keys, matrix(length, kvHeads * headDim), block, 0);
      }
      blocks.add(block);
      lengths[i] = length;
    }
    return new KeyValueView(blocks, lengths);
  }

  float[] values(Matrix matrix) {
    float[] values = new float[matrix.rows() * matrix.columns()];
    backend.download(matrix, values);
    return values;
  }

  @Override
  public void close() {
    releases.forEach(Runnable::run);
  }
}
