package dev.diopter.cli;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ObjectNode;

/**
 * The result of a command as one JSON object: on standard output with {@code --json}, in a file
 * with {@code --out}.
 */
final class ResultFile {
  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Write the JSON object to a file too.")
  private @Nullable Path out;

  /** Fails where the file cannot be written; before anything is computed. */
  void validate() {
    if (out != null) {
      requireWritable(out);
    }
  }

  /** Whether somebody wants the object. */
  boolean wanted(OutputOptions output) {
    return output.json() || out != null;
  }

  /** Delivers the object. */
  void deliver(ObjectNode object, Screen screen, OutputOptions output) {
    if (output.json()) {
      print(object, screen);
    }
    if (out != null) {
      Json.write(object, out, true);
      output.note("wrote " + out);
    }
  }

  /** Prints the object on standard output. */
  static void print(ObjectNode object, Screen screen) {
    try {
      Json.write(object, screen.out(), true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Fails where a file surely cannot be written, so that nobody waits for a result that cannot be
   * kept.
   *
   * @throws FormatException with path and reason
   */
  static void requireWritable(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    if (Files.isDirectory(file)) {
      throw new FormatException(file + ": cannot be written: it is a folder; give a file name");
    }
    if (folder == null || !Files.isDirectory(folder)) {
      throw new FormatException(
          "%s: cannot be written: the folder %s does not exist; create it first"
              .formatted(file, folder));
    }
    if (!Files.isWritable(folder)) {
      throw new FormatException(
          "%s: cannot be written: the folder %s is read-only".formatted(file, folder));
    }
  }
}
