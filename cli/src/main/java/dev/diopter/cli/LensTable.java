package dev.diopter.cli;

import java.util.Arrays;

/**
 * A table of what is said where: lines such as positions, columns such as depths, as wide as the
 * screen allows. Columns that do not fit beside each other come below.
 */
final class LensTable {
  private static final int GAP = 1;
  private static final int MIN_TOKEN = 4;
  private static final int MOST_LABEL = 12;

  private final Screen screen;
  private final String[] lines;
  private final int numberWidth;

  /**
   * With a line for each label.
   *
   * @param numberWidth cells for the number behind a token
   */
  LensTable(Screen screen, String[] lines, int numberWidth) {
    this.screen = screen;
    this.lines = lines;
    this.numberWidth = numberWidth;
  }

  /** With a line for each position of a prompt. */
  static LensTable of(Screen screen, Tokens tokens, int[] ids, int numberWidth) {
    String[] places = new String[ids.length];
    Arrays.setAll(places, position -> Pages.place(tokens, ids, position));
    return new LensTable(screen, places, numberWidth);
  }

  /**
   * What stands in a cell.
   *
   * @param token what the lens says
   * @param number a number about it
   * @param share how strong its colour is, 0 to 1; not-a-number for none
   */
  record Cell(String token, String number, double share) {}

  /** Gives cells. */
  interface Cells {
    Cell at(int column, int line);
  }

  /** Prints columns with these titles. */
  void print(String[] columns, Cells cells) {
    int label = 0;
    for (String line : lines) {
      label = Math.max(label, Text.width(line));
    }
    label = Math.min(label, MOST_LABEL);
    int room = screen.width() - 2 - label - 1;
    int most = Math.max(1, room / (MIN_TOKEN + numberWidth + GAP));
    int blocks = (columns.length + most - 1) / most;
    int perBlock = (columns.length + blocks - 1) / blocks;
    int token =
        Math.clamp(
            room / Math.min(perBlock, columns.length) - GAP - numberWidth,
            MIN_TOKEN,
            widest(columns.length, cells));
    for (int from = 0; from < columns.length; from += perBlock) {
      if (from > 0) {
        screen.out().println();
      }
      block(columns, cells, from, Math.min(columns.length, from + perBlock), label, token);
    }
  }

  private void block(String[] columns, Cells cells, int from, int to, int label, int token) {
    Style style = Style.of(screen);
    int width = token + numberWidth;
    StringBuilder head = new StringBuilder("  " + " ".repeat(label) + " ");
    for (int column = from; column < to; column++) {
      head.append(Text.padRight(Text.fit(columns[column], width), width)).append(" ".repeat(GAP));
    }
    screen.out().println(style.bold(head.toString().stripTrailing()));
    for (int position = 0; position < lines.length; position++) {
      String place = Text.fit(lines[position], label);
      StringBuilder line = new StringBuilder("  " + Text.padRight(place, label) + " ");
      for (int column = from; column < to; column++) {
        Cell cell = cells.at(column, position);
        String text =
            Text.padRight(Text.fit(cell.token, token), token)
                + Text.padLeft(cell.number, numberWidth);
        line.append(Double.isNaN(cell.share) ? text : style.heat(text, cell.share))
            .append(" ".repeat(GAP));
      }
      screen.out().println(line.toString().stripTrailing());
    }
  }

  private int widest(int columns, Cells cells) {
    int widest = MIN_TOKEN;
    for (int column = 0; column < columns; column++) {
      for (int position = 0; position < lines.length; position++) {
        widest = Math.max(widest, Text.width(cells.at(column, position).token));
      }
    }
    return widest;
  }
}
