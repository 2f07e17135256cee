package dev.diopter.formats;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.util.List;

/**
 * An array of numpy's, in row-major order whatever order its file had. Immutable; every accessor
 * returns a new array.
 *
 * @param name name in its file
 * @param type element type
 * @param shape sizes, outermost first; empty for a single value
 * @param characters characters of an element of type {@link NpyType#TEXT}, else 1
 * @param data the elements, little-endian; read only
 */
public record NpzArray(
    String name, NpyType type, List<Integer> shape, int characters, ByteBuffer data) {
  private static final Charset UTF_32 = Charset.forName("UTF-32LE");

  /** Takes the parts, and the bytes as read-only. */
  public NpzArray {
    shape = List.copyOf(shape);
    data = data.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Number of elements. */
  public int size() {
    int size = 1;
    for (int axis : shape) {
      size *= axis;
    }
    return size;
  }

  /**
   * The elements as float32; wider ones are rounded.
   *
   * @throws FormatException where they are text
   */
  public float[] floats() {
    float[] values = new float[size()];
    if (type == NpyType.F32) {
      data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
      return values;
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = type.isWhole() ? (float) whole(i) : (float) real(i);
    }
    return values;
  }

  /**
   * The elements as float64.
   *
   * @throws FormatException where they are text
   */
  public double[] doubles() {
    double[] values = new double[size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = type.isWhole() ? (double) whole(i) : real(i);
    }
    return values;
  }

  /**
   * The elements as whole numbers; truth values are 0 and 1.
   *
   * @throws FormatException where they are no whole numbers, or beyond 64 bits with sign
   */
  public long[] longs() {
    if (!type.isWhole()) {
      throw new FormatException(
          "%s: expected an array of whole numbers, found %s".formatted(name, type));
    }
    long[] values = new long[size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = whole(i);
      if (type == NpyType.U64 && values[i] < 0) {
        throw new FormatException(
            "%s: expected whole numbers below 2^63, found %s"
                .formatted(name, Long.toUnsignedString(values[i])));
      }
    }
    return values;
  }

  /**
   * The elements as 32-bit whole numbers, as for token ids.
   *
   * @throws FormatException where they are no whole numbers, or beyond 32 bits with sign
   */
  public int[] ints() {
    long[] wide = longs();
    int[] values = new int[wide.length];
    for (int i = 0; i < wide.length; i++) {
      values[i] = (int) wide[i];
      if (values[i] != wide[i]) {
        throw new FormatException(
            "%s: expected whole numbers of 32 bits, found %d".formatted(name, wide[i]));
      }
    }
    return values;
  }

  /**
   * The elements as text.
   *
   * @throws FormatException where they are numbers
   */
  public List<String> strings() {
    if (type != NpyType.TEXT) {
      throw new FormatException("%s: expected an array of text, found %s".formatted(name, type));
    }
    String[] values = new String[size()];
    byte[] bytes = new byte[characters * type.bytes()];
    for (int i = 0; i < values.length; i++) {
      data.get(i * bytes.length, bytes);
      String padded = new String(bytes, UTF_32);
      int end = padded.length();
      while (end > 0 && padded.charAt(end - 1) == 0) {
        end--;
      }
      values[i] = padded.substring(0, end);
    }
    return List.of(values);
  }

  private long whole(int i) {
    return switch (type) {
      case BOOL -> data.get(i) == 0 ? 0 : 1;
      case I8 -> data.get(i);
      case U8 -> Byte.toUnsignedLong(data.get(i));
      case I16 -> data.getShort(2 * i);
      case U16 -> Short.toUnsignedLong(data.getShort(2 * i));
      case I32 -> data.getInt(4 * i);
      case U32 -> Integer.toUnsignedLong(data.getInt(4 * i));
      default -> data.getLong(8 * i);
    };
  }

  private double real(int i) {
    return switch (type) {
      case F16 -> Float.float16ToFloat(data.getShort(2 * i));
      case F32 -> data.getFloat(4 * i);
      case F64 -> data.getDouble(8 * i);
      default ->
          throw new FormatException(
              "%s: expected an array of numbers, found %s".formatted(name, type));
    };
  }
}
