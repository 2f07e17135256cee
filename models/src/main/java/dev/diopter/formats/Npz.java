package dev.diopter.formats;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Reads .npz files: zip archives of numpy arrays, stored or deflated, whose entries are read when
 * asked for. An array's memory is bounded by what its header declares, and what it declares by
 * {@link #MAX_BYTES} and by what so few compressed bytes can hold at all. Thread safe.
 */
public final class Npz implements AutoCloseable {
  /** Most bytes of one array. */
  public static final int MAX_BYTES = Integer.MAX_VALUE - 64;

  /** Most bytes that deflate gets out of one. */
  private static final long MAX_RATIO = 1032;

  private static final int MAX_ENTRIES = 1_000_000;
  private static final String SUFFIX = ".npy";

  private final String source;
  private final ZipFile zip;
  private final Map<String, ZipEntry> entries;

  private Npz(String source, ZipFile zip) {
    this.source = source;
    this.zip = zip;
    this.entries = new LinkedHashMap<>();
    if (zip.size() > MAX_ENTRIES) {
      throw new FormatException(
          "%s: expected at most %,d arrays, found %,d".formatted(source, MAX_ENTRIES, zip.size()));
    }
    for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements(); ) {
      ZipEntry entry = all.nextElement();
      if (entry.getName().endsWith(SUFFIX)) {
        String name = entry.getName().substring(0, entry.getName().length() - SUFFIX.length());
        if (entries.put(name, entry) != null) {
          throw new FormatException(
              "%s: expected different names, found %s twice; write the file again"
                  .formatted(source, OneLine.quoted(name)));
        }
      }
    }
  }

  /**
   * Opens a file.
   *
   * @throws FormatException where it cannot be read or is no .npz file
   */
  public static Npz open(Path file) {
    ZipFile zip;
    try {
      zip = new ZipFile(file.toFile());
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": expected an .npz file, found none", e);
    } catch (IOException | IllegalArgumentException e) {
      throw new FormatException(
          "%s: expected an .npz file, found no zip archive (%s)"
              .formatted(file, OneLine.brief(e.getMessage())),
          e);
    }
    boolean done = false;
    try {
      Npz opened = new Npz(file.toString(), zip);
      done = true;
      return opened;
    } finally {
      if (!done) {
        closeQuietly(zip);
      }
    }
  }

  /** Names of the arrays in the order of the file. */
  public Set<String> names() {
    return Collections.unmodifiableSet(entries.keySet());
  }

  /**
   * Reads an array.
   *
   * @throws FormatException where there is none of that name, or it is broken
   */
  public NpzArray read(String name) {
    ZipEntry entry = entries.get(name);
    if (entry == null) {
      throw new FormatException(
          "%s: expected an array %s, found none; it has %s"
              .formatted(source, name, brief(entries.keySet())));
    }
    String what = source + ": " + OneLine.quoted(name);
    try (InputStream in = zip.getInputStream(entry)) {
      if (in == null) {
        throw NpyHeader.broken(what, "expected data, found none");
      }
      NpyHeader header = NpyHeader.read(what, in);
      int bytes = header.elements() * header.elementBytes();
      checkDeclared(what, entry, header.bytes() + (long) bytes);
      byte[] data = new byte[bytes];
      int found = in.readNBytes(data, 0, bytes);
      if (found < bytes || in.read() >= 0) {
        throw NpyHeader.broken(
            what,
            "expected %d bytes for %s %s, found %s"
                .formatted(
                    bytes,
                    header.type(),
                    header.shape(),
                    found < bytes ? "only " + found : "more"));
      }
      return array(name, header, data);
    } catch (IOException e) {
      throw new FormatException(
          "%s: expected an .npy array, found damaged data (%s); write the file again"
              .formatted(what, OneLine.reason(e)),
          e);
    }
  }

  /**
   * The archive, the array's header and what compression can do at all must agree before memory is
   * taken.
   */
  private static void checkDeclared(String what, ZipEntry entry, long needed) {
    long packed = Math.max(0, entry.getCompressedSize());
    if (entry.getSize() != needed || needed > (packed + 1) * MAX_RATIO) {
      throw NpyHeader.broken(
          what,
          "expected %d bytes by the array's header, found %d bytes declared and %d stored"
              .formatted(needed, entry.getSize(), packed));
    }
  }

  private static NpzArray array(String name, NpyHeader header, byte[] data) {
    int unit = header.type().bytes();
    byte[] little = header.bigEndian() && unit > 1 ? swapped(data, unit) : data;
    byte[] rows =
        header.fortranOrder() ? rowMajor(little, header.shape(), header.elementBytes()) : little;
    return new NpzArray(
        name, header.type(), header.shape(), header.characters(), ByteBuffer.wrap(rows));
  }

  private static byte[] swapped(byte[] data, int unit) {
    byte[] swapped = new byte[data.length];
    for (int i = 0; i < data.length; i++) {
      swapped[i - i % unit + unit - 1 - i % unit] = data[i];
    }
    return swapped;
  }

  private static byte[] rowMajor(byte[] data, List<Integer> shape, int elementBytes) {
    int axes = shape.size();
    if (axes < 2 || data.length == 0) {
      return data;
    }
    int[] strides = new int[axes];
    int stride = elementBytes;
    for (int axis = 0; axis < axes; axis++) {
      strides[axis] = stride;
      stride *= shape.get(axis);
    }
    byte[] rows = new byte[data.length];
    int[] index = new int[axes];
    int from = 0;
    for (int to = 0; to < rows.length; to += elementBytes) {
      System.arraycopy(data, from, rows, to, elementBytes);
      for (int axis = axes - 1; axis >= 0; axis--) {
        from += strides[axis];
        if (++index[axis] < shape.get(axis)) {
          break;
        }
        from -= index[axis] * strides[axis];
        index[axis] = 0;
      }
    }
    return rows;
  }

  /** Closes the file; arrays that were read stay usable. */
  @Override
  public void close() {
    closeQuietly(zip);
  }

  private static void closeQuietly(ZipFile zip) {
    try {
      zip.close();
    } catch (IOException e) {
      // Nothing was written, so nothing is lost.
    }
  }

  private static String brief(Set<String> names) {
    List<String> first = names.stream().limit(5).toList();
    return names.size() <= 5
        ? first.toString()
        : "%d others, such as %s".formatted(names.size(), first);
  }
}
