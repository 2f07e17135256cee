package dev.diopter.lens.tuned.training;

import java.nio.file.Path;

/** Hears how a training goes, on its thread. */
@FunctionalInterface
public interface TrainingListener {
  /** Hears nothing. */
  TrainingListener NONE = step -> {};

  /** A step is done and in the log. */
  void step(TrainingStep step);

  /** So many of the tokens of the ridge fit are done. */
  default void ridge(long done, long total) {}

  /** A checkpoint is on disk. */
  default void checkpoint(Path file) {}

  /** Training goes on behind so many steps of an earlier run. */
  default void resumed(int step, Path file) {}
}
