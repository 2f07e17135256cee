package dev.diopter.formats;

import org.jspecify.annotations.Nullable;

/** Element types of numpy arrays that are read and written. */
public enum NpyType {
  BOOL("b1", 1),
  I8("i1", 1),
  U8("u1", 1),
  I16("i2", 2),
  U16("u2", 2),
  I32("i4", 4),
  U32("u4", 4),
  I64("i8", 8),
  U64("u8", 8),
  F16("f2", 2),
  F32("f4", 4),
  F64("f8", 8),
  /** Text of a fixed number of UTF-32 characters, padded with zeros. */
  TEXT("U", 4);

  private final String code;
  private final int bytes;

  NpyType(String code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /** Bytes of one element; for {@link #TEXT} of one character. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are whole numbers or truth values. */
  public boolean isWhole() {
    return this != F16 && this != F32 && this != F64 && this != TEXT;
  }

  /** How numpy writes the type: byte order, kind, size. */
  String descr(int characters) {
    return this == TEXT ? "<U" + characters : (bytes == 1 ? "|" : "<") + code;
  }

  /** The type of a numpy description without its byte order; null for one that is not read. */
  static @Nullable NpyType of(String code) {
    for (NpyType type : values()) {
      if (type.code.equals(code) && type != TEXT) {
        return type;
      }
    }
    return code.matches("U[1-9][0-9]{0,5}") ? TEXT : null;
  }
}
