package dev.diopter.formats;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Files that appear whole or not at all: written beside their place under another name, then moved
 * there in one step.
 */
public final class AtomicFile {
  private static final HexFormat HEX = HexFormat.of();
  private static final int BUFFER = 1 << 16;

  private AtomicFile() {}

  /** Writes a file's content. */
  @FunctionalInterface
  public interface Writer {
    /** Writes everything; the stream is buffered and closed by the caller. */
    void write(OutputStream out) throws IOException;
  }

  /**
   * Writes a file in place of whatever stands there. Where anything fails, what stood there before
   * still stands and nothing is left beside it. Links are followed. A device or pipe is written to
   * as it is, since it has no content to keep.
   *
   * @throws FormatException where the file cannot be written, with path and reason
   */
  public static void write(Path file, Writer writer) {
    try {
      Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      if (Files.exists(target) && !Files.isRegularFile(target) && !Files.isDirectory(target)) {
        writeTo(target, writer, StandardOpenOption.WRITE);
      } else {
        writeBeside(file, target, writer);
      }
    } catch (IOException e) {
      throw new FormatException(file + ": cannot be written: " + OneLine.reason(e), e);
    }
  }

  /**
   * The same for content that is there already, with as few calls of the system as there can be:
   * for many small files.
   *
   * @throws FormatException where the file cannot be written, with path and reason
   */
  public static void write(Path file, byte[] content) {
    Path part = file.resolveSibling(partName());
    boolean done = false;
    try {
      if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        Files.write(part, content, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        move(part, file);
        done = true;
        return;
      }
    } catch (IOException e) {
      // Below it fails again, and there it is told why.
    } finally {
      if (!done) {
        deleteQuietly(part);
      }
    }
    write(file, out -> out.write(content));
  }

  /** Short, since the name itself may be as long as the file system allows. */
  private static String partName() {
    return "." + HEX.toHexDigits(ThreadLocalRandom.current().nextInt()) + ".part";
  }

  private static void writeBeside(Path file, Path target, Writer writer) throws IOException {
    Path folder = target.getParent();
    if (folder == null || Files.isDirectory(target)) {
      throw new FormatException(file + ": cannot be written: it is a folder; give a file name");
    }
    if (!Files.isDirectory(folder)) {
      throw new FormatException(
          "%s: cannot be written: the folder %s does not exist; create it first"
              .formatted(file, folder));
    }
    Path part = folder.resolve(partName());
    boolean done = false;
    try {
      writeTo(part, writer, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      move(part, target);
      done = true;
    } finally {
      if (!done) {
        deleteQuietly(part);
      }
    }
  }

  private static void writeTo(Path path, Writer writer, OpenOption... options) throws IOException {
    try (OutputStream out =
        new BufferedOutputStream(Files.newOutputStream(path, options), BUFFER)) {
      writer.write(out);
    }
  }

  private static void move(Path part, Path target) throws IOException {
    try {
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static void deleteQuietly(Path part) {
    try {
      Files.deleteIfExists(part);
    } catch (IOException e) {
      // The failure that led here is the one to report.
    }
  }
}
