package dev.diopter.formats;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;

/**
 * A zip archive of stored entries whose contents begin at multiples of 64 bytes, as torch's own
 * writer makes them: padding in the local headers, sizes behind the contents, a 64-bit directory.
 */
final class StoredZip {
  private static final int ALIGNMENT = 64;
  private static final int FLAGS = 0x0808; // sizes come behind the content; names are UTF-8
  private static final long MAX_32 = 0xFFFF_FFFFL;

  private record Entry(byte[] name, long at, long checksum, long size) {}

  private final Counted out;
  private final List<Entry> entries = new ArrayList<>();

  StoredZip(OutputStream out) {
    this.out = new Counted(out);
  }

  /** Counts and sums what goes through. */
  private static final class Counted extends FilterOutputStream {
    private long count;
    private CRC32 checksum = new CRC32();

    Counted(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      out.write(bytes, from, length);
      checksum.update(bytes, from, length);
      count += length;
    }
  }

  void add(String name, byte[] content) throws IOException {
    add(name, content.length, entry -> entry.write(content, 0, content.length));
  }

  void add(String name, long size, AtomicFile.Writer content) throws IOException {
    if (size >= MAX_32) {
      throw new IllegalArgumentException(
          "%s: expected entries below 4 GiB, got %d bytes".formatted(name, size));
    }
    byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
    long at = out.count;
    // An offset beyond 32 bits counts as a field of its own, which torch leaves room for.
    long start = at + 30 + utf8.length + 4 + (at >= MAX_32 ? 12 : 0);
    int padding = (int) ((ALIGNMENT - start % ALIGNMENT) % ALIGNMENT) + (at >= MAX_32 ? 12 : 0);
    byte[] local = new byte[30 + utf8.length + 4 + padding];
    ByteBuffer header = little(local);
    header.putInt(0x04034b50).putShort((short) 0).putShort((short) FLAGS);
    header.putShort((short) 0).putInt(0).putInt(0).putInt(0).putInt(0);
    header.putShort((short) utf8.length).putShort((short) (4 + padding)).put(utf8);
    header.put((byte) 'F').put((byte) 'B').putShort((short) padding);
    Arrays.fill(local, local.length - padding, local.length, (byte) 'Z');
    out.write(local, 0, local.length);
    out.checksum = new CRC32();
    long from = out.count;
    content.write(out);
    if (out.count - from != size) {
      throw new IllegalStateException(
          "%s: expected %d bytes, got %d".formatted(name, size, out.count - from));
    }
    long checksum = out.checksum.getValue();
    byte[] descriptor = new byte[16];
    little(descriptor)
        .putInt(0x08074b50)
        .putInt((int) checksum)
        .putInt((int) size)
        .putInt((int) size);
    out.write(descriptor, 0, descriptor.length);
    entries.add(new Entry(utf8, at, checksum, size));
  }

  /** Checksums of the entries so far. */
  List<Long> checksums() {
    return entries.stream().map(Entry::checksum).toList();
  }

  /** Writes the directory; the stream stays open. */
  void finish() throws IOException {
    long from = out.count;
    for (Entry entry : entries) {
      writeDirectoryEntry(entry);
    }
    long size = out.count - from;
    long end = out.count;
    byte[] ends = new byte[56 + 20 + 22];
    ByteBuffer tail = little(ends);
    tail.putInt(0x06064b50).putLong(44).putShort((short) 0x031e).putShort((short) 45);
    tail.putInt(0).putInt(0).putLong(entries.size()).putLong(entries.size());
    tail.putLong(size).putLong(from);
    tail.putInt(0x07064b50).putInt(0).putLong(end).putInt(1);
    int count = Math.min(entries.size(), 0xFFFF);
    tail.putInt(0x06054b50).putShort((short) 0).putShort((short) 0);
    tail.putShort((short) count).putShort((short) count);
    tail.putInt((int) Math.min(size, MAX_32)).putInt((int) Math.min(from, MAX_32));
    tail.putShort((short) 0);
    out.write(ends, 0, ends.length);
  }

  private void writeDirectoryEntry(Entry entry) throws IOException {
    boolean far = entry.at >= MAX_32;
    byte[] listed = new byte[46 + entry.name.length + (far ? 12 : 0)];
    ByteBuffer header = little(listed);
    header.putInt(0x02014b50).putShort((short) 0).putShort((short) 0).putShort((short) FLAGS);
    header.putShort((short) 0).putInt(0).putInt((int) entry.checksum);
    header.putInt((int) entry.size).putInt((int) entry.size);
    header.putShort((short) entry.name.length).putShort((short) (far ? 12 : 0));
    header.putShort((short) 0).putShort((short) 0).putShort((short) 0).putInt(0);
    header.putInt((int) Math.min(entry.at, MAX_32)).put(entry.name);
    if (far) {
      header.putShort((short) 1).putShort((short) 8).putLong(entry.at);
    }
    out.write(listed, 0, listed.length);
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
