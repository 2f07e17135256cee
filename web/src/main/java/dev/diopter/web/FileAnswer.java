package dev.diopter.web;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/**
 * Sends one file: entity tags, one byte range, and {@code .svgz} as an SVG that the transfer
 * compresses, which is what browsers take.
 */
final class FileAnswer {
  private static final int PIECE = 1 << 16;

  /** No browser shows a larger SVG, and one that packs itself this small means no good. */
  private static final long MOST_UNPACKED = 64L << 20;

  private FileAnswer() {}

  static void send(SavedFiles.Saved file, Request request, Response response, Callback callback)
      throws IOException {
    Path path = file.path();
    try (FileChannel channel =
        FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
      long size = channel.size();
      boolean gzip = file.compressed() && isGzip(channel);
      boolean unpack = gzip && !takesGzip(request);
      String tag = tag(path, size, unpack);
      boolean known = matches(request.getHeaders().get(HttpHeader.IF_NONE_MATCH), tag);
      if (gzip && !known) {
        requireWhole(channel, request);
      }
      Answers.dataHeaders(response);
      HttpFields.Mutable headers = response.getHeaders();
      headers.put(HttpHeader.CONTENT_TYPE, file.type());
      headers.put(HttpHeader.ETAG, tag);
      if (file.compressed()) {
        headers.put(HttpHeader.VARY, "Accept-Encoding");
      }
      if (known) {
        Answers.notModified(response, callback);
        return;
      }
      if (unpack) {
        unpack(channel, response);
        callback.succeeded();
        return;
      }
      if (gzip) {
        headers.put(HttpHeader.CONTENT_ENCODING, "gzip");
      }
      headers.put(HttpHeader.ACCEPT_RANGES, "bytes");
      Range range = range(request, size, tag, headers);
      headers.put(HttpHeader.CONTENT_LENGTH, range.length());
      if (range.length() < size) {
        response.setStatus(206);
        headers.put(
            HttpHeader.CONTENT_RANGE,
            "bytes %d-%d/%d".formatted(range.start(), range.end() - 1, size));
      }
      if (!request.getMethod().equals("HEAD")) {
        copy(channel, range, response);
      }
      callback.succeeded();
    }
  }

  /** Bytes from {@code start} up to but without {@code end}. */
  record Range(long start, long end) {
    long length() {
      return end - start;
    }
  }

  /**
   * What part is asked for: the whole where no single range is, where the file has changed since
   * the asker saw it, or where only the head is asked for, of which ranges mean nothing (RFC 9110,
   * 14.2).
   */
  private static Range range(Request request, long size, String tag, HttpFields.Mutable headers) {
    Range whole = new Range(0, size);
    String condition = request.getHeaders().get(HttpHeader.IF_RANGE);
    String asked = request.getHeaders().get(HttpHeader.RANGE);
    boolean get = HttpMethod.GET.is(request.getMethod());
    if (!get || asked == null || (condition != null && !condition.equals(tag))) {
      return whole;
    }
    Range range = parse(asked, size);
    if (range == null) {
      return whole;
    }
    if (range.length() <= 0) {
      headers.put(HttpHeader.CONTENT_RANGE, "bytes */" + size);
      throw new Refusal(416, "expected a range within %d bytes, got %s".formatted(size, asked));
    }
    return range;
  }

  /**
   * Reads {@code bytes=a-b}, {@code bytes=a-} or {@code bytes=-n}.
   *
   * @return an empty range where it lies behind the end; null where it is none of these
   */
  static @Nullable Range parse(String header, long size) {
    if (!header.matches("bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})")) {
      return null;
    }
    int dash = header.indexOf('-');
    String first = header.substring("bytes=".length(), dash);
    String last = header.substring(dash + 1);
    if (first.isEmpty()) {
      return new Range(Math.max(0, size - Long.parseLong(last)), size);
    }
    long start = Long.parseLong(first);
    long end = last.isEmpty() ? size : Math.min(size, Long.parseLong(last) + 1);
    if (!last.isEmpty() && Long.parseLong(last) < start) {
      return null;
    }
    return new Range(Math.min(start, size), Math.max(Math.min(start, size), end));
  }

  /** Whether a list of entity tags has one; weak ones count, as they do for reading. */
  static boolean matches(@Nullable String list, String tag) {
    if (list == null) {
      return false;
    }
    for (String one : list.split(",", -1)) {
      String given = one.strip();
      if (given.equals("*") || given.equals(tag) || given.equals("W/" + tag)) {
        return true;
      }
    }
    return false;
  }

  private static String tag(Path path, long size, boolean unpacked) throws IOException {
    BasicFileAttributes facts =
        Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    return "\"%x-%x-%x%s\""
        .formatted(
            size,
            facts.lastModifiedTime().to(TimeUnit.NANOSECONDS),
            facts.fileKey() == null ? 0 : facts.fileKey().hashCode(),
            unpacked ? "-u" : "");
  }

  private static boolean isGzip(FileChannel channel) throws IOException {
    byte[] start = new byte[2];
    int read = channel.read(java.nio.ByteBuffer.wrap(start), 0);
    return read == 2 && start[0] == 0x1F && start[1] == (byte) 0x8B;
  }

  private static boolean takesGzip(Request request) {
    for (String one : request.getHeaders().getCSV(HttpHeader.ACCEPT_ENCODING, false)) {
      String[] parts = one.split(";", -1);
      String name = parts[0].strip();
      boolean refused = one.replace(" ", "").matches(".*;q=0(\\.0*)?");
      if (name.equalsIgnoreCase("gzip") || name.equals("*")) {
        return !refused;
      }
    }
    return false;
  }

  /** Unpacks once for nothing: what is damaged is refused before any of it has been sent. */
  private static void requireWhole(FileChannel channel, Request request) throws IOException {
    String path = request.getHttpURI().getDecodedPath();
    byte[] piece = new byte[PIECE];
    long size = 0;
    try {
      InputStream in = unpacked(channel);
      for (int read; (read = in.read(piece)) >= 0; ) {
        size += read;
        if (size > MOST_UNPACKED) {
          throw new Refusal(
              422,
              "%s: expected at most %d bytes unpacked, found more".formatted(path, MOST_UNPACKED));
        }
      }
    } catch (ZipException | EOFException e) {
      throw new Refusal(
          422, "%s: damaged, its gzip data end or break off early; draw it again".formatted(path));
    }
  }

  private static void unpack(FileChannel channel, Response response) throws IOException {
    OutputStream out = Content.Sink.asOutputStream(response);
    unpacked(channel).transferTo(out);
    out.close(); // Not where that failed: to close would be to say that this was all.
  }

  /** From the start; the channel's owner closes it. */
  private static InputStream unpacked(FileChannel channel) throws IOException {
    channel.position(0);
    return new GZIPInputStream(Channels.newInputStream(channel));
  }

  private static void copy(FileChannel channel, Range range, Response response) throws IOException {
    channel.position(range.start());
    InputStream in = Channels.newInputStream(channel);
    try (OutputStream out = Content.Sink.asOutputStream(response)) {
      byte[] piece = new byte[PIECE];
      long left = range.length();
      while (left > 0) {
        int read = in.read(piece, 0, (int) Math.min(piece.length, left));
        if (read < 0) {
          throw new IOException("the file became shorter while it was sent");
        }
        out.write(piece, 0, read);
        left -= read;
      }
    }
  }
}
