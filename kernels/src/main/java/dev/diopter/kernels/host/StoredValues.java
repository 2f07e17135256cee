package dev.diopter.kernels.host;

import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/** Reads stored weights. Every 16-bit value widens exactly, subnormals and infinities too. */
public final class StoredValues {
  // Unaligned: a tensor may begin anywhere in its file.
  private static final ValueLayout.OfFloat FLOATS =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORTS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private StoredValues() {}

  /** Element {@code index} of a segment, counted in elements of the type. */
  public static float value(MemorySegment data, StorageType type, long index) {
    return switch (type) {
      case F32 -> data.get(FLOATS, index * 4);
      case F16 -> Float.float16ToFloat(data.get(SHORTS, index * 2));
      case BF16 -> bfloat16ToFloat(data.get(SHORTS, index * 2));
    };
  }

  /** The 16 bits of element {@code index}. */
  public static short bits(MemorySegment data, long index) {
    return data.get(SHORTS, index * 2);
  }

  /** A bfloat16 is the upper half of a float32. */
  public static float bfloat16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * Outputs of all parts together, after checking that there are parts and that their inputs agree.
   */
  public static int totalOutputs(List<StoredMatrix> parts) {
    if (parts.isEmpty()) {
      throw new IllegalArgumentException("expected at least one matrix to pack, got none");
    }
    int in = parts.getFirst().in();
    long out = 0;
    for (StoredMatrix part : parts) {
      if (part.in() != in) {
        throw new IllegalArgumentException(
            "expected parts with %d inputs, got one with %d".formatted(in, part.in()));
      }
      out += part.out();
    }
    if (out > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "expected at most %d outputs, got %d".formatted(Integer.MAX_VALUE, out));
    }
    return (int) out;
  }
}
