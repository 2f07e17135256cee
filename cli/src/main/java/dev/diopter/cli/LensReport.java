package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.formats.Json;
import dev.diopter.lens.plotting.Heatmap;
import dev.diopter.lens.plotting.TokenFormatter;
import dev.diopter.lens.plotting.TokenNames;
import dev.diopter.lens.plotting.TrajectoryStatistic;
import dev.diopter.lens.trajectory.Comparison;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.TopTokens;
import dev.diopter.lens.trajectory.Trajectory;
import dev.diopter.lens.trajectory.TrajectorySource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What {@code lens show} found, as JSON, as figures and as tables. */
final class LensReport {
  private static final int NUMBER = 6;

  private final Model model;
  private final TrajectorySource source;
  private final List<LensStatistic> wanted;
  private final int stride;
  private final double[] range;
  private @Nullable Trajectory trajectory;
  private @Nullable Comparison comparison;

  /**
   * An empty report.
   *
   * @param range the ends of a clip, or empty
   */
  LensReport(
      Model model,
      TrajectorySource source,
      List<LensStatistic> wanted,
      int stride,
      double[] range) {
    this.model = model;
    this.source = source;
    this.wanted = wanted;
    this.stride = stride;
    this.range = range;
  }

  void take(Trajectory computed) {
    trajectory = computed;
  }

  void take(Comparison computed) {
    comparison = computed;
    trajectory = computed.self();
  }

  private Trajectory trajectory() {
    return Objects.requireNonNull(trajectory);
  }

  String title() {
    return "%s lens of %s".formatted(source.lens().kind(), model.name());
  }

  /** The title of a figure, which stands alone and says what was done to the weights. */
  String figureTitle() {
    return title() + ProcessOption.said(model);
  }

  /** The statistics with their stride and clip. */
  List<TrajectoryStatistic> figures() {
    List<TrajectoryStatistic> figures = new ArrayList<>();
    for (LensStatistic statistic : wanted) {
      TokenNames names = TokenNames.of(model);
      TrajectoryStatistic whole =
          comparison == null
              ? TrajectoryStatistic.of(trajectory(), statistic, names, TokenFormatter.DEFAULT)
              : TrajectoryStatistic.of(comparison, statistic, names, TokenFormatter.DEFAULT);
      TrajectoryStatistic strided = whole.stride(stride);
      figures.add(range.length == 0 ? strided : strided.clip(range[0], range[1]));
    }
    return figures;
  }

  ObjectNode object() {
    Tokens tokens = Tokens.of(model);
    Trajectory computed = trajectory();
    ObjectNode object = Json.object();
    ProcessOption.put(object, model);
    object.put("lens", computed.lens());
    object.put("site", computed.site().label());
    object.set("ids", Tokens.ids(computed.ids()));
    tokens.putLabels(object, "tokens", computed.ids());
    object.set("target_ids", Tokens.ids(computed.targets().ids()));
    List<TrajectoryStatistic> figures = figures();
    String[] layers = withOutput(figures);
    putLabels(object.putArray("layers"), layers);
    ObjectNode others = object.putObject("statistic_layers");
    for (int i = 0; i < wanted.size(); i++) {
      String[] own = figures.get(i).layerLabels();
      if (!Arrays.equals(own, layers)) {
        putLabels(others.putArray(wanted.get(i).label()), own);
      }
    }
    ObjectNode values = object.putObject("statistics");
    for (int i = 0; i < wanted.size(); i++) {
      ArrayNode rows = values.putArray(wanted.get(i).label());
      for (double[] row : figures.get(i).stats()) {
        ArrayNode positions = rows.addArray();
        for (double value : row) {
          positions.add(value);
        }
      }
    }
    object.set("prediction_depth", Tokens.ids(computed.predictionDepth()));
    object.set("first_hit", Tokens.ids(computed.firstHit()));
    putTop(object.putArray("top"), computed.top(), tokens);
    return object;
  }

  private static void putLabels(ArrayNode to, String[] labels) {
    Arrays.stream(labels).forEach(to::add);
  }

  /** Labels of all rows: those of a statistic without the output lack the last one. */
  private String[] withOutput(List<TrajectoryStatistic> figures) {
    for (TrajectoryStatistic figure : figures) {
      if (figure.includesOutput()) {
        return figure.layerLabels();
      }
    }
    return figures.getFirst().layerLabels();
  }

  private void putTop(ArrayNode rows, TopTokens top, Tokens tokens) {
    for (int row = 0; row < top.ids().length; row++) {
      ArrayNode positions = rows.addArray();
      for (int position = 0; position < top.ids()[row].length; position++) {
        ArrayNode best = positions.addArray();
        for (int k = 0; k < top.ids()[row][position].length; k++) {
          ObjectNode entry = best.addObject();
          tokens.putToken(entry, top.ids()[row][position][k]);
          entry.put("probability", top.values()[row][position][k]);
        }
      }
    }
  }

  /** Prints a table for each statistic. */
  void print(Screen screen) {
    Style style = Style.of(screen);
    Tokens tokens = Tokens.of(model);
    Trajectory computed = trajectory();
    Pages.title(screen, title(), model);
    int[] rows = new int[0];
    for (TrajectoryStatistic statistic : figures()) {
      Heatmap map = statistic.heatmap();
      screen.out().println();
      screen
          .out()
          .println(
              style.bold("  " + map.colorbarTitle())
                  + style.faint(" behind the best token at each layer"));
      String[] columns = statistic.layerLabels();
      rows = rows(statistic, computed.layers());
      int[] shown = rows;
      LensTable.of(screen, tokens, computed.ids(), NUMBER)
          .print(
              columns,
              (column, position) ->
                  new LensTable.Cell(
                      tokens.shown(computed.top().ids()[shown[column]][position][0]),
                      number(statistic.stats()[column][position]),
                      map.share(column, position)));
    }
    screen.out().println();
    Pages.fact(screen, "depth", depths(computed));
  }

  /** Which rows of the trajectory a strided statistic has. */
  private int[] rows(TrajectoryStatistic statistic, int layers) {
    int[] rows = new int[statistic.stats().length];
    int last = statistic.includesOutput() ? layers : layers - 1;
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i == rows.length - 1 ? last : i * stride;
    }
    return rows;
  }

  private static String number(double value) {
    if (Double.isNaN(value)) {
      return "-";
    }
    double size = Math.abs(value);
    if (value == Math.rint(value) && size < 100_000) {
      return Long.toString((long) value);
    }
    return Text.fit(Numbers.fixed(value, size >= 1000 ? 0 : size >= 100 ? 1 : 2), NUMBER - 1);
  }

  private static String depths(Trajectory computed) {
    int[] depths = computed.predictionDepth();
    double sum = 0;
    for (int depth : depths) {
      sum += depth;
    }
    return "%s of %d layers, the mean over %d positions: from there on the best token is the model's"
        .formatted(Numbers.fixed(sum / depths.length, 2), computed.layers(), depths.length);
  }
}
