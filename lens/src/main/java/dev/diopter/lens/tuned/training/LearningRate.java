package dev.diopter.lens.tuned.training;

/**
 * The learning rate of each step, relative to the first: up in a line over the warm-up, then down
 * in a line that would reach zero one step behind the last. No step has rate zero: the Python
 * package's warm-up gives it to the first step and, for it shortens the way down by the warm-up's
 * length once too often, to as many at the end.
 *
 * @param steps how many steps there are
 * @param warmUp how many of them lead up
 */
record LearningRate(int steps, int warmUp) {
  LearningRate {
    if (steps < 0 || warmUp < 0 || (warmUp >= steps && steps > 0)) {
      throw new IllegalArgumentException(
          "expected a warm-up shorter than %d steps, got %d".formatted(steps, warmUp));
    }
  }

  /** Factor of a step, counted from 0. */
  double factor(int step) {
    if (step < warmUp) {
      return (step + 1.0) / (warmUp + 1);
    }
    return (double) (steps - step) / (steps - warmUp);
  }

  /** What the Python package does, for comparison: see the class's first lines. */
  double originalFactor(int step) {
    int end = steps - warmUp;
    if (step < warmUp) {
      return (double) step / Math.max(1, warmUp);
    }
    return Math.max(0, (double) (end - step) / Math.max(1, end - warmUp));
  }
}
