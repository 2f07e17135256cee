package dev.diopter.lens.attention;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.JsonLines;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A corpus in files. Holds one line at a time, and no line of more than {@link #MAX_LINE}, or in
 * {@code .jsonl} files {@link JsonLines#MAX_LINE}.
 */
final class CorpusFiles implements Corpus {
  /** Characters of a line. */
  static final int MAX_LINE = 1 << 24;

  private static final char BYTE_ORDER_MARK = '\ufeff';

  private final List<Path> files;

  private CorpusFiles(List<Path> files) {
    this.files = files;
  }

  static CorpusFiles of(Path where) {
    if (!Files.exists(where)) {
      throw new FormatException(
          where + ": expected a file or folder with texts, found none; name a .txt or .jsonl file");
    }
    if (!Files.isDirectory(where)) {
      return new CorpusFiles(List.of(where));
    }
    try (Stream<Path> entries = Files.list(where)) {
      List<Path> found =
          entries.filter(f -> hasTexts(f) && Files.isRegularFile(f)).sorted().toList();
      if (found.isEmpty()) {
        throw new FormatException(
            where + ": expected .txt or .jsonl files in this folder, found none");
      }
      return new CorpusFiles(found);
    } catch (IOException e) {
      throw FormatException.unreadable(where.toString(), e);
    }
  }

  private static boolean hasTexts(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".txt") || isJsonLines(file);
  }

  private static boolean isJsonLines(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".jsonl");
  }

  @Override
  public Texts open() {
    return new Reading();
  }

  private final class Reading implements Texts {
    private int nextFile;
    private @Nullable Texts file;

    @Override
    public @Nullable String next() {
      while (true) {
        if (file == null) {
          if (nextFile == files.size()) {
            return null;
          }
          Path path = files.get(nextFile++);
          file = isJsonLines(path) ? new Rows(JsonLines.open(path)) : new Lines(path);
        }
        String text = file.next();
        if (text != null) {
          return text;
        }
        close();
      }
    }

    @Override
    public void close() {
      if (file != null) {
        file.close();
        file = null;
      }
    }
  }

  /** The texts of a {@code .jsonl} file. */
  private record Rows(JsonLines lines) implements Texts {
    @Override
    public @Nullable String next() {
      if (!lines.next()) {
        return null;
      }
      JsonNode value = lines.value();
      if (!value.isObject() || !value.path("text").isString()) {
        throw new FormatException(
            "%s: expected an object with a string \"text\", found %s"
                .formatted(lines.where(), Json.brief(value)));
      }
      return value.get("text").stringValue();
    }

    @Override
    public void close() {
      lines.close();
    }
  }

  /** The lines of any other file. */
  private static final class Lines implements Texts {
    private final Path file;
    private final BufferedReader reader;
    private long line;

    Lines(Path file) {
      this.file = file;
      try {
        // Strict, where Files.newBufferedReader would be too, but with a name in the failure.
        reader =
            new BufferedReader(
                new InputStreamReader(
                    Files.newInputStream(file),
                    StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT)));
      } catch (IOException e) {
        throw FormatException.unreadable(file.toString(), e);
      }
    }

    /** A line without its end; BufferedReader's own would hold any length. */
    @Override
    public @Nullable String next() {
      try {
        StringBuilder text = new StringBuilder();
        int c = reader.read();
        if (line == 0 && c == BYTE_ORDER_MARK) {
          c = reader.read();
        }
        if (c < 0) {
          return null;
        }
        for (; c >= 0 && c != '\n'; c = reader.read()) {
          if (text.length() == MAX_LINE) {
            throw new FormatException(
                "%s line %d: expected a line of at most %d characters, found a longer one; split the text"
                    .formatted(file, line + 1, MAX_LINE));
          }
          text.append((char) c);
        }
        line++;
        int end = text.length();
        if (end > 0 && text.charAt(end - 1) == '\r') {
          text.setLength(end - 1);
        }
        return text.toString();
      } catch (CharacterCodingException e) {
        throw new FormatException(
            "%s line %d: expected UTF-8, found malformed bytes; write it again"
                .formatted(file, line + 1),
            e);
      } catch (IOException e) {
        throw FormatException.unreadable(file.toString(), e);
      }
    }

    @Override
    public void close() {
      try {
        reader.close();
      } catch (IOException e) {
        throw FormatException.unreadable(file.toString(), e);
      }
    }
  }
}
