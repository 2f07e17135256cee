package dev.diopter.lens.statistics;

import dev.diopter.engine.LogProbabilities;

/**
 * Distances of two distributions, each given by a row of logits, which count up to a constant. A
 * logit of minus infinity is a probability of 0. Divergences that rounding would leave a little
 * below 0 are 0.
 */
public final class Distances {
  private Distances() {}

  /**
   * {@code KL(p || q) = sum p (log p - log q)}; infinite where q excludes what p has.
   *
   * @param p logits
   * @param q logits, as many
   */
  public static double klDivergence(float[] p, float[] q) {
    double[] logP = logProbabilities(p);
    double[] logQ = logProbabilities(q);
    requireSameLength(logP, logQ);
    return Math.max(0, divergence(logP, logQ));
  }

  /** {@code KL(p || m) / 2 + KL(q || m) / 2} with m the mean of both; at most log 2. */
  public static double jsDivergence(float[] p, float[] q) {
    double[] logP = logProbabilities(p);
    double[] logQ = logProbabilities(q);
    requireSameLength(logP, logQ);
    double[] logM = new double[logP.length];
    for (int i = 0; i < logM.length; i++) {
      logM[i] = Math.log((Math.exp(logP[i]) + Math.exp(logQ[i])) / 2);
    }
    double sum = (divergence(logP, logM) + divergence(logQ, logM)) / 2;
    return Math.clamp(sum, 0, Math.log(2));
  }

  /** The square root of the former, which is a metric. */
  public static double jsDistance(float[] p, float[] q) {
    return Math.sqrt(jsDivergence(p, q));
  }

  private static double divergence(double[] logP, double[] logQ) {
    double sum = 0;
    for (int i = 0; i < logP.length; i++) {
      double p = Math.exp(logP[i]);
      sum += p == 0 ? 0 : p * (logP[i] - logQ[i]);
    }
    return sum;
  }

  private static void requireSameLength(double[] p, double[] q) {
    if (p.length != q.length) {
      throw new IllegalArgumentException(
          "expected two distributions of one length, got %d and %d".formatted(p.length, q.length));
    }
  }

  static double[] logProbabilities(float[] logits) {
    double log = LogProbabilities.logSum(logits, 0, logits.length);
    if (!Double.isFinite(log)) {
      throw new IllegalArgumentException(
          "expected logits without NaN and infinity, a finite one at least");
    }
    double[] out = new double[logits.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = logits[i] - log;
    }
    return out;
  }
}
