package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Numbers and ranges as users write them. */
final class Numbers {
  private static final Pattern RANGE = Pattern.compile("(\\d+)-(\\d+)|(-?\\d+)\\.\\.(-?\\d+)");
  private static final int MOST = 1 << 20;

  private Numbers() {}

  static int whole(String what, String expected, String text) {
    try {
      return Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      throw new UsageException("%s: expected %s, got '%s'".formatted(what, expected, text));
    }
  }

  static double real(String what, String text) {
    try {
      double value = Double.parseDouble(text.strip());
      if (Double.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new UsageException("%s: expected a number, got '%s'".formatted(what, text));
  }

  static List<String> parts(String text) {
    List<String> parts = List.of(text.split(",", -1)).stream().map(String::strip).toList();
    if (parts.contains("")) {
      throw new UsageException("expected a list with commas, got '%s'".formatted(text));
    }
    return parts;
  }

  /** A number, {@code 2-5}, or {@code -3..-1}; both ends are in it. */
  static int[] range(String what, String text) {
    Matcher range = RANGE.matcher(text);
    if (!range.matches()) {
      return new int[] {whole(what, "a number, a range such as 0-5 or -3..-1, or a list", text)};
    }
    boolean dash = range.group(1) != null;
    int from = whole(what, "a range", dash ? range.group(1) : range.group(3));
    int to = whole(what, "a range", dash ? range.group(2) : range.group(4));
    if (from > to || to - from > MOST || (from < 0) != (to < 0)) {
      throw new UsageException(
          "%s: expected a range that ascends on one side of zero, got '%s'".formatted(what, text));
    }
    return IntStream.rangeClosed(from, to).toArray();
  }

  static int[] list(String what, String text) {
    return parts(text).stream().flatMapToInt(p -> IntStream.of(range(what, p))).toArray();
  }
}
