package dev.diopter.lens.numeric;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * The limited-memory BFGS method (Nocedal and Wright, Numerical Optimization, algorithms 7.4 and
 * 7.5) with a line search for the strong Wolfe conditions. Deterministic; thread safe as the
 * function is.
 *
 * @param memory steps that are remembered
 * @param maxEvaluations how often the function is computed at most
 * @param gradientTolerance stops at a gradient of this length
 * @param valueTolerance stops at a value of this or less; minus infinity not to
 * @param changeTolerance stops when a step changes the value by less than this share of it; 0 not
 *     to
 */
public record Lbfgs(
    int memory,
    int maxEvaluations,
    double gradientTolerance,
    double valueTolerance,
    double changeTolerance) {

  public Lbfgs {
    if (memory < 1 || maxEvaluations < 1) {
      throw new IllegalArgumentException(
          "expected a memory and evaluations of at least 1, got %d and %d"
              .formatted(memory, maxEvaluations));
    }
  }

  /** Ten steps remembered, ending at a short gradient alone. */
  public static Lbfgs of(int maxEvaluations, double gradientTolerance) {
    return new Lbfgs(10, maxEvaluations, gradientTolerance, Double.NEGATIVE_INFINITY, 0);
  }

  /** Ending at a low value, too. */
  public Lbfgs orValue(double value) {
    return new Lbfgs(memory, maxEvaluations, gradientTolerance, value, changeTolerance);
  }

  /** Ending when the value hardly changes, too. */
  public Lbfgs orChange(double share) {
    return new Lbfgs(memory, maxEvaluations, gradientTolerance, valueTolerance, share);
  }

  /** A step and what it did to the gradient. */
  private record Pair(double[] step, double[] change, double product) {}

  /**
   * Searches.
   *
   * @param start where to begin; not changed
   * @throws ArithmeticException if the function is not finite at the start
   */
  public Minimum minimize(Objective function, double[] start) {
    LineSearch search = new LineSearch(function, maxEvaluations);
    LineSearch.Point here = search.evaluate(start.clone());
    if (!Double.isFinite(here.value())) {
      throw new ArithmeticException("the function is not finite where the search starts");
    }
    Deque<Pair> pairs = new ArrayDeque<>();
    while (true) {
      double norm = norm(here.gradient());
      if (norm <= gradientTolerance) {
        return found(here, search, Minimum.Stop.GRADIENT);
      }
      if (here.value() <= valueTolerance) {
        return found(here, search, Minimum.Stop.VALUE);
      }
      if (search.evaluations() >= maxEvaluations) {
        return found(here, search, Minimum.Stop.EVALUATIONS);
      }
      double[] direction = direction(here.gradient(), pairs);
      double first = pairs.isEmpty() ? Math.min(1, 1 / norm) : 1;
      LineSearch.Point next = search.along(here, direction, first);
      if (next == null && !pairs.isEmpty()) {
        // What is remembered may be rounding alone: once more, straight down.
        pairs.clear();
        continue;
      }
      if (next == null) {
        boolean out = search.evaluations() >= maxEvaluations;
        return found(here, search, out ? Minimum.Stop.EVALUATIONS : Minimum.Stop.NO_PROGRESS);
      }
      remember(pairs, here, next);
      double change = here.value() - next.value();
      here = next;
      if (change < changeTolerance * Math.abs(here.value())) {
        return found(here, search, Minimum.Stop.CHANGE);
      }
    }
  }

  private static Minimum found(LineSearch.Point at, LineSearch search, Minimum.Stop stop) {
    return new Minimum(at.x(), at.value(), norm(at.gradient()), search.evaluations(), stop);
  }

  private void remember(Deque<Pair> pairs, LineSearch.Point from, LineSearch.Point to) {
    double[] step = new double[from.x().length];
    double[] change = new double[step.length];
    for (int i = 0; i < step.length; i++) {
      step[i] = to.x()[i] - from.x()[i];
      change[i] = to.gradient()[i] - from.gradient()[i];
    }
    double product = dot(step, change);
    if (product > 1e-12 * norm(step) * norm(change)) {
      pairs.addFirst(new Pair(step, change, product));
      if (pairs.size() > memory) {
        pairs.removeLast();
      }
    }
  }

  /** Minus the inverse Hessian, as the remembered steps tell it, times the gradient. */
  private static double[] direction(double[] gradient, Deque<Pair> newestFirst) {
    double[] q = new double[gradient.length];
    for (int i = 0; i < q.length; i++) {
      q[i] = -gradient[i];
    }
    double[] alpha = new double[newestFirst.size()];
    int k = 0;
    for (Pair pair : newestFirst) {
      alpha[k] = dot(pair.step, q) / pair.product;
      add(q, -alpha[k], pair.change);
      k++;
    }
    if (k > 0) {
      Pair newest = newestFirst.getFirst();
      double scale = newest.product / dot(newest.change, newest.change);
      for (int i = 0; i < q.length; i++) {
        q[i] *= scale;
      }
    }
    for (Iterator<Pair> oldest = newestFirst.descendingIterator(); oldest.hasNext(); ) {
      Pair pair = oldest.next();
      k--;
      add(q, alpha[k] - dot(pair.change, q) / pair.product, pair.step);
    }
    return q;
  }

  static void add(double[] to, double factor, double[] x) {
    for (int i = 0; i < to.length; i++) {
      to[i] += factor * x[i];
    }
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static double norm(double[] x) {
    return Math.sqrt(dot(x, x));
  }
}
