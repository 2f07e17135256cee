package dev.diopter.bench;

import java.util.Arrays;

/**
 * Two pieces of work timed in turn: seconds of each, and how many times as long the second takes.
 * The ratio is the median over pairs that ran one after the other.
 *
 * @param first median seconds of the first
 * @param second median seconds of the second
 * @param ratio median of second / first
 */
record SideBySide(double first, double second, double ratio) {
  /** Seconds of one part of the warm-up, and of all of it at most. */
  private static final double WARM_UP = 0.15;

  private static final double MOST_WARM_UP = 15;

  /** Parts that bring no more than this before the work counts as warm. */
  private static final int STEADY = 2;

  private static final double FASTER = 0.95;
  private static final double BLOCK = 0.03;

  /**
   * Times {@code rounds} pairs of short blocks, after a warm-up.
   *
   * @param pause milliseconds to wait behind each block of the second, whose threads may still spin
   */
  static SideBySide measure(Runnable first, Runnable second, int rounds, long pause) {
    int firstTimes = timesInBlock(first);
    int secondTimes = timesInBlock(second);
    rest(pause);
    double[] a = new double[rounds];
    double[] b = new double[rounds];
    double[] ratios = new double[rounds];
    for (int r = 0; r < rounds; r++) {
      a[r] = seconds(first, firstTimes);
      b[r] = seconds(second, secondTimes);
      ratios[r] = b[r] / a[r];
      rest(pause);
    }
    return new SideBySide(median(a), median(b), median(ratios));
  }

  /** Median seconds of work that runs alone, after a warm-up. */
  static double alone(Runnable work, int rounds) {
    int times = timesInBlock(work);
    double[] seconds = new double[rounds];
    for (int r = 0; r < rounds; r++) {
      seconds[r] = seconds(work, times);
    }
    return median(seconds);
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  }

  /**
   * Warms the work up until it is no longer getting faster; how often it must run to fill a block.
   * Code that the compiler is still at, and kernels that take over when they are compiled, do not
   * count.
   */
  private static int timesInBlock(Runnable work) {
    long end = System.nanoTime() + (long) (MOST_WARM_UP * 1e9);
    double best = window(work);
    int steady = 0;
    while (steady < STEADY && System.nanoTime() < end) {
      double next = window(work);
      steady = next < FASTER * best ? 0 : steady + 1;
      best = Math.min(best, next);
    }
    return (int) Math.max(1, Math.ceil(BLOCK / best));
  }

  /** Seconds of the fastest of the runs that a part of the warm-up has room for. */
  private static double window(Runnable work) {
    long end = System.nanoTime() + (long) (WARM_UP * 1e9);
    double best = Double.MAX_VALUE;
    do {
      best = Math.min(best, seconds(work, 1));
    } while (System.nanoTime() < end);
    return best;
  }

  private static void rest(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static double seconds(Runnable work, int times) {
    long start = System.nanoTime();
    for (int t = 0; t < times; t++) {
      work.run();
    }
    return (System.nanoTime() - start) / 1e9 / times;
  }
}
