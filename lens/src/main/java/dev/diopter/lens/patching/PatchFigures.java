package dev.diopter.lens.patching;

import dev.diopter.lens.plotting.Figure;
import dev.diopter.lens.plotting.Heatmap;
import dev.diopter.lens.plotting.HeatmapOptions;
import dev.diopter.lens.plotting.TrajectoryLabels;
import dev.diopter.lens.plotting.TrajectoryStatistic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Sweeps as heatmaps: layers by positions or by heads, the unpatched metric in the middle of the
 * colours. A sweep of three axes is a panel for each value of the third; one of four axes is not
 * drawn.
 */
public final class PatchFigures {
  private static final List<String> COLUMNS = List.of("source", "position", "destination", "head");
  private static final int CELL_WIDTH = 64;
  private static final String NOTE =
      "A row for each layer, the first at the bottom; each cell is the metric of one patched run, white is the"
          + " unpatched one. Point at a cell, or go there with the arrow keys, to see its number.";

  private final String[] tokens;
  private final Map<String, List<Heatmap>> panels = new LinkedHashMap<>();

  /**
   * No sweeps yet.
   *
   * @param tokens a label for each position
   */
  public PatchFigures(List<String> tokens) {
    this.tokens = tokens.toArray(String[]::new);
  }

  /** Whether a sweep can be drawn: it has layers and two or three axes. */
  public static boolean isDrawn(Sweep sweep) {
    int axes = sweep.axes().size();
    return (axes == 2 || axes == 3) && sweep.axes().contains("layer") && columns(sweep) != null;
  }

  private static @Nullable String columns(Sweep sweep) {
    return COLUMNS.stream().filter(c -> sweep.axes().contains(c)).findFirst().orElse(null);
  }

  /** Adds the panels of a sweep that can be drawn. */
  public void add(Sweep sweep, double unpatched) {
    String column = columns(sweep);
    if (column == null || !isDrawn(sweep)) {
      throw new IllegalArgumentException("expected layers and two or three axes, got " + sweep);
    }
    int rows = sweep.axes().indexOf("layer");
    int columns = sweep.axes().indexOf(column);
    int rest = sweep.axes().size() == 2 ? -1 : 3 - rows - columns;
    double most = Arrays.stream(sweep.values()).map(v -> Math.abs(v - unpatched)).max().orElse(0);
    double range = most == 0 ? 1 : most;
    int count = rest < 0 ? 1 : sweep.shape()[rest];
    for (int i = 0; i < count; i++) {
      double[][] values = new double[sweep.shape()[rows]][sweep.shape()[columns]];
      int[] index = new int[sweep.axes().size()];
      for (int r = 0; r < values.length; r++) {
        for (int c = 0; c < values[r].length; c++) {
          index[rows] = r;
          index[columns] = c;
          if (rest >= 0) {
            index[rest] = i;
          }
          values[r][c] = sweep.at(index);
        }
      }
      String name =
          rest < 0 ? sweep.name() : "%s, %s %d".formatted(sweep.name(), sweep.axes().get(rest), i);
      panels
          .computeIfAbsent(column.equals("head") ? "head" : "position", _ -> new ArrayList<>())
          .add(heatmap(name, values, column, unpatched, range));
    }
  }

  private Heatmap heatmap(
      String name, double[][] values, String column, double middle, double range) {
    String[] labels =
        column.equals("head")
            ? IntStream.range(0, values[0].length).mapToObj(h -> "H" + h).toArray(String[]::new)
            : tokens;
    String[] layers =
        IntStream.range(0, values.length).mapToObj(l -> "L" + l).toArray(String[]::new);
    String[][] texts = new String[values.length][values[0].length];
    for (int r = 0; r < values.length; r++) {
      for (int c = 0; c < texts[r].length; c++) {
        String text = String.format(Locale.ROOT, "%.2f", values[r][c]);
        texts[r][c] = text.equals("-0.00") ? "0.00" : text;
      }
    }
    return new TrajectoryStatistic(
            name,
            values,
            labels,
            new TrajectoryLabels(texts, null),
            null,
            middle + range,
            middle - range,
            false,
            layers)
        .heatmap(HeatmapOptions.DEFAULT);
  }

  /**
   * A figure for each kind of column that the sweeps have, {@code position}, {@code head} or, where
   * key/value heads are fewer than heads and both are there, {@code kv_head}: panels of one figure
   * share their columns.
   */
  public Map<String, Figure> figures(String title) {
    Map<String, Figure> figures = new LinkedHashMap<>();
    panels.forEach((kind, maps) -> {
      Map<Integer, List<Heatmap>> bySize = new LinkedHashMap<>();
      maps.forEach(m -> bySize.computeIfAbsent(width(m), _ -> new ArrayList<>()).add(m));
      int most = bySize.keySet().stream().max(Integer::compare).orElse(0);
      bySize.forEach((size, same) ->
          figures.put(
              size == most ? kind : "kv_" + kind,
              new Figure(
                  title,
                  same,
                  CELL_WIDTH,
                  kind.equals("head")
                      ? Figure.Axes.layersBy("Head", false)
                      : Figure.Axes.layersBy("Position", true),
                  NOTE)));
    });
    return figures;
  }

  private static int width(Heatmap map) {
    return map.statistic().stats()[0].length;
  }
}
