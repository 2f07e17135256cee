package dev.diopter.kernels;

/** How a weight is stored. 16-bit types are kept in 16 bits and widened exactly when used. */
public enum StorageType {
  F32(4),
  F16(2),
  BF16(2);

  private final int bytes;

  StorageType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }
}
