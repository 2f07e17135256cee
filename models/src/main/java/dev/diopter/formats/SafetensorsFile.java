package dev.diopter.formats;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A Safetensors file, mapped or in memory, checked whole before anything is handed out: header,
 * sizes, and that the tensors fill the data without gap or overlap. Nothing is copied. Thread safe;
 * after {@link #close} every use of a tensor's data throws {@link IllegalStateException}.
 *
 * <p>The layout: eight bytes of header length (little-endian), the header (JSON), the data.
 */
public final class SafetensorsFile implements AutoCloseable {
  /** Most bytes of a header, as in the format's own implementation. */
  public static final int MAX_HEADER = 100_000_000;

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final String source;
  private final @Nullable Arena arena;
  private final Map<String, Entry> entries;
  private final Map<String, String> metadata;

  /**
   * A tensor of the file.
   *
   * @param name its name
   * @param type element type
   * @param shape sizes, outermost first; empty for a scalar
   * @param data exactly its bytes, row-major, little-endian, not necessarily aligned
   */
  public record Entry(String name, TensorType type, List<Long> shape, MemorySegment data) {
    /** Number of elements. */
    public long elements() {
      return data.byteSize() * 8 / type.bits();
    }
  }

  private SafetensorsFile(String source, @Nullable Arena arena, MemorySegment content) {
    this.source = source;
    this.arena = arena;
    long headerLength = headerLength(source, content);
    SafetensorsHeader header =
        SafetensorsHeader.read(
            source,
            Json.strictUtf8(new SegmentInputStream(content.asSlice(Long.BYTES, headerLength))));
    MemorySegment data = content.asSlice(Long.BYTES + headerLength);
    checkCover(source, header.tensors, data.byteSize());
    this.metadata = Collections.unmodifiableMap(header.metadata);
    this.entries = LinkedHashMap.newLinkedHashMap(header.tensors.size());
    for (SafetensorsHeader.Listed tensor : header.tensors) {
      MemorySegment bytes = data.asSlice(tensor.begin(), tensor.end() - tensor.begin());
      entries.put(tensor.name(), new Entry(tensor.name(), tensor.type(), tensor.shape(), bytes));
    }
  }

  /**
   * Maps a file, which may be larger than 2 GB.
   *
   * @throws FormatException where it cannot be read or breaks a rule of the format
   */
  public static SafetensorsFile open(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      checkSize(file.toString(), channel.size());
      return owning(
          file.toString(),
          arena -> channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": expected a Safetensors file, found none", e);
    } catch (IOException e) {
      throw FormatException.unreadable(file.toString(), e);
    }
  }

  /**
   * Reads a stream to its end into memory of its own; for files inside of a jar.
   *
   * @param source name for messages
   * @throws FormatException where it cannot be read or breaks a rule of the format
   */
  public static SafetensorsFile read(String source, InputStream in) {
    try {
      byte[] bytes = in.readAllBytes();
      return owning(
          source,
          arena -> {
            MemorySegment content =
                arena.allocate(Math.max(1, bytes.length), 64).asSlice(0, bytes.length);
            MemorySegment.copy(bytes, 0, content, ValueLayout.JAVA_BYTE, 0, bytes.length);
            return content.asReadOnly();
          });
    } catch (IOException e) {
      throw FormatException.unreadable(source, e);
    }
  }

  private interface Content {
    MemorySegment in(Arena arena) throws IOException;
  }

  /**
   * Opens content in an arena that lives until {@link #close}, or not at all where the content is
   * broken.
   */
  @SuppressWarnings("MustBeClosedChecker")
  private static SafetensorsFile owning(String source, Content content) throws IOException {
    Arena arena = Arena.ofShared();
    boolean done = false;
    try {
      SafetensorsFile opened = new SafetensorsFile(source, arena, content.in(arena));
      done = true;
      return opened;
    } finally {
      if (!done) {
        arena.close();
      }
    }
  }

  /**
   * Looks into memory that the caller owns; closing the file leaves it alone.
   *
   * @param source name for messages
   * @throws FormatException where it breaks a rule of the format
   */
  public static SafetensorsFile of(String source, MemorySegment content) {
    return new SafetensorsFile(source, null, content.asReadOnly());
  }

  /** Name of the file for messages. */
  public String source() {
    return source;
  }

  /** Every tensor in the order of the header. */
  public Collection<Entry> entries() {
    return Collections.unmodifiableCollection(entries.values());
  }

  /** A tensor by name, or null. */
  public @Nullable Entry find(String name) {
    return entries.get(name);
  }

  /** The strings that the file says about itself; empty where it says nothing. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Releases the mapping. Again is harmless. */
  @Override
  public synchronized void close() {
    if (arena != null && arena.scope().isAlive()) {
      arena.close();
    }
  }

  private static void checkSize(String source, long size) {
    if (size < Long.BYTES + 2) {
      throw new FormatException(
          "%s: expected a Safetensors file, found only %d bytes; fetch or write it again"
              .formatted(source, size));
    }
  }

  private static long headerLength(String source, MemorySegment content) {
    checkSize(source, content.byteSize());
    long length = content.get(LENGTH, 0);
    if (length < 2 || length > MAX_HEADER) {
      throw new FormatException(
          "%s: expected a header of 2 to %d bytes, found a length of %s; this is no Safetensors file"
              .formatted(source, MAX_HEADER, Long.toUnsignedString(length)));
    }
    if (length > content.byteSize() - Long.BYTES) {
      throw new FormatException(
          "%s: expected a header of %d bytes, found %d bytes up to the end; the file is cut off, fetch it again"
              .formatted(source, length, content.byteSize() - Long.BYTES));
    }
    if (content.get(ValueLayout.JAVA_BYTE, Long.BYTES) != '{') {
      throw new FormatException(
          "%s: expected a header that starts with {, found byte 0x%02x; this is no Safetensors file"
              .formatted(source, content.get(ValueLayout.JAVA_BYTE, Long.BYTES)));
    }
    return length;
  }

  /**
   * The tensors must fill the data exactly: each begins where the one before it ends, the last ends
   * with the file.
   */
  private static void checkCover(String source, List<SafetensorsHeader.Listed> tensors, long size) {
    SafetensorsHeader.Listed[] byPlace = tensors.toArray(SafetensorsHeader.Listed[]::new);
    Arrays.sort(
        byPlace,
        Comparator.comparingLong(SafetensorsHeader.Listed::begin)
            .thenComparingLong(SafetensorsHeader.Listed::end));
    long at = 0;
    for (SafetensorsHeader.Listed tensor : byPlace) {
      if (tensor.begin() != at) {
        throw new FormatException(
            "%s: tensor %s: expected its data at %d, found it at %d (%s); the file is damaged, fetch it again"
                .formatted(
                    source,
                    OneLine.quoted(tensor.name()),
                    at,
                    tensor.begin(),
                    tensor.begin() < at
                        ? "two tensors overlap"
                        : "bytes that belong to no tensor"));
      }
      at = tensor.end();
    }
    if (at != size) {
      throw new FormatException(
          "%s: expected %d bytes of data behind the header, found %d; the file is %s, fetch it again"
              .formatted(source, at, size, size < at ? "cut off" : "too long"));
    }
  }
}
