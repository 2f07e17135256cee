package dev.diopter.kernels.cuda;

import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.kernels.host.StoredValues;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Writes stored matrices side by side in the order of the device, element by element or, where both
 * sides agree, run by run. Parts that all lie as rows of outputs stay so: the product reads either.
 */
final class CudaPacker {
  private final List<StoredMatrix> parts;
  private final int in;
  private final int out;
  private final boolean transposed;
  private final boolean half;

  CudaPacker(List<StoredMatrix> parts, boolean half) {
    this.parts = parts;
    this.out = StoredValues.totalOutputs(parts);
    this.in = parts.getFirst().in();
    this.transposed = parts.stream().allMatch(part -> part.inStride() == 1);
    this.half = half;
  }

  int in() {
    return in;
  }

  int out() {
    return out;
  }

  boolean transposed() {
    return transposed;
  }

  /** Writes the elements {@code from .. from + count} of the device's order. */
  void write(MemorySegment target, long from, int count) {
    int width = transposed ? in : out;
    int done = 0;
    while (done < count) {
      long at = from + done;
      int row = (int) (at / width);
      int column = (int) (at % width);
      done +=
          transposed
              ? outputRun(target, done, row, column, Math.min(count - done, in - column))
              : inputRun(target, done, row, column, count - done);
    }
  }

  /** Inputs {@code i ..} of one output. */
  private int outputRun(MemorySegment target, int at, int output, int i, int count) {
    int o = output;
    for (StoredMatrix part : parts) {
      if (o < part.out()) {
        run(target, at, part, part.offset() + i + o * part.outStride(), 1, count);
        return count;
      }
      o -= part.out();
    }
    throw new IllegalArgumentException("no output " + output);
  }

  /** Outputs {@code output ..} of one input, as far as one part has them. */
  private int inputRun(MemorySegment target, int at, int i, int output, int most) {
    int o = output;
    for (StoredMatrix part : parts) {
      if (o < part.out()) {
        int count = Math.min(most, part.out() - o);
        long index = part.offset() + i * part.inStride() + o * part.outStride();
        run(target, at, part, index, part.outStride(), count);
        return count;
      }
      o -= part.out();
    }
    throw new IllegalArgumentException("no output " + output);
  }

  private void run(
      MemorySegment target, int at, StoredMatrix part, long index, long stride, int count) {
    StorageType kept = half ? StorageType.BF16 : StorageType.F32;
    if (stride == 1 && part.type() == kept) {
      long bytes = kept.bytes();
      MemorySegment.copy(part.data(), index * bytes, target, at * bytes, count * bytes);
      return;
    }
    for (int j = 0; j < count; j++) {
      float value = StoredValues.value(part.data(), part.type(), index + j * stride);
      if (half) {
        target.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * (at + j), bfloat16(value));
      } else {
        target.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * (at + j), value);
      }
    }
  }

  /** Rounded to nearest, ties to even. */
  static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return Float.isNaN(value)
        ? (short) 0x7fc0
        : (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }
}
