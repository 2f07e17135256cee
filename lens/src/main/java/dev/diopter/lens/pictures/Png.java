package dev.diopter.lens.pictures;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

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

  /** Less than half of the time of the usual level 6, for files that are a fortieth larger. */
  private static final int LEVEL = 3;

  private Png() {}

  /** The file of a raster. */
  public static byte[] bytes(Raster raster) {
    ByteArrayOutputStream file = new ByteArrayOutputStream(1024);
    file.writeBytes(SIGNATURE);
    ByteBuffer header = ByteBuffer.allocate(13);
    header.putInt(raster.width()).putInt(raster.height()).put(BITS).put(RGB);
    byte[] packed = deflated(scanlines(raster));
    chunk(file, "IHDR", header.array(), header.capacity());
    chunk(file, "IDAT", packed, packed.length);
    chunk(file, "IEND", packed, 0);
    return file.toByteArray();
  }

  private static byte[] scanlines(Raster raster) {
    long size = (3L * raster.width() + 1) * raster.height();
    if (size > Integer.MAX_VALUE - 64) {
      throw new IllegalArgumentException(
          "expected a picture of at most 2 GB, got %d x %d pixels"
              .formatted(raster.width(), raster.height()));
    }
    byte[] lines = new byte[(int) size];
    int[] rgb = raster.rgb();
    int to = 0;
    for (int from = 0; from < rgb.length; from++) {
      if (from % raster.width() == 0) {
        lines[to++] = UNFILTERED;
      }
      lines[to++] = (byte) (rgb[from] >> 16);
      lines[to++] = (byte) (rgb[from] >> 8);
      lines[to++] = (byte) rgb[from];
    }
    return lines;
  }

  private static byte[] deflated(byte[] bytes) {
    Deflater deflater = new Deflater(LEVEL);
    try {
      deflater.setInput(bytes);
      deflater.finish();
      ByteArrayOutputStream packed = new ByteArrayOutputStream(bytes.length / 4 + 64);
      byte[] part = new byte[Math.clamp(bytes.length, 64, 1 << 16)];
      while (!deflater.finished()) {
        packed.write(part, 0, deflater.deflate(part));
      }
      return packed.toByteArray();
    } finally {
      deflater.end();
    }
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
