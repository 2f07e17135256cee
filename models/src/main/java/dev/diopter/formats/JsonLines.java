package dev.diopter.formats;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import tools.jackson.databind.JsonNode;

/**
 * Reads a {@code .jsonl} file, one JSON value a line, one line at a time. Blank lines are passed
 * over, and so is a byte order mark in front. A line that is broken fails alone: {@link #next} goes
 * on behind it. Belongs to one thread.
 */
public final class JsonLines implements AutoCloseable {
  /** Most bytes of a line. */
  public static final int MAX_LINE = 64 << 20;

  private static final int BUFFER = 1 << 16;
  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

  private final Path file;
  private final InputStream in;
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long line;

  private JsonLines(Path file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  /**
   * Opens a file.
   *
   * @throws FormatException where it cannot be read
   */
  public static JsonLines open(Path file) {
    try {
      if (Files.isDirectory(file)) {
        throw new FormatException(
            file + ": expected a file of JSON lines, found a folder; give the file");
      }
      InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER);
      passMark(in);
      return new JsonLines(file, in);
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": expected a file of JSON lines, found none", e);
    } catch (IOException e) {
      throw FormatException.unreadable(file.toString(), e);
    }
  }

  private static void passMark(InputStream in) throws IOException {
    in.mark(BYTE_ORDER_MARK.length);
    if (!Arrays.equals(in.readNBytes(BYTE_ORDER_MARK.length), BYTE_ORDER_MARK)) {
      in.reset();
    }
  }

  /**
   * Goes to the next line that is not blank.
   *
   * @return false at the end
   * @throws FormatException where the file cannot be read on, or the line is too long
   */
  public boolean next() {
    try {
      while (true) {
        bytes.reset();
        boolean blank = true;
        int c = in.read();
        if (c < 0) {
          return false;
        }
        line++;
        for (; c >= 0 && c != '\n'; c = in.read()) {
          blank &= c == ' ' || c == '\t' || c == '\r';
          bytes.write(c);
          if (bytes.size() > MAX_LINE) {
            throw new FormatException(
                "%s: expected lines of at most %d bytes, found a longer one; split it"
                    .formatted(where(), MAX_LINE));
          }
        }
        if (!blank) {
          return true;
        }
      }
    } catch (IOException e) {
      throw FormatException.unreadable(file.toString(), e);
    }
  }

  /** The file and the number of the line, for messages. */
  public String where() {
    return file + " line " + line;
  }

  /**
   * The value of the line.
   *
   * @throws FormatException where it is not one JSON value
   */
  public JsonNode value() {
    return Json.read(where(), bytes.toByteArray());
  }

  /** Closes the file. */
  @Override
  public void close() {
    try {
      in.close();
    } catch (IOException e) {
      // Nothing was written, so nothing is lost.
    }
  }
}
