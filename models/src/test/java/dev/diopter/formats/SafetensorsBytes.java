package dev.diopter.formats;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Builds Safetensors files by hand, right and wrong ones. */
public final class SafetensorsBytes {
  private SafetensorsBytes() {}

  /** A file with this header, its true length, and so many bytes of data. */
  public static byte[] of(String header, int dataBytes) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return of(text.length, text, dataBytes);
  }

  /** A file that claims a length for its header. */
  public static byte[] of(long claimed, byte[] header, int dataBytes) {
    return ByteBuffer.allocate(Long.BYTES + header.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(claimed)
        .put(header)
        .array();
  }

  /** Opens bytes in memory. */
  public static SafetensorsFile open(byte[] bytes) {
    return SafetensorsFile.of("test.safetensors", MemorySegment.ofArray(bytes));
  }
}
