package dev.diopter.models;

import dev.diopter.formats.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A tensor of a checkpoint as it lies in its mapped file: row-major, little-endian. Valid while its
 * {@link Checkpoint} is open.
 *
 * @param name name in the file
 * @param type element type
 * @param shape sizes, outermost first
 * @param data exactly the tensor's bytes
 */
public record StoredTensor(String name, TensorType type, List<Integer> shape, MemorySegment data) {
  // Unaligned: a tensor may begin anywhere in its file.
  private static final ValueLayout.OfFloat FLOATS =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORTS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Elements as float32; 16-bit ones widen exactly.
   *
   * @param from the first element's number, counted over the whole tensor
   * @param count how many
   * @return a copy
   * @throws IllegalArgumentException where the type is not F32, F16 or BF16
   */
  public float[] floats(long from, int count) {
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = value(from + i);
    }
    return out;
  }

  /** One element, as {@link #floats} gives it. */
  float value(long index) {
    return switch (type) {
      case F32 -> data.get(FLOATS, index * 4);
      case F16 -> Float.float16ToFloat(data.get(SHORTS, index * 2));
      case BF16 -> Float.intBitsToFloat(data.get(SHORTS, index * 2) << 16);
      default ->
          throw new IllegalArgumentException(
              "expected F32, F16 or BF16 values, got %s in %s".formatted(type, name));
    };
  }
}
