package dev.diopter.lens.pictures;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.zip.GZIPOutputStream;

/** Files that pictures can become. */
public enum PictureFormat {
  /** Pixels. */
  PNG,
  /** A vector picture as text. */
  SVG,
  /** The same, compressed with gzip. */
  SVGZ;

  /** The suffix of its files, without a point. */
  public String suffix() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The format of a suffix.
   *
   * @throws IllegalArgumentException where there is none; the message names those that there are
   */
  public static PictureFormat of(String suffix) {
    for (PictureFormat format : values()) {
      if (format.suffix().equals(suffix)) {
        return format;
      }
    }
    throw new IllegalArgumentException("expected png, svg or svgz, got '" + suffix + "'");
  }

  /** A new surface whose drawing can become such a file. */
  public Surface surface(int width, int height) {
    return this == PNG ? new RasterSurface(width, height) : new SvgSurface(width, height);
  }

  /** The file of what was drawn on a surface of this format; it is not to be used afterwards. */
  public byte[] bytes(Surface surface) {
    return switch (surface) {
      case RasterSurface pixels -> Png.bytes(pixels.finish());
      case SvgSurface drawing -> {
        byte[] text = drawing.finish().getBytes(StandardCharsets.UTF_8);
        yield this == SVGZ ? gzipped(text) : text;
      }
    };
  }

  private static byte[] gzipped(byte[] bytes) {
    ByteArrayOutputStream packed = new ByteArrayOutputStream(bytes.length / 2 + 64);
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return packed.toByteArray();
  }
}
