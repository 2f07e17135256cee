package dev.diopter.bench;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A product {@code x W} with random values that can be done again and again. Each time takes the
 * next of several copies of W, together {@link #WEIGHT_BYTES}: as in a pass through a model, what
 * comes next was read long ago.
 *
 * <p>Owns its buffers on a backend that the caller owns. One thread.
 */
final class Product implements AutoCloseable {
  /** Bytes of all copies of W: more than one core's share of any cache. */
  static final long WEIGHT_BYTES = 1L << 28;

  private final Backend backend;
  private final ProductShape shape;
  private final int rows;
  private final List<PackedMatrix> weights = new ArrayList<>();
  private final Buffer inputs;
  private final Buffer outputs;
  private int next;

  /** Packs the copies. */
  Product(Backend backend, ProductShape shape, int rows, StorageType type) {
    this.backend = backend;
    this.shape = shape;
    this.rows = rows;
    inputs = backend.allocate(rows * shape.in());
    outputs = backend.allocate(rows * shape.out());
    backend.upload(values(2, rows * shape.in()), 0, inputs, 0, rows * shape.in());
    float[] source = values(1, shape.in() * shape.out());
    try (Arena arena = Arena.ofShared()) {
      MemorySegment data = arena.allocate((long) type.bytes() * source.length, 64);
      for (int i = 0; i < source.length; i++) {
        switch (type) {
          case F32 -> data.setAtIndex(ValueLayout.JAVA_FLOAT, i, source[i]);
          case F16 -> data.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(source[i]));
          case BF16 ->
              data.setAtIndex(
                  ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(source[i]) >>> 16));
        }
      }
      StoredMatrix stored =
          new StoredMatrix(data, type, 0, shape.in(), shape.out(), shape.out(), 1);
      for (int c = copies(shape, type); c > 0; c--) {
        weights.add(backend.pack(List.of(stored)));
      }
    }
  }

  /** How many copies of W a benchmark goes through. */
  static int copies(ProductShape shape, StorageType type) {
    return Math.toIntExact(
        Math.max(2, WEIGHT_BYTES / ((long) type.bytes() * shape.in() * shape.out())));
  }

  /** Small values, the same for the same seed. */
  static float[] values(int seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextDouble(-0.05, 0.05);
    }
    return values;
  }

  /** Multiplies once. */
  void multiply() {
    PackedMatrix w = weights.get(next);
    next = (next + 1) % weights.size();
    backend.multiply(
        Matrix.of(inputs, rows, shape.in()), w.all(), null, Matrix.of(outputs, rows, shape.out()));
  }

  /** The last product [rows, out]. */
  float[] result() {
    float[] values = new float[rows * shape.out()];
    backend.download(outputs, 0, values, 0, values.length);
    return values;
  }

  /** Floating-point operations of one product. */
  double flop() {
    return shape.flop(rows);
  }

  /** Bytes that one product must move: the weights as stored, the inputs and the outputs. */
  double bytes() {
    return weights.getFirst().bytes() + 4.0 * rows * (shape.in() + shape.out());
  }

  @Override
  public void close() {
    weights.forEach(backend::release);
    backend.release(inputs);
    backend.release(outputs);
  }
}
