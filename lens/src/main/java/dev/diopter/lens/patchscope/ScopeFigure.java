package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.plotting.ColorStops;
import dev.diopter.lens.plotting.Figure;
import dev.diopter.lens.plotting.HeatmapOptions;
import dev.diopter.lens.plotting.TrajectoryLabels;
import dev.diopter.lens.plotting.TrajectoryStatistic;
import java.util.List;
import java.util.Locale;

/**
 * Cells as heatmaps: source layers across, target layers upward, the predicted token in each cell,
 * the most probable ones on hover, a mark where both layers are the same. Several sweeps over the
 * same layers, such as one and its controls, become panels with one scale of colours.
 */
public final class ScopeFigure {
  /** Stands in front of the token of a cell whose layers are the same. */
  private static final String DIAGONAL = "\u25c6 ";

  private static final int COLUMN = 12;

  private ScopeFigure() {}

  /**
   * A figure.
   *
   * @param title above it
   * @param panels of each panel its name and its cells, the columns one after the other
   * @param columns number of columns, the same for all panels
   */
  public static Figure of(String title, List<Panel> panels, int columns) {
    return new Figure(
        title,
        panels.stream()
            .map(panel ->
                statistic(panel, columns)
                    .heatmap(HeatmapOptions.DEFAULT.colorscale(ColorStops.named("viridis"))))
            .toList(),
        Figure.TOKEN_WIDTH);
  }

  /** Cells under a name. */
  public record Panel(String name, List<Cell> cells) {
    public Panel {
      cells = List.copyOf(cells);
    }
  }

  private static TrajectoryStatistic statistic(Panel panel, int columns) {
    List<Cell> cells = panel.cells();
    if (columns < 1 || cells.isEmpty() || cells.size() % columns != 0) {
      throw new UsageException(
          "figure: expected %d columns of equally many cells, got %d cells"
              .formatted(columns, cells.size()));
    }
    int rows = cells.size() / columns;
    double[][] values = new double[rows][columns];
    String[][] texts = new String[rows][columns];
    String[][][][] hover = new String[rows][columns][][];
    String[] across = new String[columns];
    String[] upward = new String[rows];
    int entries = cells.stream().mapToInt(c -> c.reading().top().size()).min().orElse(0);
    for (int i = 0; i < cells.size(); i++) {
      Cell cell = cells.get(i);
      int column = i / rows;
      int row = i % rows;
      across[column] = "from " + Slots.label(cell.route().sourceEntry()) + places(cell, cells);
      String to = "to " + Slots.label(cell.route().targetEntry());
      upward[row] = column == 0 || to.equals(upward[row]) ? to : "to its pair";
      Model model = cell.patch().target().model();
      Reading.Candidate best = cell.reading().top().getFirst();
      values[row][column] = best.probability();
      boolean diagonal = cell.route().sourceEntry() == cell.route().targetEntry();
      texts[row][column] = (diagonal ? DIAGONAL : "") + name(model, best.id());
      hover[row][column] = hover(model, cell, entries);
    }
    return new TrajectoryStatistic(
        panel.name() + ": probability of the best token",
        values,
        across,
        new TrajectoryLabels(texts, hover),
        null,
        1.0,
        0.0,
        false,
        upward);
  }

  /** Positions where they differ between cells. */
  private static String places(Cell cell, List<Cell> cells) {
    Cell first = cells.getFirst();
    boolean same =
        cells.stream()
            .allMatch(c -> java.util.Arrays.equals(c.sourcePositions(), first.sourcePositions()));
    return same ? "" : " @" + cell.sourcePositions()[0];
  }

  private static String[][] hover(Model model, Cell cell, int entries) {
    String text = cell.text();
    boolean generated = cell.generatedIds().length > 0 && text != null;
    String[][] lines = new String[entries + 1][];
    for (int i = 0; i < entries; i++) {
      Reading.Candidate each = cell.reading().top().get(i);
      lines[i] =
          new String[] {
            fit(name(model, each.id())),
            String.format(Locale.ROOT, "%.2f%%", 100 * each.probability())
          };
    }
    lines[entries] =
        new String[] {"generated", generated ? visible(String.valueOf(text)) : "nothing"};
    return lines;
  }

  private static String name(Model model, int id) {
    String label = CellJson.label(model, id);
    return label == null ? "#" + id : visible(label);
  }

  private static String visible(String text) {
    return text.replace(' ', '\u2423').replace("\n", "\\n");
  }

  private static String fit(String text) {
    return text.codePointCount(0, text.length()) <= COLUMN
        ? text
        : text.substring(0, text.offsetByCodePoints(0, COLUMN - 1)) + "\u2026";
  }
}
