package dev.diopter.lens.plotting;

import dev.diopter.lens.trajectory.TopTokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What stands in the cells of a heatmap, and what appears when one is pointed at.
 *
 * @param labelStrings a label for each cell, [row][position]
 * @param hoverOverEntries a table for each cell, [row][position][line][column], all of one size;
 *     null for none
 */
public record TrajectoryLabels(
    String[][] labelStrings, String @Nullable [][][][] hoverOverEntries) {
  /** Columns of a hover table are no wider. */
  public static final int COLUMN_WIDTH = 10;

  /** Prompts of a batch that a hover table shows. */
  private static final int MOST_ENTRIES = 3;

  public TrajectoryLabels {
    if (hoverOverEntries != null && hoverOverEntries.length != labelStrings.length) {
      throw new IllegalArgumentException(
          "expected hover tables for %d rows, got %d"
              .formatted(labelStrings.length, hoverOverEntries.length));
    }
  }

  /**
   * Labels of the most probable tokens, with a table of several on hover.
   *
   * @param top of each prompt of a batch, or of the one prompt; a label that differs between
   *     prompts is {@code *}
   * @param minProb a cell whose best token is not above it gets no label
   */
  public static TrajectoryLabels largestProbabilities(
      List<TopTokens> top, TokenNames names, TokenFormatter formatter, double minProb) {
    return of(
        top, names, formatter, minProb, value -> String.format(Locale.ROOT, "%.2f%%", 100 * value));
  }

  /**
   * Labels of the tokens whose probabilities change most.
   *
   * @param changes of each prompt of a batch, or of the one prompt
   * @param minChange a cell whose largest change is not above it gets no label
   */
  public static TrajectoryLabels largestChanges(
      List<TopTokens> changes, TokenNames names, TokenFormatter formatter, double minChange) {
    return of(
        changes,
        names,
        formatter,
        minChange,
        value -> String.format(Locale.ROOT, "\u0394%.2f%%", 100 * value));
  }

  private interface Shown {
    String text(double value);
  }

  private static TrajectoryLabels of(
      List<TopTokens> batch,
      TokenNames names,
      TokenFormatter formatter,
      double least,
      Shown shown) {
    TopTokens first = batch.getFirst();
    int rows = first.ids().length;
    int positions = first.ids()[0].length;
    String[][] labels = new String[rows][positions];
    String[][][][] tables = new String[rows][positions][][];
    int shownPrompts = Math.min(MOST_ENTRIES, batch.size());
    for (int row = 0; row < rows; row++) {
      for (int position = 0; position < positions; position++) {
        labels[row][position] = label(batch, row, position, names, formatter, least);
        int lines = first.ids()[row][position].length;
        String[][] table = new String[lines][2 * shownPrompts];
        for (int prompt = 0; prompt < shownPrompts; prompt++) {
          int[] ids = batch.get(prompt).ids()[row][position];
          float[] values = batch.get(prompt).values()[row][position];
          for (int line = 0; line < lines; line++) {
            table[line][2 * prompt] = formatter.format(names.token(ids[line]));
            table[line][2 * prompt + 1] = shown.text(values[line]);
          }
        }
        tables[row][position] = table;
      }
    }
    return new TrajectoryLabels(labels, tables);
  }

  private static String label(
      List<TopTokens> batch,
      int row,
      int position,
      TokenNames names,
      TokenFormatter formatter,
      double least) {
    String label = null;
    for (TopTokens each : batch) {
      boolean small = !(Math.abs(each.values()[row][position][0]) > least);
      String own = small ? "" : formatter.format(names.token(each.ids()[row][position][0]));
      if (label != null && !label.equals(own)) {
        return "*";
      }
      label = own;
    }
    return label == null ? "" : label;
  }

  /** Every {@code stride}-th row, and the last in any case. */
  public TrajectoryLabels stride(int stride) {
    int[] rows = Strides.rows(stride, labelStrings.length);
    String @Nullable [][][][] hover = hoverOverEntries;
    return new TrajectoryLabels(
        Arrays.stream(rows).mapToObj(row -> labelStrings[row]).toArray(String[][]::new),
        hover == null
            ? null
            : Arrays.stream(rows).mapToObj(row -> hover[row]).toArray(String[][][][]::new));
  }

  /**
   * Plotly's form of the hover tables.
   *
   * @param template a line for each line of a table
   * @param customdata the cells of each table in one row, in columns of fixed width,
   *     [row][position][line * columns + column]
   */
  public record Hover(String template, String[][][] customdata) {}

  /**
   * Plotly's form of the hover tables.
   *
   * @param columnWidthLimit most characters of a column
   * @throws IllegalStateException if there are none
   */
  public Hover templateAndCustomdata(int columnWidthLimit) {
    if (hoverOverEntries == null || hoverOverEntries.length == 0) {
      throw new IllegalStateException("expected hover tables, there are none");
    }
    int lines = hoverOverEntries[0][0].length;
    int columns = lines == 0 ? 0 : hoverOverEntries[0][0][0].length;
    StringBuilder template = new StringBuilder();
    for (int line = 0; line < lines; line++) {
      for (int column = 0; column < columns; column++) {
        template.append("%{customdata[").append(line * columns + column).append("]}");
      }
      template.append("<br>");
    }
    template.append("<extra></extra>");
    int[] widths = new int[columns];
    for (String[][][] row : hoverOverEntries) {
      for (String[][] table : row) {
        for (String[] line : table) {
          for (int column = 0; column < columns; column++) {
            int length = line[column].codePointCount(0, line[column].length()) + 1;
            widths[column] = Math.min(columnWidthLimit, Math.max(widths[column], length));
          }
        }
      }
    }
    String[][][] customdata = new String[hoverOverEntries.length][][];
    for (int row = 0; row < customdata.length; row++) {
      customdata[row] = new String[hoverOverEntries[row].length][];
      for (int position = 0; position < customdata[row].length; position++) {
        List<String> cells = new ArrayList<>();
        for (String[] line : hoverOverEntries[row][position]) {
          for (int column = 0; column < columns; column++) {
            cells.add(FixedWidth.truncStringLeft(line[column], widths[column]));
          }
        }
        customdata[row][position] = cells.toArray(String[]::new);
      }
    }
    return new Hover(template.toString(), customdata);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TrajectoryLabels l
        && Arrays.deepEquals(labelStrings, l.labelStrings)
        && Arrays.deepEquals(hoverOverEntries, l.hoverOverEntries);
  }

  @Override
  public int hashCode() {
    return Arrays.deepHashCode(labelStrings);
  }
}
