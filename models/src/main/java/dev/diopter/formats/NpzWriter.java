package dev.diopter.formats;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes .npz files that numpy reads, array by array, each written through as it is given. The same
 * arrays give the same bytes.
 *
 * <pre>{@code
 * NpzWriter.write(file, NpzWriter.Packing.STORED, out -> out.floats("logits", List.of(1, 5, 97), logits));
 * }</pre>
 */
public final class NpzWriter {
  private static final Charset UTF_32 = Charset.forName("UTF-32LE");
  private static final int CHUNK = 1 << 16;

  /** Any time will do, but always the same. */
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  private final Zip zip;
  private final Packing packing;
  private final Set<String> names = new HashSet<>();

  private NpzWriter(OutputStream out, Packing packing, int level) {
    this.zip = new Zip(out, packing, level);
    this.packing = packing;
  }

  /** Whether arrays are compressed. */
  public enum Packing {
    /** As {@code numpy.savez}: fast. */
    STORED,
    /** As {@code numpy.savez_compressed}: small. */
    DEFLATED,
    /** In the same format, several times as fast, about as small for numbers among zeros. */
    RUNS
  }

  /** A zip stream whose deflater can be another one, and can be given back. */
  private static final class Zip extends ZipOutputStream {
    Zip(OutputStream out, Packing packing, int level) {
      super(out);
      if (packing == Packing.RUNS) {
        def.end();
        def = new RunDeflater();
      } else {
        setLevel(level);
      }
    }

    void release() {
      def.end();
    }
  }

  /** Gives the arrays of a file. */
  @FunctionalInterface
  public interface Content {
    /** Adds each array in turn. */
    void addTo(NpzWriter out) throws IOException;
  }

  /**
   * Writes a file that appears whole or not at all.
   *
   * @throws FormatException where it cannot be written
   */
  public static void write(Path file, Packing packing, Content content) {
    write(file, packing, Deflater.DEFAULT_COMPRESSION, content);
  }

  /**
   * Writes a file that appears whole or not at all.
   *
   * @param level how hard to compress, 0 to 9; for {@link Packing#DEFLATED}
   * @throws FormatException where it cannot be written
   */
  public static void write(Path file, Packing packing, int level, Content content) {
    AtomicFile.write(
        file,
        out -> {
          NpzWriter writer = new NpzWriter(out, packing, level);
          try {
            content.addTo(writer);
            writer.zip.finish();
          } finally {
            writer.zip.release();
          }
        });
  }

  /** Adds float32 values, row-major. */
  public void floats(String name, List<Integer> shape, float[] values) throws IOException {
    Filler filler = (from, count, chunk) -> chunk.asFloatBuffer().put(values, from, count);
    add(name, NpyType.F32, 1, shape, values.length, filler);
  }

  /** Adds float64 values, row-major. */
  public void doubles(String name, List<Integer> shape, double[] values) throws IOException {
    Filler filler = (from, count, chunk) -> chunk.asDoubleBuffer().put(values, from, count);
    add(name, NpyType.F64, 1, shape, values.length, filler);
  }

  /** Adds 32-bit whole numbers, row-major. */
  public void ints(String name, List<Integer> shape, int[] values) throws IOException {
    Filler filler = (from, count, chunk) -> chunk.asIntBuffer().put(values, from, count);
    add(name, NpyType.I32, 1, shape, values.length, filler);
  }

  /** Adds 64-bit whole numbers, row-major. */
  public void longs(String name, List<Integer> shape, long[] values) throws IOException {
    Filler filler = (from, count, chunk) -> chunk.asLongBuffer().put(values, from, count);
    add(name, NpyType.I64, 1, shape, values.length, filler);
  }

  /** Adds truth values, row-major. */
  public void booleans(String name, List<Integer> shape, boolean[] values) throws IOException {
    Filler filler =
        (from, count, chunk) -> {
          for (int i = 0; i < count; i++) {
            chunk.put(i, (byte) (values[from + i] ? 1 : 0));
          }
        };
    add(name, NpyType.BOOL, 1, shape, values.length, filler);
  }

  /** Adds texts, row-major. */
  public void strings(String name, List<Integer> shape, List<String> values) throws IOException {
    int longest = 1;
    for (String value : values) {
      longest = Math.max(longest, value.codePointCount(0, value.length()));
    }
    int bytes = longest * NpyType.TEXT.bytes();
    Filler filler =
        (from, count, chunk) -> {
          for (int i = 0; i < count; i++) {
            byte[] padded = Arrays.copyOf(values.get(from + i).getBytes(UTF_32), bytes);
            chunk.put(i * bytes, padded);
          }
        };
    add(name, NpyType.TEXT, longest, shape, values.size(), filler);
  }

  private interface Filler {
    /** Puts elements at the front of a chunk. */
    void fill(int from, int count, ByteBuffer chunk);
  }

  private void add(
      String name, NpyType type, int characters, List<Integer> shape, int count, Filler filler)
      throws IOException {
    long expected = 1;
    for (int size : shape) {
      expected = size < 0 ? -1 : expected * size;
    }
    if (expected != count) {
      throw new IllegalArgumentException(
          "array %s: expected %d values for shape %s, got %d"
              .formatted(name, expected, shape, count));
    }
    if (!names.add(name)) {
      throw new IllegalArgumentException(
          "expected different names of arrays, got %s twice".formatted(name));
    }
    byte[] header = NpyHeader.write(type, characters, shape);
    int bytes = type.bytes() * characters;
    ZipEntry entry = new ZipEntry(name + ".npy");
    entry.setTimeLocal(TIME);
    if (packing == Packing.STORED) {
      // A stored entry says its checksum first.
      CRC32 checksum = new CRC32();
      checksum.update(header);
      each(count, bytes, filler, checksum::update);
      entry.setMethod(ZipEntry.STORED);
      entry.setSize(header.length + (long) count * bytes);
      entry.setCrc(checksum.getValue());
    }
    zip.putNextEntry(entry);
    zip.write(header);
    each(count, bytes, filler, zip::write);
    zip.closeEntry();
  }

  private interface Sink {
    void accept(byte[] bytes, int offset, int length) throws IOException;
  }

  private static void each(int count, int bytes, Filler filler, Sink sink) throws IOException {
    int most = Math.max(1, CHUNK / bytes);
    ByteBuffer chunk = ByteBuffer.allocate(most * bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int from = 0; from < count; from += most) {
      int some = Math.min(most, count - from);
      filler.fill(from, some, chunk);
      sink.accept(chunk.array(), 0, some * bytes);
    }
  }
}
