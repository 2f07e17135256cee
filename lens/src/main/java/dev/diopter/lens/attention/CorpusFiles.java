package dev.diopter.lens.attention;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
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

/** A corpus in files. Holds one line at a time, and no line of more than {@link #MAX_LINE}. */
final class CorpusFiles implements Corpus {
  /** Characters of a line. */
  static final int MAX_LINE = 1 << 24;

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
    private @Nullable BufferedReader reader;
    private Path file = Path.of("");
    private long line;

    @Override
    public @Nullable String next() {
      try {
        while (true) {
          if (reader == null) {
            if (nextFile == files.size()) {
              return null;
            }
            open(files.get(nextFile++));
          }
          String read = readLine();
          if (read == null) {
            close();
          } else if (!isJsonLines(file)) {
            return read;
          } else if (!read.isBlank()) {
            return text(read);
          }
        }
      } catch (CharacterCodingException e) {
        throw new FormatException(
            "%s:%d: expected UTF-8, found malformed bytes; write it again"
                .formatted(file, line + 1),
            e);
      } catch (IOException e) {
        throw FormatException.unreadable(file.toString(), e);
      }
    }

    private void open(Path path) throws IOException {
      file = path;
      line = 0;
      // Strict, where Files.newBufferedReader would be too, but with a name in the failure.
      reader =
          new BufferedReader(
              new InputStreamReader(
                  Files.newInputStream(path),
                  StandardCharsets.UTF_8
                      .newDecoder()
                      .onMalformedInput(CodingErrorAction.REPORT)
                      .onUnmappableCharacter(CodingErrorAction.REPORT)));
    }

    /** A line without its end, or null at the end; BufferedReader's own would hold any length. */
    private @Nullable String readLine() throws IOException {
      BufferedReader from = reader;
      if (from == null) {
        return null;
      }
      StringBuilder text = new StringBuilder();
      int c = from.read();
      if (c < 0) {
        return null;
      }
      for (; c >= 0 && c != '\n'; c = from.read()) {
        if (text.length() == MAX_LINE) {
          throw new FormatException(
              "%s:%d: expected a line of at most %d characters, found a longer one; split the text"
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
    }

    private String text(String read) {
      String source = file + ":" + line;
      JsonNode value = Json.read(source, read);
      if (!value.isObject() || !value.path("text").isString()) {
        throw new FormatException(
            "%s: expected an object with a string \"text\", found %s"
                .formatted(source, Json.brief(value)));
      }
      return value.get("text").stringValue();
    }

    @Override
    public void close() {
      BufferedReader open = reader;
      reader = null;
      if (open != null) {
        try {
          open.close();
        } catch (IOException e) {
          throw FormatException.unreadable(file.toString(), e);
        }
      }
    }
  }
}
