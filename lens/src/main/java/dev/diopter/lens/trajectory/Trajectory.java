package dev.diopter.lens.trajectory;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.LensSite;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a lens says at each layer and position of one prompt, and in the last row what the model
 * says.
 *
 * @param lens the lens's kind, {@code tuned} or {@code logit}
 * @param site which stream of each block it read
 * @param vocabulary number of ids
 * @param ids the prompt
 * @param targets what cross-entropy, rank and log-probability difference ask about
 * @param antiTargets what the log-probability difference compares with; null for nothing
 * @param statistics values [row][position] of each statistic that was computed; a row for each
 *     layer and one for the output, unless the statistic has none
 * @param top the most probable tokens and their probabilities
 */
public record Trajectory(
    String lens,
    LensSite site,
    int vocabulary,
    int[] ids,
    Targets targets,
    @Nullable Targets antiTargets,
    Map<LensStatistic, double[][]> statistics,
    TopTokens top) {

  public Trajectory {
    statistics = Collections.unmodifiableMap(new EnumMap<>(statistics));
  }

  /** Number of layers, without the output. */
  public int layers() {
    return top.ids().length - 1;
  }

  /** Number of positions. */
  public int positions() {
    return ids.length;
  }

  /**
   * The values of a statistic, [row][position].
   *
   * @throws UsageException if it was not computed
   */
  public double[][] values(LensStatistic statistic) {
    return values(statistics, statistic);
  }

  static double[][] values(Map<LensStatistic, double[][]> all, LensStatistic statistic) {
    double[][] values = all.get(statistic);
    if (values == null) {
      throw new UsageException(
          "%s: this needs %s"
              .formatted(
                  statistic.label(),
                  switch (statistic.needs()) {
                    case OTHER -> "a second trajectory to compare with";
                    case ANTI_TARGETS -> "anti-targets";
                    case TARGETS -> "targets";
                    case NOTHING -> "nothing but was left out";
                  }));
    }
    return values;
  }

  /**
   * For each position the first layer from which on the most probable token is the model's; the
   * number of layers where only the output itself says it.
   */
  public int[] predictionDepth() {
    int[] depth = new int[positions()];
    for (int position = 0; position < depth.length; position++) {
      int row = layers();
      while (row > 0 && agrees(row - 1, position)) {
        row--;
      }
      depth[position] = row;
    }
    return depth;
  }

  /**
   * For each position the first layer at which the most probable token is the model's, whether it
   * stays or not.
   */
  public int[] firstHit() {
    int[] hit = new int[positions()];
    for (int position = 0; position < hit.length; position++) {
      while (!agrees(hit[position], position)) {
        hit[position]++;
      }
    }
    return hit;
  }

  private boolean agrees(int row, int position) {
    return top.ids()[row][position][0] == top.ids()[layers()][position][0];
  }

  /**
   * Some positions only.
   *
   * @param from the first; negative numbers count from the end
   * @param to behind the last; negative numbers count from the end
   * @throws UsageException if there are no such positions
   */
  public Trajectory slice(int from, int to) {
    int first = from < 0 ? from + positions() : from;
    int end = to < 0 ? to + positions() : to;
    if (first < 0 || end > positions() || first >= end) {
      throw new UsageException(
          "slice: expected positions of 0 to %d, got %d to %d".formatted(positions(), from, to));
    }
    return new Trajectory(
        lens,
        site,
        vocabulary,
        Arrays.copyOfRange(ids, first, end),
        new Targets(Arrays.copyOfRange(targets.ids(), first, end)),
        antiTargets == null ? null : new Targets(Arrays.copyOfRange(antiTargets.ids(), first, end)),
        slice(statistics, first, end),
        top.slice(first, end));
  }

  static Map<LensStatistic, double[][]> slice(
      Map<LensStatistic, double[][]> statistics, int from, int to) {
    Map<LensStatistic, double[][]> part = new EnumMap<>(LensStatistic.class);
    statistics.forEach((statistic, values) -> {
      double[][] rows = new double[values.length][];
      for (int row = 0; row < rows.length; row++) {
        rows[row] = Arrays.copyOfRange(values[row], from, to);
      }
      part.put(statistic, rows);
    });
    return part;
  }
}
