package dev.diopter.lens.pictures;

import dev.diopter.formats.RunCoder;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/**
 * Writes PNG files of 8-bit RGB without anything else in them: the same raster gives the same
 * bytes. Small pictures cost far less than by way of the JDK's image library.
 */
public final class Png {
  private static final byte[] SIGNATURE = {
    (byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n',
  };
  private static final byte BITS = 8;
  private static final byte RGB = 2;
  private static final byte UNFILTERED = 0;

  /** Bytes of a pixel. */
  private static final int BYTES = 3;

  private Png() {}

  /** The file of a raster. */
  public static byte[] bytes(Raster raster) {
    ByteArrayOutputStream file = new ByteArrayOutputStream(1024);
    file.writeBytes(SIGNATURE);
    ByteBuffer header = ByteBuffer.allocate(13);
    header.putInt(raster.width()).putInt(raster.height()).put(BITS).put(RGB);
    byte[] packed = RunCoder.zlibOfPixels(scanlines(raster), raster.rgb(), raster.width());
    chunk(file, "IHDR", header.array(), header.capacity());
    chunk(file, "IDAT", packed, packed.length);
    chunk(file, "IEND", packed, 0);
    return file.toByteArray();
  }

  private static byte[] scanlines(Raster raster) {
    long size = ((long) BYTES * raster.width() + 1) * raster.height();
    if (size > Integer.MAX_VALUE - 64) {
      throw new IllegalArgumentException(
          "expected a picture of at most 2 GB, got %d x %d pixels"
              .formatted(raster.width(), raster.height()));
    }
    byte[] lines = new byte[(int) size];
    int[] rgb = raster.rgb();
    int to = 0;
    for (int from = 0; from < rgb.length; ) {
      lines[to++] = UNFILTERED;
      for (int end = from + raster.width(); from < end; from++, to += BYTES) {
        lines[to] = (byte) (rgb[from] >> 16);
        lines[to + 1] = (byte) (rgb[from] >> 8);
        lines[to + 2] = (byte) rgb[from];
      }
    }
    return lines;
  }

  private static void chunk(ByteArrayOutputStream file, String type, byte[] data, int length) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 checksum = new CRC32();
    checksum.update(name);
    checksum.update(data, 0, length);
    file.writeBytes(ByteBuffer.allocate(4).putInt(length).array());
    file.writeBytes(name);
    file.write(data, 0, length);
    file.writeBytes(ByteBuffer.allocate(4).putInt((int) checksum.getValue()).array());
  }
}
