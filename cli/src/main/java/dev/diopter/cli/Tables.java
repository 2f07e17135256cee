package dev.diopter.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The one printer of tables: headed columns, two blanks apart, on a rule; the last column wraps at
 * blanks where it would leave the page.
 */
final class Tables {
  private static final String GAP = "  ";
  private static final String INDENT = "  ";
  private static final int MIN_WRAP = 20;

  /** On which side a column's cells stand. */
  enum Align {
    LEFT,
    RIGHT
  }

  private record Column(String title, Align align) {}

  private final List<Column> columns = new ArrayList<>();
  private final List<String[]> rows = new ArrayList<>();

  /** A column whose cells stand left. */
  Tables left(String title) {
    columns.add(new Column(title, Align.LEFT));
    return this;
  }

  /** A column whose cells stand right, for numbers. */
  Tables right(String title) {
    columns.add(new Column(title, Align.RIGHT));
    return this;
  }

  /** One row, a cell for each column. */
  Tables row(String... cells) {
    if (cells.length != columns.size()) {
      throw new IllegalArgumentException(
          "expected %d cells, got %d".formatted(columns.size(), cells.length));
    }
    rows.add(cells.clone());
    return this;
  }

  /** Prints to the screen's results, within its width. */
  void print(Screen screen) {
    print(screen.out(), screen.width(), Style.of(screen));
  }

  /** Prints within a width. */
  void print(PrintStream out, int width, Style style) {
    int[] widths = new int[columns.size()];
    for (int c = 0; c < widths.length; c++) {
      widths[c] = Text.width(columns.get(c).title);
      for (String[] row : rows) {
        widths[c] = Math.max(widths[c], Text.width(row[c]));
      }
    }
    int last = widths.length - 1;
    int used = INDENT.length() + GAP.length() * last;
    for (int c = 0; c < last; c++) {
      used += widths[c];
    }
    widths[last] = Math.min(widths[last], Math.max(MIN_WRAP, width - used));

    String[] titles = columns.stream().map(Column::title).toArray(String[]::new);
    out.println(style.bold(line(titles, widths)));
    out.println(style.faint(INDENT + "\u2500".repeat(used - INDENT.length() + widths[last])));
    for (String[] row : rows) {
      List<String> parts = wrap(row[last], widths[last]);
      String[] cells = row.clone();
      for (String part : parts) {
        cells[last] = part;
        out.println(line(cells, widths));
        Arrays.fill(cells, "");
      }
    }
  }

  private String line(String[] cells, int[] widths) {
    StringBuilder line = new StringBuilder(INDENT);
    for (int c = 0; c < widths.length; c++) {
      boolean right = columns.get(c).align == Align.RIGHT;
      line.append(c == 0 ? "" : GAP)
          .append(right ? Text.padLeft(cells[c], widths[c]) : Text.padRight(cells[c], widths[c]));
    }
    return line.toString().stripTrailing();
  }

  /**
   * Lines of at most this many cells, broken at blanks; a word that is longer stands alone and
   * whole.
   */
  static List<String> wrap(String text, int cells) {
    if (Text.width(text) <= cells) {
      return List.of(text);
    }
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : text.split(" ", -1)) {
      if (!line.isEmpty() && Text.width(line.toString()) + 1 + Text.width(word) > cells) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines;
  }
}
