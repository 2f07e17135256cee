package dev.diopter.lens.causal;

/**
 * Aitchison's geometry of distributions, where adding is multiplying probabilities. A distribution
 * is given by logits or log-probabilities x, which count up to a constant; with weights w that sum
 * to W, {@code clr(x) = x - sum w x / W}, the product of two is {@code sum w clr(x) clr(y)}, and
 * the difference of two distributions is that of their logits.
 */
public final class Aitchison {
  private Aitchison() {}

  /**
   * The cosine of the angle between two distributions.
   *
   * @param x logits
   * @param y logits, as many
   * @param weights of each token, not negative, not all 0
   * @return from -1 to 1; not-a-number where one of them is uniform
   */
  public static double similarity(double[] x, double[] y, double[] weights) {
    if (x.length != y.length || x.length != weights.length) {
      throw new IllegalArgumentException(
          "expected two distributions and weights of one length, got %d, %d and %d"
              .formatted(x.length, y.length, weights.length));
    }
    double total = 0;
    double meanX = 0;
    double meanY = 0;
    for (int i = 0; i < x.length; i++) {
      total += weights[i];
      meanX += weights[i] * x[i];
      meanY += weights[i] * y[i];
    }
    meanX /= total;
    meanY /= total;
    double product = 0;
    double squareX = 0;
    double squareY = 0;
    for (int i = 0; i < x.length; i++) {
      double a = x[i] - meanX;
      double b = y[i] - meanY;
      product += weights[i] * a * b;
      squareX += weights[i] * a * a;
      squareY += weights[i] * b * b;
    }
    return Math.clamp(product / Math.sqrt(squareX * squareY), -1, 1);
  }
}
