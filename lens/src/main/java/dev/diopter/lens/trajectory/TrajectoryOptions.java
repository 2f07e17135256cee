package dev.diopter.lens.trajectory;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.UsageException;
import org.jspecify.annotations.Nullable;

/**
 * How trajectories are computed.
 *
 * @param plan edits of the run; the lens sees the streams after them
 * @param targets tokens for cross-entropy, rank and log-probability difference; null for each
 *     position's next one
 * @param antiTargets tokens for the log-probability difference; null to leave it out
 * @param topK how many of the most probable tokens are kept
 * @param maskInput whether ids that were seen up to a position are taken out of its distributions,
 *     the lens's and the model's alike, which are normed again
 * @param threads threads for the statistics; the model has its own. Results do not depend on it
 */
public record TrajectoryOptions(
    HookPlan plan,
    @Nullable Targets targets,
    @Nullable Targets antiTargets,
    int topK,
    boolean maskInput,
    int threads) {

  /** No edits, next tokens as targets, ten top tokens, all cores. */
  public static final TrajectoryOptions DEFAULT =
      new TrajectoryOptions(
          HookPlan.NONE, null, null, 10, false, Runtime.getRuntime().availableProcessors());

  public TrajectoryOptions {
    if (topK < 1) {
      throw new UsageException("top tokens: expected 1 or more, got " + topK);
    }
    if (threads < 1) {
      throw new UsageException("threads: expected 1 or more, got " + threads);
    }
  }

  /** With these edits. */
  public TrajectoryOptions plan(HookPlan edits) {
    return new TrajectoryOptions(edits, targets, antiTargets, topK, maskInput, threads);
  }

  /** With these targets. */
  public TrajectoryOptions targets(@Nullable Targets ids) {
    return new TrajectoryOptions(plan, ids, antiTargets, topK, maskInput, threads);
  }

  /** With these anti-targets. */
  public TrajectoryOptions antiTargets(@Nullable Targets ids) {
    return new TrajectoryOptions(plan, targets, ids, topK, maskInput, threads);
  }

  /** Keeping so many of the most probable tokens. */
  public TrajectoryOptions topK(int tokens) {
    return new TrajectoryOptions(plan, targets, antiTargets, tokens, maskInput, threads);
  }

  /** With or without the ids that were seen. */
  public TrajectoryOptions maskInput(boolean mask) {
    return new TrajectoryOptions(plan, targets, antiTargets, topK, mask, threads);
  }

  /** On so many threads. */
  public TrajectoryOptions threads(int count) {
    return new TrajectoryOptions(plan, targets, antiTargets, topK, maskInput, count);
  }
}
