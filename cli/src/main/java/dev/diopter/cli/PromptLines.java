package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Prompts of a text file, one a line. */
final class PromptLines {
  private static final long MOST_BYTES = 16L << 20;

  private PromptLines() {}

  /** Its lines, without blank ones; at least one. */
  static List<String> read(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw new UsageException("--prompts: expected a text file, found none at " + file);
      }
      if (Files.size(file) > MOST_BYTES) {
        throw new FormatException(
            "%s: expected at most %d bytes of prompts, got %d"
                .formatted(file, MOST_BYTES, Files.size(file)));
      }
      List<String> lines = Files.readAllLines(file).stream().filter(l -> !l.isBlank()).toList();
      if (lines.isEmpty()) {
        throw new FormatException(file + ": expected a prompt on each line, found none");
      }
      return lines;
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": expected text in UTF-8", e);
    } catch (IOException e) {
      throw new FormatException(file + ": expected a text file, could not read it", e);
    }
  }
}
