package dev.diopter.lens.plotting;

import dev.diopter.lens.trajectory.Comparison;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.Trajectory;
import dev.diopter.lens.trajectory.TrajectoryBatch;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A named matrix of a value by layer and position, ready to be drawn.
 *
 * @param name such as {@code Entropy}
 * @param stats the values, [row][position], the first layer first
 * @param sequenceLabels a label for each position; null for none
 * @param trajectoryLabels what stands in the cells; null for nothing
 * @param units such as {@code nats}; null where nobody said one
 * @param max where the colours end; null for the largest value
 * @param min where the colours start; null for the smallest value
 * @param includesOutput whether the last row is the model's own output
 * @param layerLabels a label for each row
 */
public record TrajectoryStatistic(
    String name,
    double[][] stats,
    String @Nullable [] sequenceLabels,
    @Nullable TrajectoryLabels trajectoryLabels,
    @Nullable String units,
    @Nullable Double max,
    @Nullable Double min,
    boolean includesOutput,
    String[] layerLabels) {
  private static final String OUTPUT = "output";

  public TrajectoryStatistic {
    int positions = stats.length == 0 ? 0 : stats[0].length;
    if (positions == 0 || !Arrays.stream(stats).allMatch(row -> row.length == positions)) {
      throw new IllegalArgumentException(
          "%s: expected rows of equally many values, at least one".formatted(name));
    }
    if (trajectoryLabels != null) {
      String[][] labels = trajectoryLabels.labelStrings();
      boolean fit = labels.length == stats.length;
      for (String[] row : labels) {
        fit &= row.length == positions;
      }
      if (!fit) {
        throw new IllegalArgumentException(
            "%s: expected labels of %d x %d cells".formatted(name, stats.length, positions));
      }
    }
    if (sequenceLabels != null && sequenceLabels.length != positions) {
      throw new IllegalArgumentException(
          "%s: expected %d sequence labels, got %d"
              .formatted(name, positions, sequenceLabels.length));
    }
    if (layerLabels.length != stats.length) {
      throw new IllegalArgumentException(
          "%s: expected %d layer labels, got %d".formatted(name, stats.length, layerLabels.length));
    }
  }

  /** With layers numbered from 0 and, where there is one, the output named. */
  public static TrajectoryStatistic of(
      String name, double[][] stats, @Nullable String units, boolean includesOutput) {
    return new TrajectoryStatistic(
        name,
        stats,
        null,
        null,
        units,
        null,
        null,
        includesOutput,
        numbered(stats.length, includesOutput));
  }

  private static String[] numbered(int rows, boolean includesOutput) {
    return IntStream.range(0, rows)
        .mapToObj(row -> includesOutput && row == rows - 1 ? OUTPUT : Integer.toString(row))
        .toArray(String[]::new);
  }

  /** A statistic of one trajectory, labelled with tokens. */
  public static TrajectoryStatistic of(
      Trajectory trajectory, LensStatistic statistic, TokenNames names, TokenFormatter formatter) {
    return of(
        statistic,
        trajectory.values(statistic),
        trajectory.vocabulary(),
        sequence(List.of(trajectory), names, formatter),
        isLabelled(statistic)
            ? TrajectoryLabels.largestProbabilities(List.of(trajectory.top()), names, formatter, 0)
            : null);
  }

  /** A statistic averaged over a batch; what differs between its prompts is {@code *}. */
  public static TrajectoryStatistic of(
      TrajectoryBatch batch, LensStatistic statistic, TokenNames names, TokenFormatter formatter) {
    return of(
        statistic,
        batch.mean(statistic),
        batch.trajectories().getFirst().vocabulary(),
        sequence(batch.trajectories(), names, formatter),
        isLabelled(statistic)
            ? TrajectoryLabels.largestProbabilities(
                batch.trajectories().stream().map(Trajectory::top).toList(), names, formatter, 0)
            : null);
  }

  /**
   * A statistic of two trajectories, labelled with the tokens that change most, or one of the first
   * of them alone.
   */
  public static TrajectoryStatistic of(
      Comparison comparison, LensStatistic statistic, TokenNames names, TokenFormatter formatter) {
    if (statistic.needs() != LensStatistic.Needs.OTHER) {
      return of(comparison.self(), statistic, names, formatter);
    }
    return of(
        statistic,
        comparison.values(statistic),
        comparison.self().vocabulary(),
        sequence(List.of(comparison.self(), comparison.other()), names, formatter),
        TrajectoryLabels.largestChanges(List.of(comparison.changes()), names, formatter, 0));
  }

  /** A difference of two tokens says nothing of the others, and has no labels. */
  private static boolean isLabelled(LensStatistic statistic) {
    return statistic.needs() != LensStatistic.Needs.ANTI_TARGETS;
  }

  private static TrajectoryStatistic of(
      LensStatistic statistic,
      double[][] values,
      int vocabulary,
      String[] sequence,
      @Nullable TrajectoryLabels labels) {
    Double most = statistic == LensStatistic.RANK ? Double.valueOf(vocabulary) : statistic.max();
    return new TrajectoryStatistic(
        statistic.title(),
        values,
        sequence,
        labels,
        statistic.units(),
        most,
        statistic.min(),
        statistic.includesOutput(),
        numbered(values.length, statistic.includesOutput()));
  }

  private static String[] sequence(
      List<Trajectory> batch, TokenNames names, TokenFormatter formatter) {
    int[] first = batch.getFirst().ids();
    String[] labels = new String[first.length];
    @Nullable String[] tokens = names.tokens(first);
    for (int position = 0; position < labels.length; position++) {
      int at = position;
      boolean same = batch.stream().allMatch(t -> t.ids()[at] == first[at]);
      labels[position] = same ? formatter.format(tokens[position]) : "*";
    }
    return labels;
  }

  /** With all values between two numbers, which become the ends of the colours. */
  public TrajectoryStatistic clip(double low, double high) {
    if (!(low < high)) {
      throw new IllegalArgumentException(
          "expected to clip from a smaller to a larger number, got %s and %s".formatted(low, high));
    }
    double[][] clipped =
        Arrays.stream(stats)
            .map(row -> Arrays.stream(row).map(x -> Math.min(high, Math.max(low, x))).toArray())
            .toArray(double[][]::new);
    return new TrajectoryStatistic(
        name,
        clipped,
        sequenceLabels,
        trajectoryLabels,
        units,
        high,
        low,
        includesOutput,
        layerLabels);
  }

  /** Every {@code stride}-th row, and the last in any case. */
  public TrajectoryStatistic stride(int stride) {
    int[] rows = Strides.rows(stride, stats.length);
    return new TrajectoryStatistic(
        name,
        Arrays.stream(rows).mapToObj(row -> stats[row]).toArray(double[][]::new),
        sequenceLabels,
        trajectoryLabels == null ? null : trajectoryLabels.stride(stride),
        units,
        max,
        min,
        includesOutput,
        Arrays.stream(rows).mapToObj(row -> layerLabels[row]).toArray(String[]::new));
  }

  /** Number of positions. */
  public int positions() {
    return stats[0].length;
  }

  /** Red and blue, without logarithms. */
  public Heatmap heatmap() {
    return heatmap(HeatmapOptions.DEFAULT);
  }

  /** As a heatmap. */
  public Heatmap heatmap(HeatmapOptions options) {
    return Heatmap.of(this, options);
  }

  /** As a figure of its own. */
  public Figure figure(String title) {
    return new Figure(title, List.of(heatmap()), Figure.TOKEN_WIDTH);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TrajectoryStatistic s
        && name.equals(s.name)
        && Arrays.deepEquals(stats, s.stats)
        && Arrays.equals(sequenceLabels, s.sequenceLabels)
        && java.util.Objects.equals(trajectoryLabels, s.trajectoryLabels)
        && java.util.Objects.equals(units, s.units)
        && java.util.Objects.equals(max, s.max)
        && java.util.Objects.equals(min, s.min)
        && includesOutput == s.includesOutput
        && Arrays.equals(layerLabels, s.layerLabels);
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + Arrays.deepHashCode(stats);
  }
}
