package dev.diopter.formats;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes Safetensors files as the format's own implementation does: wide element types first, names
 * in order within a type, the header padded with blanks to eight bytes, so that every tensor is
 * aligned. The same tensors give the same bytes.
 */
public final class SafetensorsWriter {
  private static final int CHUNK = 1 << 16;

  private SafetensorsWriter() {}

  /**
   * A tensor to write.
   *
   * @param name its name, unique in the file
   * @param type element type
   * @param shape sizes, outermost first
   * @param source writes its bytes, little-endian and row-major, when its turn comes
   */
  public record Tensor(String name, TensorType type, List<Long> shape, Source source) {
    /** A tensor of float32 values. */
    public static Tensor ofFloats(String name, List<Long> shape, float[] values) {
      return new Tensor(name, TensorType.F32, shape, out -> writeFloats(out, values));
    }

    /** A tensor whose bytes lie in memory. */
    public static Tensor ofSegment(
        String name, TensorType type, List<Long> shape, MemorySegment bytes) {
      return new Tensor(name, type, shape, out -> writeSegment(out, bytes));
    }

    private long bytes() {
      long bits = type.bits();
      for (long size : shape) {
        if (size < 0) {
          throw new IllegalArgumentException(
              "tensor %s: expected sizes of at least 0, got %s".formatted(name, shape));
        }
        bits = Math.multiplyExact(bits, size);
      }
      if (bits % 8 != 0) {
        throw new IllegalArgumentException(
            "tensor %s: expected whole bytes, got %s %s".formatted(name, type, shape));
      }
      return bits / 8;
    }
  }

  /** Gives a tensor's bytes. */
  @FunctionalInterface
  public interface Source {
    /** Writes exactly the tensor's bytes. */
    void write(OutputStream out) throws IOException;
  }

  /**
   * Writes a file that appears whole or not at all.
   *
   * @param metadata strings about the file; left out where empty
   * @throws FormatException where the file cannot be written
   * @throws IllegalArgumentException where a tensor gives another number of bytes than its shape
   *     says, or a name comes twice
   */
  public static void write(Path file, List<Tensor> tensors, Map<String, String> metadata) {
    AtomicFile.write(file, out -> write(out, tensors, metadata));
  }

  /** Writes to a stream, which stays open. */
  public static void write(OutputStream out, List<Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    List<Tensor> ordered =
        tensors.stream()
            .sorted(
                Comparator.comparing(Tensor::type, Comparator.reverseOrder())
                    .thenComparing(Tensor::name))
            .toList();
    byte[] header = header(ordered, metadata);
    out.write(
        ByteBuffer.allocate(Long.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .array());
    out.write(header);
    for (Tensor tensor : ordered) {
      CountingOutputStream counted = new CountingOutputStream(out);
      tensor.source().write(counted);
      if (counted.count() != tensor.bytes()) {
        throw new IllegalArgumentException(
            "tensor %s: expected %d bytes, got %d"
                .formatted(tensor.name(), tensor.bytes(), counted.count()));
      }
    }
  }

  private static byte[] header(List<Tensor> ordered, Map<String, String> metadata) {
    ObjectNode header = Json.object();
    if (!metadata.isEmpty()) {
      ObjectNode strings = header.putObject("__metadata__");
      new TreeMap<>(metadata).forEach(strings::put);
    }
    Set<String> names = new HashSet<>();
    long at = 0;
    for (Tensor tensor : ordered) {
      if (!names.add(tensor.name()) || tensor.name().equals("__metadata__")) {
        throw new IllegalArgumentException(
            "expected different names of tensors, got %s twice".formatted(tensor.name()));
      }
      ObjectNode entry = header.putObject(tensor.name());
      entry.put("dtype", tensor.type().name());
      ArrayNode shape = entry.putArray("shape");
      tensor.shape().forEach(size -> shape.add((long) size));
      long end = Math.addExact(at, tensor.bytes());
      entry.putArray("data_offsets").add(at).add(end);
      at = end;
    }
    byte[] text = Json.compact(header).getBytes(StandardCharsets.UTF_8);
    byte[] padded = new byte[(text.length + 7) / 8 * 8];
    System.arraycopy(text, 0, padded, 0, text.length);
    Arrays.fill(padded, text.length, padded.length, (byte) ' ');
    return padded;
  }

  private static void writeFloats(OutputStream out, float[] values) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      if (!chunk.hasRemaining()) {
        out.write(chunk.array());
        chunk.clear();
      }
      chunk.putFloat(value);
    }
    out.write(chunk.array(), 0, chunk.position());
  }

  private static void writeSegment(OutputStream out, MemorySegment bytes) throws IOException {
    byte[] chunk = new byte[CHUNK];
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      int count = (int) Math.min(CHUNK, bytes.byteSize() - at);
      MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, chunk, 0, count);
      out.write(chunk, 0, count);
    }
  }
}
