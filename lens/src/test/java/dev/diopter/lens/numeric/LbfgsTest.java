package dev.diopter.lens.numeric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class LbfgsTest {

  /** Rosenbrock's valley, whose lowest place is (1, ..., 1). */
  private static double rosenbrock(double[] x, double[] gradient) {
    double sum = 0;
    java.util.Arrays.fill(gradient, 0);
    for (int i = 0; i + 1 < x.length; i++) {
      double a = x[i + 1] - x[i] * x[i];
      double b = 1 - x[i];
      sum += 100 * a * a + b * b;
      gradient[i] += -400 * a * x[i] - 2 * b;
      gradient[i + 1] += 200 * a;
    }
    return sum;
  }

  @Test
  void minimize_rosenbrock_findsTheValley() {
    double[] start = {-1.2, 1, -1.2, 1, -1.2, 1};
    Minimum found = Lbfgs.of(500, 1e-8).minimize(LbfgsTest::rosenbrock, start);
    assertThat(found.stop()).isEqualTo(Minimum.Stop.GRADIENT);
    assertThat(found.gradientNorm()).isLessThanOrEqualTo(1e-8);
    for (double x : found.x()) {
      assertThat(x).isCloseTo(1, within(1e-7));
    }
    assertThat(found.evaluations()).isLessThan(150);
    assertThat(start).containsExactly(-1.2, 1, -1.2, 1, -1.2, 1);
  }

  @Test
  void minimize_randomConvexQuadratics_solvesThem() {
    long seed = System.nanoTime();
    System.out.println("LbfgsTest seed " + seed);
    Random random = new Random(seed);
    for (int n : new int[] {1, 2, 7, 30}) {
      double[] scale = random.doubles(n, 0.01, 100).toArray();
      double[] centre = random.doubles(n, -5, 5).toArray();
      Minimum found =
          Lbfgs.of(2000, 1e-9)
              .minimize(
                  (x, g) -> {
                    double sum = 0;
                    for (int i = 0; i < n; i++) {
                      g[i] = scale[i] * (x[i] - centre[i]);
                      sum += g[i] * (x[i] - centre[i]) / 2;
                    }
                    return sum;
                  },
                  new double[n]);
      for (int i = 0; i < n; i++) {
        assertThat(found.x()[i]).as("n=%d", n).isCloseTo(centre[i], within(1e-5));
      }
    }
  }

  @Test
  void minimize_eachTolerance_endsTheSearch() {
    double[] start = {-1.2, 1};
    assertThat(Lbfgs.of(7, 0).minimize(LbfgsTest::rosenbrock, start).stop())
        .isEqualTo(Minimum.Stop.EVALUATIONS);
    assertThat(Lbfgs.of(7, 0).minimize(LbfgsTest::rosenbrock, start).evaluations())
        .isLessThanOrEqualTo(7);
    assertThat(Lbfgs.of(500, 0).orValue(1e-3).minimize(LbfgsTest::rosenbrock, start).stop())
        .isEqualTo(Minimum.Stop.VALUE);
    assertThat(Lbfgs.of(500, 0).orChange(.5).minimize(LbfgsTest::rosenbrock, start).stop())
        .isEqualTo(Minimum.Stop.CHANGE);
  }

  @Test
  void minimize_wall_isNotCrossed() {
    // -log x is not a number behind 0.
    Minimum found =
        Lbfgs.of(200, 1e-9)
            .minimize(
                (x, g) -> {
                  g[0] = 1 - 1 / x[0];
                  return x[0] - Math.log(x[0]);
                },
                new double[] {30});
    assertThat(found.x()[0]).isCloseTo(1, within(1e-6));
    assertThatThrownBy(() -> Lbfgs.of(9, 0).minimize((x, g) -> Double.NaN, new double[1]))
        .isInstanceOf(ArithmeticException.class);
  }
}
