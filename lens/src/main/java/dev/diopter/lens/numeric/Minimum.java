package dev.diopter.lens.numeric;

/**
 * What a minimiser found. The array is the caller's own.
 *
 * @param x where the smallest value was found
 * @param value the value there
 * @param gradientNorm the gradient's length there
 * @param evaluations how often the function was computed
 * @param stop why it ended
 */
public record Minimum(double[] x, double value, double gradientNorm, int evaluations, Stop stop) {

  /** Why a search ended. */
  public enum Stop {
    /** The gradient is short enough. */
    GRADIENT,
    /** The value is low enough. */
    VALUE,
    /** The value hardly changed from one step to the next. */
    CHANGE,
    /** The function may not be computed more often. */
    EVALUATIONS,
    /** No step makes the value smaller: as far as rounding lets one see, this is the end. */
    NO_PROGRESS
  }
}
