package dev.diopter.lens.trajectory;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * Two trajectories, position by position.
 *
 * @param self the one
 * @param other the other, of as many positions
 * @param statistics values [row][position] of those that compare
 * @param changes the tokens whose probabilities differ most, and {@code other - self} of each
 */
public record Comparison(
    Trajectory self,
    Trajectory other,
    Map<LensStatistic, double[][]> statistics,
    TopTokens changes) {

  public Comparison {
    statistics = Collections.unmodifiableMap(new EnumMap<>(statistics));
  }

  /**
   * The values of a statistic, [row][position]; of one trajectory alone those of the first.
   *
   * @throws dev.diopter.engine.UsageException if it was not computed
   */
  public double[][] values(LensStatistic statistic) {
    return statistic.needs() == LensStatistic.Needs.OTHER
        ? Trajectory.values(statistics, statistic)
        : self.values(statistic);
  }

  /** Some positions only, as {@link Trajectory#slice}. */
  public Comparison slice(int from, int to) {
    Trajectory part = self.slice(from, to);
    int first = from < 0 ? from + self.positions() : from;
    return new Comparison(
        part,
        other.slice(from, to),
        Trajectory.slice(statistics, first, first + part.positions()),
        changes.slice(first, first + part.positions()));
  }
}
