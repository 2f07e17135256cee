package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.plotting.ColorStops;
import dev.diopter.lens.plotting.Figure;
import dev.diopter.lens.plotting.Heatmap;
import dev.diopter.lens.plotting.HeatmapOptions;
import dev.diopter.lens.plotting.TrajectoryLabels;
import dev.diopter.lens.plotting.TrajectoryStatistic;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Cells as heatmaps: source layers across, target layers upward, the predicted token in each cell,
 * the most probable ones on hover, a mark where both layers are the same; or positions or heads
 * across and pairs of layers upward (see {@link CellLayout}). Several sweeps over the same layers,
 * such as one and its controls, become panels with one scale of colours. Colours are the
 * probability of that token; where tokens were asked for, each sweep has a panel for each of them
 * instead, whose colours are that one's.
 */
public final class ScopeFigure {
  /** Stands in front of the token of a cell whose layers are the same. */
  private static final String DIAGONAL = "\u25c6 ";

  private static final int COLUMN = 12;
  private static final int MOST_WIDTH = 200;
  private static final String NOTE =
      "Colours are the probability of the most probable token, which is a cell's label. Point at a cell, or go there"
          + " with the arrow keys, to see the next ones and what was generated.";

  private ScopeFigure() {}

  /**
   * A figure.
   *
   * @param title above it
   * @param panels of each panel its name and its cells, the columns one after the other
   * @param columns number of columns, the same for all panels
   */
  public static Figure of(String title, List<Panel> panels, int columns) {
    List<Heatmap> maps =
        panels.stream()
            .flatMap(panel -> statistics(panel, columns))
            .map(s -> s.heatmap(HeatmapOptions.DEFAULT.colorscale(ColorStops.named("viridis"))))
            .toList();
    CellLayout layout = new CellLayout(panels.getFirst().cells(), columns);
    Figure.Axes axes = new Figure.Axes(layout.columnAxis(), layout.rowAxis(), false);
    return new Figure(title, maps, width(layout), axes, NOTE);
  }

  /** So wide that the columns' labels fit, if they are not long. */
  private static int width(CellLayout layout) {
    int longest =
        IntStream.range(0, layout.columns()).map(c -> layout.column(c).length()).max().orElse(0);
    return Math.clamp(8 + 8 * longest, Figure.TOKEN_WIDTH, MOST_WIDTH);
  }

  /** Cells under a name. */
  public record Panel(String name, List<Cell> cells) {
    public Panel {
      cells = List.copyOf(cells);
    }
  }

  private static Stream<TrajectoryStatistic> statistics(Panel panel, int columns) {
    int asked = panel.cells().isEmpty() ? 0 : panel.cells().getFirst().reading().tokens().size();
    return asked == 0
        ? Stream.of(statistic(panel, columns, "the best token", Reading::best))
        : IntStream.range(0, asked)
            .mapToObj(i -> {
              Cell first = panel.cells().getFirst();
              int id = first.reading().tokens().get(i).id();
              String name = name(first.patch().target().model(), id);
              return statistic(panel, columns, name, r -> r.tokens().get(i));
            });
  }

  private static TrajectoryStatistic statistic(
      Panel panel, int columns, String what, Function<Reading, Reading.Candidate> of) {
    List<Cell> cells = panel.cells();
    if (columns < 1 || cells.isEmpty() || cells.size() % columns != 0) {
      throw new UsageException(
          "figure: expected %d columns of equally many cells, got %d cells"
              .formatted(columns, cells.size()));
    }
    CellLayout layout = new CellLayout(cells, columns);
    int rows = layout.rows();
    double[][] values = new double[rows][columns];
    String[][] texts = new String[rows][columns];
    String[][][][] hover = new String[rows][columns][][];
    int entries = cells.stream().mapToInt(c -> c.reading().top().size()).min().orElse(0);
    boolean marks = !layout.isByPlace(); // There every column has the same layers.
    for (int column = 0; column < columns; column++) {
      for (int row = 0; row < rows; row++) {
        Cell cell = layout.at(row, column);
        Model model = cell.patch().target().model();
        Reading.Candidate best = cell.reading().best();
        values[row][column] = of.apply(cell.reading()).probability();
        boolean diagonal = cell.route().sourceEntry() == cell.route().targetEntry();
        texts[row][column] = (marks && diagonal ? DIAGONAL : "") + name(model, best.id());
        hover[row][column] = hover(model, cell, entries);
      }
    }
    return new TrajectoryStatistic(
        panel.name() + ": probability of " + what,
        values,
        IntStream.range(0, columns).mapToObj(layout::column).toArray(String[]::new),
        new TrajectoryLabels(texts, hover),
        null,
        1.0,
        0.0,
        false,
        IntStream.range(0, rows).mapToObj(layout::row).toArray(String[]::new));
  }

  private static String[][] hover(Model model, Cell cell, int entries) {
    String text = cell.text();
    boolean generated = cell.generatedIds().length > 0 && text != null;
    List<Reading.Candidate> shown = new ArrayList<>(cell.reading().top().subList(0, entries));
    shown.addAll(cell.reading().tokens());
    String[][] lines = new String[shown.size() + 1][];
    for (int i = 0; i < shown.size(); i++) {
      Reading.Candidate each = shown.get(i);
      lines[i] =
          new String[] {
            fit(name(model, each.id())),
            String.format(Locale.ROOT, "%.2f%%", 100 * each.probability())
          };
    }
    lines[shown.size()] =
        new String[] {"generated", generated ? visible(String.valueOf(text)) : "nothing"};
    return lines;
  }

  /** A token as pictures name it. */
  static String name(Model model, int id) {
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
