package dev.diopter.lens.plotting;

import java.util.List;

/**
 * Lines with bands over the same points. The arrays are the plot's own.
 *
 * @param name what is measured
 * @param labels of the points, from left to right
 * @param lines at least one
 * @param least what the numbers cannot be below; bands end there
 * @param most what they cannot be above
 */
public record LinePlot(
    String name, List<String> labels, List<Line> lines, double least, double most) {
  /**
   * One line: of each point how many numbers there were, their mean and their standard deviation.
   *
   * @param mean not-a-number where there is none; the line is broken there
   * @param deviation half the width of the band
   */
  public record Line(String name, long[] count, double[] mean, double[] deviation) {}

  private static final int TICKS = 5;
  private static final double SLACK = 1e-9;

  public LinePlot {
    labels = List.copyOf(labels);
    lines = List.copyOf(lines);
    if (labels.isEmpty() || lines.isEmpty()) {
      throw new IllegalArgumentException("expected at least one point and one line");
    }
    for (Line line : lines) {
      int n = line.mean().length;
      if (n != labels.size() || line.deviation().length != n || line.count().length != n) {
        throw new IllegalArgumentException(
            "%s: expected %d points, got %d".formatted(line.name(), labels.size(), n));
      }
    }
  }

  /** The lower end of what is drawn, bands included: 0 unless something lies below. */
  double low() {
    double low = Math.max(least, Math.min(0, extreme(-1)));
    return Math.floor(low / step() + SLACK) * step();
  }

  /** The upper end. */
  double high() {
    return Math.max(low() + step(), Math.ceil(extreme() / step() - SLACK) * step());
  }

  private double extreme() {
    return Math.min(most, extreme(1));
  }

  /** Between two lines of the grid: 1, 2 or 5 times a power of ten. */
  double step() {
    double range = extreme() - Math.max(least, Math.min(0, extreme(-1)));
    if (!(range > 0)) {
      return 1;
    }
    double power = Math.pow(10, Math.floor(Math.log10(range / TICKS)));
    double times = range / TICKS / power;
    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
  }

  private double extreme(int sign) {
    double far = Double.NEGATIVE_INFINITY;
    for (Line line : lines) {
      for (int i = 0; i < line.mean().length; i++) {
        double end = sign * line.mean()[i] + line.deviation()[i];
        far = Double.isFinite(end) ? Math.max(far, end) : far;
      }
    }
    return Double.isFinite(far) ? sign * far : 0;
  }
}
