package dev.diopter.lens.patterns;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.formats.JsonLines;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a file of texts, one JSON object with {@code text} a line, into rows for prompts: texts
 * that are too short are left out, those that are too long are cut into pieces. Lengths count
 * Unicode code points, both bounds included.
 *
 * @param minChars least length of a text and of a piece; null for none
 * @param maxChars largest length of a piece, longer texts are cut; null for none
 * @param shuffleSeed seed of the order, the same seed gives the same order; null for the file's. To
 *     shuffle, all rows are kept in memory; else one is
 */
public record PromptTexts(
    @Nullable Integer minChars, @Nullable Integer maxChars, @Nullable Long shuffleSeed) {

  /** Every row as it is, in the file's order. */
  public static final PromptTexts AS_THEY_ARE = new PromptTexts(null, null, null);

  public PromptTexts {
    if (maxChars != null && maxChars < 1) {
      throw new UsageException("max chars: expected 1 or more, got " + maxChars);
    }
    if (minChars != null && minChars < 0) {
      throw new UsageException("min chars: expected 0 or more, got " + minChars);
    }
  }

  /**
   * All rows of a file.
   *
   * @throws FormatException at the first line that is no row
   */
  public List<ObjectNode> load(Path file) {
    List<ObjectNode> rows = new ArrayList<>();
    read(
        file,
        rows::add,
        e -> {
          throw e;
        });
    return rows;
  }

  /**
   * Gives the rows of a file in turn.
   *
   * @param sink takes each row and says whether it wants more
   * @param broken takes what is wrong with a line; reading goes on behind it
   * @throws FormatException where the file cannot be read
   */
  public void read(Path file, Predicate<ObjectNode> sink, Consumer<FormatException> broken) {
    if (shuffleSeed == null) {
      readInOrder(file, sink, broken);
      return;
    }
    List<ObjectNode> rows = new ArrayList<>();
    readInOrder(file, rows::add, broken);
    Collections.shuffle(rows, new Random(shuffleSeed));
    for (ObjectNode row : rows) {
      if (!sink.test(row)) {
        return;
      }
    }
  }

  private void readInOrder(
      Path file, Predicate<ObjectNode> sink, Consumer<FormatException> broken) {
    String source = sourceName(file);
    try (JsonLines lines = JsonLines.open(file)) {
      while (lines.next()) {
        ObjectNode row;
        try {
          row = row(lines);
        } catch (FormatException e) {
          broken.accept(e);
          continue;
        }
        row.put("source_fname", source);
        if (!split(row, sink)) {
          return;
        }
      }
    }
  }

  private static ObjectNode row(JsonLines lines) {
    JsonNode value = lines.value();
    if (!(value instanceof ObjectNode row) || !row.path("text").isString()) {
      throw new InvalidPromptException(
          "%s: expected an object with a string \"text\", found %s"
              .formatted(lines.where(), Json.brief(value)));
    }
    PatternPrompt.of(lines.where(), row); // Here, where the line's number is known.
    return row;
  }

  /** Gives a row, in pieces where its text is too long; false when no more are wanted. */
  private boolean split(ObjectNode row, Predicate<ObjectNode> sink) {
    String text = row.path("text").stringValue();
    int left = text.codePointCount(0, text.length());
    if (minChars != null && left < minChars) {
      return true;
    }
    int from = 0;
    while (maxChars != null && left > maxChars) {
      int to = text.offsetByCodePoints(from, maxChars);
      if (!give(row, text.substring(from, to), maxChars, sink)) {
        return false;
      }
      from = to;
      left -= maxChars;
    }
    return give(row, text.substring(from), left, sink);
  }

  private boolean give(ObjectNode row, String piece, int length, Predicate<ObjectNode> sink) {
    if (minChars != null && length < minChars) {
      return true;
    }
    ObjectNode copy = row.deepCopy();
    copy.put("text", piece);
    return sink.test(copy);
  }

  /** The path as Python's pathlib writes it with slashes. */
  private static String sourceName(Path file) {
    StringJoiner name = new StringJoiner("/");
    for (Path part : file) {
      if (!part.toString().equals(".")) {
        name.add(part.toString());
      }
    }
    String root = file.getRoot() == null ? "" : file.getRoot().toString().replace('\\', '/');
    return root + name;
  }
}
