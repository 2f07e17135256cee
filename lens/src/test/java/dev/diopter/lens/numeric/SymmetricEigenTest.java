package dev.diopter.lens.numeric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SymmetricEigenTest {

  @Test
  void of_knownMatrix_givesItsValues() {
    SymmetricEigen e = SymmetricEigen.of(new double[] {2, 1, 0, 1, 2, 0, 0, 0, 5}, 3);
    assertThat(e.values()).containsExactly(new double[] {5, 3, 1}, within(1e-14));
    assertThat(Math.abs(e.vectors()[0][2])).isCloseTo(1, within(1e-14));
  }

  @Test
  void of_randomMatrices_reconstructsThem() {
    long seed = System.nanoTime();
    System.out.println("SymmetricEigenTest seed " + seed);
    Random random = new Random(seed);
    for (int n : new int[] {1, 2, 5, 40}) {
      double[] a = product(random, n, Math.max(1, n / 2));
      SymmetricEigen e = SymmetricEigen.of(a, n);
      assertThat(e.map(x -> x)).containsExactly(a, within(1e-10 * n));
      double[] root = e.squareRoot();
      double[] squared = new double[n * n];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          for (int k = 0; k < n; k++) {
            squared[i * n + j] += root[i * n + k] * root[k * n + j];
          }
        }
      }
      assertThat(squared).containsExactly(a, within(1e-6));
      for (int i = 0; i + 1 < n; i++) {
        assertThat(e.values()[i]).isGreaterThanOrEqualTo(e.values()[i + 1]);
      }
    }
  }

  /** Positive semidefinite, of a rank. */
  private static double[] product(Random random, int n, int rank) {
    double[][] b = new double[n][];
    for (int i = 0; i < n; i++) {
      b[i] = random.doubles(rank, -1, 1).toArray();
    }
    double[] a = new double[n * n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        a[i * n + j] = Lbfgs.dot(b[i], b[j]);
      }
    }
    return a;
  }

  @Test
  void of_wrongSizes_areRefused() {
    assertThatThrownBy(() -> SymmetricEigen.of(new double[3], 2))
        .hasMessageContaining("expected 2 x 2 finite numbers, got 3");
    assertThatThrownBy(() -> SymmetricEigen.of(new double[] {Double.NaN}, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
