package dev.diopter.lens.trajectory;

/**
 * Sums over the logits of one row, in double. Each cell of a trajectory comes of one row of the
 * lens and the model's row at the same position.
 */
final class RowSums {
  private RowSums() {}

  /**
   * Statistics of one row.
   *
   * @param logNorm {@code log sum exp x}
   * @param entropy {@code -sum q log q}
   * @param forward {@code sum p (log p - log q)}
   * @param reverse {@code sum q (log q - log p)}
   * @param max the largest logit
   * @param above how many logits are larger than the target's
   */
  record Cell(
      double logNorm, double entropy, double forward, double reverse, float max, int above) {}

  /** Logarithm of the sum of exponentials of a row. */
  static double logNorm(float[] x, int at, int count) {
    float max = max(x, at, count);
    double sum = 0;
    for (int i = at; i < at + count; i++) {
      sum += Math.exp((double) x[i] - max);
    }
    return max + Math.log(sum);
  }

  /** Probabilities of a row. */
  static void probabilities(float[] x, int at, int count, double logNorm, float[] out, int outAt) {
    for (int i = 0; i < count; i++) {
      out[outAt + i] = (float) Math.exp(x[at + i] - logNorm);
    }
  }

  /**
   * Compares a lens's row with the model's.
   *
   * @param x the lens's logits at {@code at}
   * @param model the model's logits at {@code modelAt}
   * @param p their probabilities, from {@code modelAt} too
   * @param modelLogNorm their {@link #logNorm}
   * @param target the token whose rank is asked for; negative for none
   */
  static Cell cell(
      float[] x,
      int at,
      int count,
      float[] model,
      float[] p,
      int modelAt,
      double modelLogNorm,
      int target) {
    float max = max(x, at, count);
    float bound = target < 0 ? Float.POSITIVE_INFINITY : x[at + target];
    double sum = 0;
    double sumX = 0;
    double sumDifference = 0;
    double modelDifference = 0;
    double modelSum = 0;
    int above = 0;
    for (int i = 0; i < count; i++) {
      float value = x[at + i];
      double shifted = (double) value - max;
      double e = Math.exp(shifted);
      double difference = (double) value - model[modelAt + i];
      double share = p[modelAt + i];
      sum += e;
      sumX += e * shifted;
      sumDifference += e * difference;
      modelDifference += share * difference;
      modelSum += share;
      above += value > bound ? 1 : 0;
    }
    double log = Math.log(sum);
    double logNorm = max + log;
    // Each is a mean of differences of logits, so that equal rows give 0 and not a rest of
    // rounding.
    double forward = (logNorm - modelLogNorm) * modelSum - modelDifference;
    double reverse = sumDifference / sum + (modelLogNorm - logNorm);
    return new Cell(
        logNorm,
        atLeastZero(log - sumX / sum),
        atLeastZero(forward),
        atLeastZero(reverse),
        max,
        above);
  }

  /**
   * Statistics of two distributions.
   *
   * @param kl {@code sum q (log q - log q')}
   * @param reverse {@code sum q' (log q' - log q)}
   * @param jensenShannon mean divergence to their mean
   * @param totalVariation half the sum of absolute differences
   * @param maxDifference the largest absolute difference
   */
  record Pair(
      double kl,
      double reverse,
      double jensenShannon,
      double totalVariation,
      double maxDifference) {}

  /**
   * Compares two rows.
   *
   * @param changes gets {@code q' - q} of each token
   */
  static Pair pair(float[] x, float[] y, int at, int count, float[] changes) {
    double normX = logNorm(x, at, count);
    double normY = logNorm(y, at, count);
    double kl = 0;
    double reverse = 0;
    double jensenShannon = 0;
    double sum = 0;
    double most = 0;
    for (int i = 0; i < count; i++) {
      double logQ = x[at + i] - normX;
      double logR = y[at + i] - normY;
      double q = Math.exp(logQ);
      double r = Math.exp(logR);
      kl += q * (logQ - logR);
      reverse += r * (logR - logQ);
      if (q + r > 0) {
        double logMean = Math.log((q + r) / 2);
        jensenShannon += (q * (logQ - logMean) + r * (logR - logMean)) / 2;
      }
      changes[i] = (float) (r - q);
      sum += Math.abs(r - q);
      most = Math.max(most, Math.abs(r - q));
    }
    return new Pair(
        atLeastZero(kl), atLeastZero(reverse), atLeastZero(jensenShannon), sum / 2, most);
  }

  /** Rounding may leave a little less than nothing; not-a-number stays. */
  private static double atLeastZero(double value) {
    return value < 0 ? 0 : value;
  }

  static float max(float[] x, int at, int count) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + count; i++) {
      max = Math.max(max, x[i]);
    }
    return max;
  }
}
