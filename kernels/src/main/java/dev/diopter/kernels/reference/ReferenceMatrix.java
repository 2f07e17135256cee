package dev.diopter.kernels.reference;

import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.kernels.host.StoredValues;
import java.util.List;

/** A weight matrix as plain float32 rows, [in][out]. */
final class ReferenceMatrix implements PackedMatrix {
  private final float[][] values; // [in][out]

  private ReferenceMatrix(float[][] values) {
    this.values = values;
  }

  static ReferenceMatrix pack(List<StoredMatrix> parts) {
    int out = StoredValues.totalOutputs(parts);
    float[][] values = new float[parts.getFirst().in()][out];
    int at = 0;
    for (StoredMatrix part : parts) {
      for (int i = 0; i < part.in(); i++) {
        for (int o = 0; o < part.out(); o++) {
          long index = part.offset() + i * part.inStride() + o * part.outStride();
          values[i][at + o] = StoredValues.value(part.data(), part.type(), index);
        }
      }
      at += part.out();
    }
    return new ReferenceMatrix(values);
  }

  static float[][] of(PackedMatrix matrix) {
    if (matrix instanceof ReferenceMatrix reference) {
      return reference.values;
    }
    throw new IllegalArgumentException(
        "expected a matrix of the reference backend, got " + matrix.getClass().getSimpleName());
  }

  @Override
  public int in() {
    return values.length;
  }

  @Override
  public int out() {
    return values[0].length;
  }

  @Override
  public long bytes() {
    return 4L * in() * out();
  }
}
