package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.UsageException;
import org.junit.jupiter.api.Test;

/** Steps and learning rates: the reference's fixtures F3 and F4. */
class OptimizerTest {
  @Test
  void step_sgdFixtureF3_givesItsParameters() {
    float[] p = {1, -2};
    float[][] gradients = {{.5f, .25f}, {.1f, -.2f}, {0, .3f}, {.2f, .2f}};
    double[][] expected = {
      {.90481, -2.04712},
      {.859995314575, -2.0333942854},
      {.8375655202151154, -2.062557804582887},
      {.817951678285535, -2.07837916809089}
    };
    double[] rates = {.1, .075, .05, .025};
    float[][] state = new float[1][2];
    LearningRate schedule = new LearningRate(4, 0);
    for (int step = 0; step < 4; step++) {
      double rate = Optimizer.SGD.baseRate(.9) * schedule.factor(step);
      assertThat(rate).isCloseTo(rates[step], within(1e-12));
      Optimizer.SGD.step(p, gradients[step], state, new Optimizer.Setting(step, rate, .9, 1e-3));
      assertThat(NormGradientTest.widened(p)).containsExactly(expected[step], within(1e-6));
    }
  }

  @Test
  void step_adam_agreesWithItsDefinition() {
    float[] p = {1, -2};
    float[][] gradients = {{.5f, .25f}, {.1f, -.2f}, {0, .3f}};
    double[] q = {1, -2};
    double[] m = new double[2];
    double[] v = new double[2];
    double[] most = new double[2];
    float[][] state = new float[Optimizer.ADAM.states()][2];
    for (int step = 0; step < gradients.length; step++) {
      Optimizer.ADAM.step(p, gradients[step], state, new Optimizer.Setting(step, .01, .9, 1e-3));
      for (int i = 0; i < 2; i++) {
        double g = gradients[step][i] + 1e-3 * q[i];
        m[i] = .9 * m[i] + .1 * g;
        v[i] = .999 * v[i] + .001 * g * g;
        most[i] = Math.max(most[i], v[i]);
        double mean = m[i] / (1 - Math.pow(.9, step + 1));
        double root = Math.sqrt(most[i] / (1 - Math.pow(.999, step + 1)));
        q[i] -= .01 * mean / (root + 1e-8);
      }
      assertThat(NormGradientTest.widened(p)).containsExactly(q, within(1e-6));
    }
  }

  /** Two steps by numpy in float64 from the formulas. */
  @Test
  void step_muon_givesNumpysParameters() {
    float[] p = {1, -2, .5f, .25f, 0, 3, -1, 1, 2};
    float[][] gradients = {
      {.5f, .25f, -1, 2, .1f, .3f, .7f, -.4f, 0}, {-.2f, .6f, .1f, .3f, -1, .5f, 0, .2f, .9f}
    };
    double[][] expected = {
      {
        .999347016,
        -2.000886281,
        .503705056,
        .247706483,
        -.000976616,
        2.998843917,
        -1.000840473,
        1.003356736,
        2.000484024
      },
      {
        .998159284,
        -2.003029413,
        .504122082,
        .245636446,
        .000428523,
        2.998774688,
        -1.000896706,
        1.001852722,
        1.997334763
      }
    };
    float[] b = {1, -2, .5f};
    float[][] biasGradients = {{.5f, .25f, -1}, {-.2f, .6f, .1f}};
    double[][] biases = {{.98999, -2.00998, .509995}, {.986524042, -2.019405412, .515916385}};
    Optimizer muon = Optimizer.of("muon");
    float[][] state = new float[muon.states()][9];
    float[][] biasState = new float[muon.states()][3];
    for (int step = 0; step < 2; step++) {
      Optimizer.Setting setting = new Optimizer.Setting(step, muon.baseRate(.9), .9, 1e-3);
      muon.stepMatrix(p, gradients[step], state, setting);
      muon.step(b, biasGradients[step], biasState, setting);
      assertThat(NormGradientTest.widened(p)).containsExactly(expected[step], within(2e-6));
      assertThat(NormGradientTest.widened(b)).containsExactly(biases[step], within(2e-6));
    }
    assertThat(Muon.orthogonal(new float[4], 2)).containsExactly(0, 0, 0, 0);
  }

  @Test
  void originalFactor_fixtureF4_givesItsRates() {
    LearningRate rate = new LearningRate(10, 2);
    double[] expected = {0, .5, 1, 5 / 6., 4 / 6., .5, 2 / 6., 1 / 6., 0, 0};
    for (int step = 0; step < 10; step++) {
      assertThat(rate.originalFactor(step)).isCloseTo(expected[step], within(1e-12));
    }
  }

  @Test
  void factor_warmUp_noStepIsLost() {
    LearningRate rate = new LearningRate(10, 2);
    double[] expected = {1 / 3., 2 / 3., 1, 7 / 8., 6 / 8., 5 / 8., .5, 3 / 8., .25, 1 / 8.};
    for (int step = 0; step < 10; step++) {
      assertThat(rate.factor(step)).isCloseTo(expected[step], within(1e-12));
    }
  }

  @Test
  void defaultWarmUp_eachOptimizer_isTheDocumentedOne() {
    assertThat(Optimizer.SGD.defaultWarmUp(250)).isZero();
    assertThat(Optimizer.ADAM.defaultWarmUp(250)).isEqualTo(50);
    assertThat(Optimizer.ADAM.defaultWarmUp(100_000)).isEqualTo(1000);
  }

  @Test
  void of_unknownName_isRefused() {
    assertThatThrownBy(() -> Optimizer.of("lion"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("sgd, adam or muon, got 'lion'");
  }
}
