package dev.diopter.lens.numeric;

import org.jspecify.annotations.Nullable;

/**
 * A step along a line that meets the strong Wolfe conditions: the value falls by at least {@code
 * 1e-4} of what the slope promises, and the slope to 0.9 of its size or less. Nocedal and Wright,
 * algorithms 3.5 and 3.6. Counts evaluations; for one search of a minimum.
 */
final class LineSearch {
  private static final double DECREASE = 1e-4;
  private static final double CURVATURE = 0.9;
  private static final int MOST_STEPS = 25;
  private static final double LARGEST = 1e10;

  private final Objective function;
  private final int maxEvaluations;
  private int evaluations;

  LineSearch(Objective function, int maxEvaluations) {
    this.function = function;
    this.maxEvaluations = maxEvaluations;
  }

  /** A place, the value there and its derivatives. */
  record Point(double[] x, double value, double[] gradient) {}

  /** A place on the line. */
  private record Try(double step, Point point, double slope) {}

  int evaluations() {
    return evaluations;
  }

  Point evaluate(double[] x) {
    evaluations++;
    double[] gradient = new double[x.length];
    return new Point(x, function.at(x, gradient), gradient);
  }

  /** The next place; null where there is none with a smaller value. */
  @Nullable Point along(Point from, double[] direction, double firstStep) {
    double slope = Lbfgs.dot(from.gradient, direction);
    if (!(slope < 0)) {
      return null;
    }
    Try start = new Try(0, from, slope);
    Try before = start;
    double step = firstStep;
    for (int i = 0; i < MOST_STEPS && evaluations < maxEvaluations; i++) {
      Try now = at(from, direction, step);
      if (!enough(start, now) || (i > 0 && now.point.value >= before.point.value)) {
        return zoom(start, direction, before, now);
      }
      if (Math.abs(now.slope) <= -CURVATURE * slope) {
        return now.point;
      }
      if (now.slope >= 0) {
        return zoom(start, direction, now, before);
      }
      before = now;
      step = Math.min(LARGEST, step * 2);
    }
    return lower(start, before);
  }

  private Try at(Point from, double[] direction, double step) {
    double[] x = from.x.clone();
    Lbfgs.add(x, step, direction);
    Point point = evaluate(x);
    return new Try(step, point, Lbfgs.dot(point.gradient, direction));
  }

  /** Also false where the value is not a number. */
  private static boolean enough(Try start, Try now) {
    return now.point.value <= start.point.value + DECREASE * now.step * start.slope;
  }

  /** Between a place that is low enough and one that is too high or past the valley. */
  private @Nullable Point zoom(Try start, double[] direction, Try low, Try high) {
    Try best = low;
    Try other = high;
    for (int i = 0; i < MOST_STEPS && evaluations < maxEvaluations; i++) {
      double step = between(best, other);
      Try now = at(start.point, direction, step);
      if (!enough(start, now) || now.point.value >= best.point.value) {
        other = now;
      } else {
        if (Math.abs(now.slope) <= -CURVATURE * start.slope) {
          return now.point;
        }
        if (now.slope * (other.step - best.step) >= 0) {
          other = best;
        }
        best = now;
      }
      if (Math.abs(other.step - best.step) * Math.abs(start.slope)
          <= 1e-15 * Math.abs(start.point.value)) {
        break;
      }
    }
    return lower(start, best);
  }

  private static @Nullable Point lower(Try start, Try found) {
    return found.point.value < start.point.value ? found.point : null;
  }

  /** The lowest place of the cubic through two places, kept off both ends. */
  private static double between(Try a, Try b) {
    double width = b.step - a.step;
    double middle = a.step + width / 2;
    if (!Double.isFinite(b.point.value) || !Double.isFinite(b.slope)) {
      return a.step + width / 10;
    }
    double d1 = a.slope + b.slope - 3 * (a.point.value - b.point.value) / (a.step - b.step);
    double square = d1 * d1 - a.slope * b.slope;
    if (square < 0) {
      return middle;
    }
    double d2 = Math.copySign(Math.sqrt(square), width);
    double step = b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
    double share = (step - a.step) / width;
    return share >= 0.1 && share <= 0.9
        ? step
        : Double.isNaN(share) ? middle : a.step + width * Math.clamp(share, 0.1, 0.9);
  }
}
