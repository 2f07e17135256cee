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

  /** Columns of a block: as many sums run beside each other, so that they need no order. */
  private static final int BLOCK = 512;

  // What is added up of each column; the first place is for the exponentials themselves.
  private static final int SUM = 1;
  private static final int LOGITS = 2;
  private static final int DIFFERENCES = 3;
  private static final int MODEL = 4;
  private static final int ABOVE = 5;

  /** Logarithm of the sum of exponentials of a row. */
  static double logNorm(float[] x, int at, int count) {
    float max = max(x, at, count);
    double[] sums = new double[BLOCK];
    for (int from = 0; from < count; from += BLOCK) {
      int n = Math.min(BLOCK, count - from);
      for (int j = 0; j < n; j++) {
        sums[j] += exp((double) x[at + from + j] - max);
      }
    }
    return max + Math.log(sum(sums, 0));
  }

  /** Probabilities of a row, and the sum of what they are rounded to. */
  static double probabilities(
      float[] x, int at, int count, double logNorm, float[] out, int outAt) {
    double[] sums = new double[2 * BLOCK];
    for (int from = 0; from < count; from += BLOCK) {
      int n = Math.min(BLOCK, count - from);
      for (int j = 0; j < n; j++) {
        sums[j] = exp(x[at + from + j] - logNorm);
      }
      for (int j = 0; j < n; j++) {
        out[outAt + from + j] = (float) sums[j];
      }
      for (int j = 0; j < n; j++) {
        sums[j + BLOCK] += out[outAt + from + j];
      }
    }
    return sum(sums, 1);
  }

  /**
   * Compares a lens's row with the model's.
   *
   * @param x the lens's logits at {@code at}
   * @param max the largest of them
   * @param model the model's logits at {@code modelAt}
   * @param p their probabilities, from {@code modelAt} too
   * @param modelLogNorm their {@link #logNorm}
   * @param modelSum the sum of {@code p}
   * @param target the token whose rank is asked for; negative for none
   */
  static Cell cell(
      float[] x,
      int at,
      int count,
      float max,
      float[] model,
      float[] p,
      int modelAt,
      double modelLogNorm,
      double modelSum,
      int target) {
    double bound = target < 0 ? Double.POSITIVE_INFINITY : x[at + target];
    double[] sums = new double[(ABOVE + 1) * BLOCK];
    for (int from = 0; from < count; from += BLOCK) {
      int n = Math.min(BLOCK, count - from);
      add(x, at + from, n, max, model, p, modelAt + from, bound, sums);
    }
    double sum = sum(sums, SUM);
    double log = Math.log(sum);
    double logNorm = max + log;
    // Each is a mean of differences of logits, so that equal rows give 0 and not a rest of
    // rounding.
    double forward = (logNorm - modelLogNorm) * modelSum - sum(sums, MODEL);
    double reverse = sum(sums, DIFFERENCES) / sum + (modelLogNorm - logNorm);
    return new Cell(
        logNorm,
        atLeastZero(log - sum(sums, LOGITS) / sum),
        atLeastZero(forward),
        Double.isFinite(reverse) ? atLeastZero(reverse) : Double.NaN,
        max,
        (int) sum(sums, ABOVE));
  }

  /**
   * Adds a block of columns to its columns' sums. No column needs another, nothing in the loops
   * decides, and each loop is short, so that the compiler makes vectors of them.
   */
  private static void add(
      float[] x,
      int at,
      int count,
      double max,
      float[] model,
      float[] p,
      int modelAt,
      double bound,
      double[] sums) {
    for (int j = 0; j < count; j++) {
      sums[j] = exp(x[at + j] - max);
    }
    for (int j = 0; j < count; j++) {
      sums[j + SUM * BLOCK] += sums[j];
      sums[j + LOGITS * BLOCK] += sums[j] * Math.max(x[at + j] - max, LEAST);
    }
    for (int j = 0; j < count; j++) {
      double difference = (double) x[at + j] - model[modelAt + j];
      sums[j + DIFFERENCES * BLOCK] += sums[j] * difference;
      sums[j + MODEL * BLOCK] += p[modelAt + j] * difference;
    }
    for (int j = 0; j < count; j++) {
      // 1 for any difference of float32 numbers above 0, else 0.
      sums[j + ABOVE * BLOCK] += Math.min(1, Math.max(0, (x[at + j] - bound) * 1e60));
    }
  }

  private static double sum(double[] sums, int number) {
    double sum = 0;
    for (int j = number * BLOCK; j < (number + 1) * BLOCK; j++) {
      sum += sums[j];
    }
    return sum;
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

  /** Below it exponentials are that of it, 1e-150: nothing in any sum. */
  private static final double LEAST = -345;

  /**
   * Exponential of a number that is not above 0: that of its 4096th part by its series, squared
   * twelve times. Relative error below 1e-11 from -200 on, 1e-9 below. Without branches and tables,
   * so that loops over it become vectors.
   */
  static double exp(double x) {
    double y = Math.max(x, LEAST) * (1.0 / 4096);
    double e = Math.fma(y, 1.0 / 5040, 1.0 / 720);
    e = Math.fma(e, y, 1.0 / 120);
    e = Math.fma(e, y, 1.0 / 24);
    e = Math.fma(e, y, 1.0 / 6);
    e = Math.fma(e, y, 0.5);
    e = Math.fma(e, y, 1);
    e = Math.fma(e, y, 1);
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    e *= e;
    return e * e;
  }

  /** Rounding may leave a little less than nothing; not-a-number stays. */
  private static double atLeastZero(double value) {
    return value < 0 ? 0 : value;
  }

  /** The largest number; not-a-number if there is one. */
  static float max(float[] x, int at, int count) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      max = Math.max(max, x[at + i]);
    }
    return max;
  }
}
