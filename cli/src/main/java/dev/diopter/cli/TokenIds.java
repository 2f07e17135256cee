package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.StringTokenizer;

/** Lists of token ids as text. */
final class TokenIds {
  private TokenIds() {}

  /**
   * Reads {@code 1,2,3}.
   *
   * @throws UsageException if it is none
   */
  static int[] parse(String text) {
    return parse("--ids", text);
  }

  /**
   * Reads {@code 1,2,3}, the value of an option.
   *
   * @throws UsageException if it is none
   */
  static int[] parse(String option, String text) {
    try {
      return numbers(text);
    } catch (NumberFormatException e) {
      throw new UsageException(
          "%s: expected numbers with commas between them, such as 1,2,3; %s"
              .formatted(option, e.getMessage()));
    }
  }

  /**
   * Reads a file with a JSON array, or with numbers between blanks or commas.
   *
   * @throws FormatException if it is none
   */
  static int[] read(Path file) {
    try {
      String text = Files.readString(file).strip();
      boolean array = text.startsWith("[") && text.endsWith("]");
      return numbers(array ? text.substring(1, text.length() - 1) : text);
    } catch (NumberFormatException e) {
      throw new FormatException(
          file
              + ": expected token ids as a JSON array or between blanks or commas; "
              + e.getMessage(),
          e);
    } catch (NoSuchFileException e) {
      throw new FormatException(file + ": expected a file with token ids, found none", e);
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": expected UTF-8, found malformed bytes", e);
    } catch (IOException e) {
      throw new FormatException(file + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static int[] numbers(String text) {
    StringTokenizer words = new StringTokenizer(text, ", \t\r\n");
    int[] ids = new int[words.countTokens()];
    if (ids.length == 0) {
      throw new NumberFormatException("found none");
    }
    for (int i = 0; i < ids.length; i++) {
      String word = words.nextToken();
      try {
        ids[i] = Integer.parseInt(word);
      } catch (NumberFormatException e) {
        throw new NumberFormatException("number %d is '%s'".formatted(i + 1, Text.fit(word, 40)));
      }
    }
    return ids;
  }

  /** Ids with commas between them, as {@code --ids} reads them. */
  static String join(int[] ids) {
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(text.isEmpty() ? "" : ",").append(id);
    }
    return text.toString();
  }
}
