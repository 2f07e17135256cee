package dev.diopter.formats;

/**
 * Element types of the Safetensors format, in the format's own order: writers put larger types
 * first so that every tensor is aligned.
 */
public enum TensorType {
  BOOL(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  U8(8),
  I8(8),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E8M0(8),
  I16(16),
  U16(16),
  F16(16),
  BF16(16),
  I32(32),
  U32(32),
  F32(32),
  C64(64),
  F64(64),
  I64(64),
  U64(64);

  private final int bits;

  TensorType(int bits) {
    this.bits = bits;
  }

  /** Bits of one element; types below eight bits are packed. */
  public int bits() {
    return bits;
  }

  /** Bytes of one element, rounded up for the types below eight bits. */
  public int bytes() {
    return (bits + 7) / 8;
  }
}
