package dev.diopter.lens.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.lens.numeric.Gamma;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StatisticsTest {
  private static final double NONE = Double.NEGATIVE_INFINITY;

  private static float[] logs(double... probabilities) {
    float[] out = new float[probabilities.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) Math.log(probabilities[i]) + 3;
    }
    return out;
  }

  /** The reference's section 3.4, and by hand. */
  @Test
  void distances_knownPairs_areRight() {
    float[] p = logs(.4, .3, .2, .1);
    float[] q = logs(.1, .2, .3, .4);
    assertThat(Distances.jsDivergence(p, q)).isCloseTo(.1064401, within(1e-6));
    assertThat(Distances.klDivergence(p, q)).isCloseTo(.4564348, within(1e-6));
    assertThat(Distances.jsDistance(p, q)).isCloseTo(Math.sqrt(.1064401), within(1e-6));
    assertThat(Distances.klDivergence(p, p)).isZero();
    float[] left = {0, (float) NONE};
    float[] right = {(float) NONE, 0};
    assertThat(Distances.jsDivergence(left, right)).isCloseTo(Math.log(2), within(1e-12));
    assertThat(Distances.klDivergence(left, right)).isInfinite();
    assertThatThrownBy(() -> Distances.klDivergence(p, left))
        .hasMessageContaining("of one length, got 4 and 2");
    assertThatThrownBy(() -> Distances.klDivergence(new float[] {Float.NaN, 0}, left))
        .hasMessageContaining("without NaN");
  }

  @Test
  void jsDistance_randomTriples_isASymmetricMetric() {
    long seed = System.nanoTime();
    System.out.println("StatisticsTest seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 300; i++) {
      float[][] t = new float[3][7];
      for (float[] each : t) {
        for (int v = 0; v < 7; v++) {
          each[v] = (float) random.nextGaussian() * 4;
        }
      }
      double ab = Distances.jsDistance(t[0], t[1]);
      double bc = Distances.jsDistance(t[1], t[2]);
      double ac = Distances.jsDistance(t[0], t[2]);
      assertThat(ab).isEqualTo(Distances.jsDistance(t[1], t[0]));
      assertThat(ac).isLessThanOrEqualTo(ab + bc + 1e-12);
      assertThat(ab * ab).isBetween(0.0, Math.log(2) + 1e-12);
    }
  }

  /** The reference's test: two workers with 10,000 samples each, merged. */
  @Test
  void fit_samplesOfAUniformDirichlet_findsIt() {
    Random random = new Random(11);
    LogitStats stats = new LogitStats(3);
    LogitStats second = new LogitStats(3);
    for (LogitStats each : new LogitStats[] {stats, second}) {
      float[] logits = new float[30_000];
      for (int r = 0; r < 10_000; r++) {
        float offset = (float) random.nextGaussian() * 5;
        for (int v = 0; v < 3; v++) {
          // Dirichlet(1, 1, 1): exponential numbers, normed; the offset is no difference.
          logits[r * 3 + v] = (float) Math.log(-Math.log(1 - random.nextDouble())) + offset;
        }
      }
      each.update(logits);
    }
    stats.merge(second);
    assertThat(stats.count()).isEqualTo(20_000);
    assertThat(stats.marginalProbabilities()).containsExactly(third(), within(.01));
    Dirichlet truth = new Dirichlet(new double[] {1, 1, 1});
    Dirichlet fit = stats.fit();
    assertThat(truth.klDivergence(fit)).isLessThan(1e-3);
    assertThat(fit.mean()).containsExactly(third(), within(.01));
    assertThat(truth.klDivergence(truth)).isZero();
  }

  private static double[] third() {
    return new double[] {1.0 / 3, 1.0 / 3, 1.0 / 3};
  }

  @Test
  void fit_manyTokensOfUnequalMass_meetsItsEquations() {
    double[] truth = new double[50];
    Arrays.setAll(truth, i -> .01 * Math.pow(1.15, i));
    double sum = Arrays.stream(truth).sum();
    double[] meanLog = new double[50];
    Arrays.setAll(meanLog, i -> Gamma.digamma(truth[i]) - Gamma.digamma(sum));
    double[] found = Dirichlet.fit(meanLog).concentration();
    for (int i = 0; i < 50; i++) {
      assertThat(found[i]).isCloseTo(truth[i], within(1e-3 * truth[i]));
    }
  }

  @Test
  void gamma_knownValues_areRight() {
    assertThat(Gamma.logGamma(1)).isCloseTo(0, within(1e-13));
    assertThat(Gamma.logGamma(.5)).isCloseTo(.5 * Math.log(Math.PI), within(1e-13));
    assertThat(Gamma.logGamma(11)).isCloseTo(Math.log(3628800), within(1e-12));
    assertThat(Gamma.digamma(1)).isCloseTo(-.5772156649015329, within(1e-13));
    assertThat(Gamma.digamma(.5)).isCloseTo(-1.9635100260214235, within(1e-13));
    assertThat(Gamma.digamma(1e-3)).isCloseTo(-1000.5755719318103, within(1e-9));
    assertThatThrownBy(() -> Gamma.logGamma(0)).hasMessageContaining("got 0.0");
  }

  @Test
  void stats_badInput_isRefused() {
    LogitStats stats = new LogitStats(3);
    assertThatThrownBy(stats::marginalProbabilities).hasMessageContaining("got none");
    assertThatThrownBy(() -> stats.update(new float[4])).hasMessageContaining("rows of 3 logits");
    assertThatThrownBy(() -> stats.merge(new LogitStats(4))).hasMessageContaining("got 4");
    assertThatThrownBy(() -> new Dirichlet(new double[] {1, 0})).hasMessageContaining("positive");
  }
}
