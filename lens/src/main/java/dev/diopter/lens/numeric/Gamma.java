package dev.diopter.lens.numeric;

/**
 * The logarithm of the gamma function and its derivative for positive numbers: upwards by the
 * recurrence to 12 and more, then Stirling's series (Abramowitz and Stegun 6.1.40 and 6.3.18),
 * which leaves some 1e-14 of the value.
 */
public final class Gamma {
  private static final double LARGE = 12;

  private Gamma() {}

  /** log of the gamma function. */
  public static double logGamma(double x) {
    requirePositive(x);
    double shift = 0;
    double z = x;
    while (z < LARGE) {
      shift += Math.log(z);
      z += 1;
    }
    double r = 1 / (z * z);
    double series =
        (1.0 / 12 + r * (-1.0 / 360 + r * (1.0 / 1260 + r * (-1.0 / 1680 + r / 1188)))) / z;
    return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
  }

  /** Its derivative. */
  public static double digamma(double x) {
    requirePositive(x);
    double shift = 0;
    double z = x;
    while (z < LARGE) {
      shift += 1 / z;
      z += 1;
    }
    double r = 1 / (z * z);
    double series = r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r / 132))));
    return Math.log(z) - 0.5 / z - series - shift;
  }

  private static void requirePositive(double x) {
    if (!(x > 0) || x == Double.POSITIVE_INFINITY) {
      throw new IllegalArgumentException("expected a positive finite number, got " + x);
    }
  }
}
