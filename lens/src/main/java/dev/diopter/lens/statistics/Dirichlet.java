package dev.diopter.lens.statistics;

import dev.diopter.lens.numeric.Gamma;
import dev.diopter.lens.numeric.Lbfgs;
import java.util.Arrays;

/**
 * A Dirichlet distribution of distributions.
 *
 * @param concentration alpha of each token, positive; lent
 */
public record Dirichlet(double[] concentration) {
  private static final int MOST_EVALUATIONS = 1000;

  public Dirichlet {
    if (concentration.length < 2
        || !Arrays.stream(concentration).allMatch(a -> a > 0 && Double.isFinite(a))) {
      throw new IllegalArgumentException(
          "expected at least 2 positive numbers, got " + Arrays.toString(concentration));
    }
  }

  /**
   * The most probable one: {@code log G(sum a) - sum log G(a) + sum (a - 1) mean log p} is largest,
   * over {@code a = exp(theta)} from theta = 0 by L-BFGS. The function is concave in alpha, so
   * there is one maximum.
   *
   * @param meanLogProbabilities of the observed distributions; finite
   */
  public static Dirichlet fit(double[] meanLogProbabilities) {
    int n = meanLogProbabilities.length;
    Lbfgs search = Lbfgs.of(MOST_EVALUATIONS, 1e-6 * n).orChange(1e-12);
    double[] theta =
        search
            .minimize(
                (x, gradient) -> {
                  double sum = 0;
                  double value = 0;
                  for (double t : x) {
                    sum += Math.exp(t);
                  }
                  double digamma = Gamma.digamma(sum);
                  for (int i = 0; i < n; i++) {
                    double a = Math.exp(x[i]);
                    value += Gamma.logGamma(a) - (a - 1) * meanLogProbabilities[i];
                    gradient[i] = -a * (digamma - Gamma.digamma(a) + meanLogProbabilities[i]);
                  }
                  return value - Gamma.logGamma(sum);
                },
                new double[n])
            .x();
    return new Dirichlet(Arrays.stream(theta).map(Math::exp).toArray());
  }

  /** Its mean. */
  public double[] mean() {
    double sum = Arrays.stream(concentration).sum();
    return Arrays.stream(concentration).map(a -> a / sum).toArray();
  }

  /** Its divergence from another one, {@code KL(this || other)}, in nats. */
  public double klDivergence(Dirichlet other) {
    if (other.concentration.length != concentration.length) {
      throw new IllegalArgumentException(
          "expected a distribution of %d tokens, got %d"
              .formatted(concentration.length, other.concentration.length));
    }
    double sum = Arrays.stream(concentration).sum();
    double kl = Gamma.logGamma(sum) - Gamma.logGamma(Arrays.stream(other.concentration).sum());
    for (int i = 0; i < concentration.length; i++) {
      double a = concentration[i];
      double b = other.concentration[i];
      kl += Gamma.logGamma(b) - Gamma.logGamma(a);
      kl += (a - b) * (Gamma.digamma(a) - Gamma.digamma(sum));
    }
    return Math.max(0, kl);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Dirichlet d && Arrays.equals(concentration, d.concentration);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(concentration);
  }
}
