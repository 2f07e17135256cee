package dev.diopter.bench;

import dev.diopter.kernels.StorageType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The product of {@link Product} in float32 by OpenBLAS: the same values, as many copies of W, in
 * native memory and row by row, which OpenBLAS packs in each call.
 */
final class OpenBlasProduct implements AutoCloseable {
  private final OpenBlas blas;
  private final ProductShape shape;
  private final int rows;
  private final Arena arena = Arena.ofConfined();
  private final List<MemorySegment> weights = new ArrayList<>();
  private final MemorySegment inputs;
  private final MemorySegment outputs;
  private int next;

  OpenBlasProduct(OpenBlas blas, ProductShape shape, int rows) {
    this.blas = blas;
    this.shape = shape;
    this.rows = rows;
    inputs = filled(Product.values(2, rows * shape.in()));
    outputs = filled(new float[rows * shape.out()]);
    float[] source = Product.values(1, shape.in() * shape.out());
    for (int c = Product.copies(shape, StorageType.F32); c > 0; c--) {
      weights.add(filled(source));
    }
  }

  private MemorySegment filled(float[] values) {
    MemorySegment segment = arena.allocate(4L * values.length, 64);
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
    return segment;
  }

  /** Multiplies once. */
  void multiply() {
    blas.multiply(inputs, weights.get(next), outputs, rows, shape.out(), shape.in());
    next = (next + 1) % weights.size();
  }

  /** The last product [rows, out]. */
  float[] result() {
    return outputs.toArray(ValueLayout.JAVA_FLOAT);
  }

  @Override
  public void close() {
    arena.close();
  }
}
