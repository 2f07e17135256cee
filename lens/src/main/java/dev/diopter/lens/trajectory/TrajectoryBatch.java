package dev.diopter.lens.trajectory;

import dev.diopter.engine.UsageException;
import java.util.List;

/**
 * Trajectories of several prompts. What is averaged is averaged after the statistic, never before.
 *
 * @param trajectories one for each prompt, at least one
 */
public record TrajectoryBatch(List<Trajectory> trajectories) {

  public TrajectoryBatch {
    trajectories = List.copyOf(trajectories);
    if (trajectories.isEmpty()) {
      throw new UsageException("expected at least one trajectory, got none");
    }
  }

  /**
   * The mean of a statistic over the prompts, [row][position].
   *
   * @throws UsageException if their lengths or depths differ, or it was not computed
   */
  public double[][] mean(LensStatistic statistic) {
    Trajectory first = trajectories.getFirst();
    double[][] mean = new double[first.values(statistic).length][first.positions()];
    for (Trajectory trajectory : trajectories) {
      double[][] values = trajectory.values(statistic);
      if (trajectory.positions() != first.positions() || values.length != mean.length) {
        throw new UsageException(
            "mean over a batch: expected prompts of equally many tokens, got %d and %d"
                .formatted(first.positions(), trajectory.positions()));
      }
      for (int row = 0; row < mean.length; row++) {
        for (int position = 0; position < mean[row].length; position++) {
          mean[row][position] += values[row][position] / trajectories.size();
        }
      }
    }
    return mean;
  }
}
