package dev.diopter.lens.causal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SubspaceTest {

  @Test
  void remove_fixtureF6_givesItsRows() {
    float[] u = {1, 2, 3, 4, 5, 0};
    Subspace ones = Subspace.spannedBy(new float[] {1, 1});
    assertThat(ones.remove(u, Ablation.ZERO, 0))
        .containsExactly(new float[] {-.5f, .5f, -.5f, .5f, 2.5f, -2.5f}, within(1e-6f));
    assertThat(ones.remove(u, Ablation.MEAN, 0))
        .containsExactly(new float[] {2, 3, 2, 3, 5, 0}, within(1e-6f));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 101, 201, 301, 401, 501, 601, 701, 801, 901})
  void remove_randomSubspaces_leavesNothingOrTheMeanThere(int width) {
    long seed = System.nanoTime();
    System.out.println("SubspaceTest seed " + seed);
    Random random = new Random(seed);
    int k = width == 1 ? 1 : 1 + random.nextInt(Math.min(60, width - 1));
    float[] u = numbers(random, 10 * width);
    float[][] a = new float[k][];
    for (int j = 0; j < k; j++) {
      a[j] = numbers(random, width);
    }
    Subspace subspace = Subspace.spannedBy(a);
    assertThat(subspace.dimensions()).isEqualTo(k);
    float[] zero = subspace.remove(u, Ablation.ZERO, 0);
    float[] mean = subspace.remove(u, Ablation.MEAN, 0);
    for (float[] column : a) {
      double expected = 0;
      for (int r = 0; r < 10; r++) {
        expected += dot(u, r * width, column) / 10;
      }
      for (int r = 0; r < 10; r++) {
        assertThat(dot(zero, r * width, column)).isCloseTo(0, within(1e-3));
        assertThat(dot(mean, r * width, column)).isCloseTo(expected, within(1e-3));
      }
    }
  }

  @Test
  void remove_resample_exchangesThePartsAndNothingElse() {
    float[] u = {1, 10, 2, 20, 3, 30};
    Subspace first = Subspace.ofOrthonormal(new float[] {1, 0});
    for (long seed = 0; seed < 20; seed++) {
      float[] out = first.remove(u, Ablation.RESAMPLE, seed);
      assertThat(new float[] {out[1], out[3], out[5]}).containsExactly(10, 20, 30);
      assertThat(new float[] {out[0], out[2], out[4]}).containsExactlyInAnyOrder(1, 2, 3);
      for (int i = 0; i < 6; i += 2) {
        assertThat(out[i]).isNotEqualTo(u[i]);
      }
      assertThat(out).isEqualTo(first.remove(u, Ablation.RESAMPLE, seed));
    }
  }

  @Test
  void spannedBy_dependentVectors_addNothing() {
    Subspace plane =
        Subspace.spannedBy(
            new float[] {1, 0, 0}, new float[] {2, 0, 0}, new float[] {1, 1, 0}, new float[3]);
    assertThat(plane.dimensions()).isEqualTo(2);
    assertThat(plane.remove(new float[] {3, 4, 5}, Ablation.ZERO, 0))
        .containsExactly(new float[] {0, 0, 5}, within(1e-6f));
  }

  @Test
  void sample_derangements_leaveNothingInItsPlaceAndComeAllAlike() {
    int[] seen = new int[2];
    for (long seed = 0; seed < 4000; seed++) {
      // Of three things there are two.
      seen[Derangement.sample(3, seed).order()[0] - 1]++;
    }
    assertThat(seen[0]).isBetween(1800, 2200);
    for (int n = 2; n < 60; n++) {
      int[] order = Derangement.sample(n, n).order();
      for (int i = 0; i < n; i++) {
        assertThat(order[i]).isNotEqualTo(i);
      }
      assertThat(order).doesNotHaveDuplicates();
    }
    assertThatThrownBy(() -> new Derangement(new int[] {1, 0, 2}))
        .hasMessageContaining("without fixed points");
  }

  @Test
  void remove_badInput_isToldInOneLine() {
    Subspace one = Subspace.spannedBy(new float[] {1, 1});
    assertThatThrownBy(() -> one.remove(new float[] {1, 2}, Ablation.MEAN, 0))
        .hasMessage("mean ablation: expected at least 2 rows, got 1");
    assertThatThrownBy(() -> one.remove(new float[] {1, 2}, Ablation.RESAMPLE, 0))
        .hasMessage("resample ablation: expected at least 2 rows, got 1");
    assertThatThrownBy(() -> one.remove(new float[3], Ablation.ZERO, 0))
        .hasMessageContaining("expected rows of 2 numbers, got 3");
    assertThatThrownBy(() -> Subspace.spannedBy(new float[] {1}, new float[] {1, 2}))
        .hasMessageContaining("expected vectors of 1 numbers, got one of 2");
    assertThatThrownBy(() -> Ablation.of("none"))
        .hasMessage("ablation: expected one of [zero, mean, resample], got 'none'");
    assertThatThrownBy(() -> Derangement.sample(1, 0)).hasMessageContaining("got 1");
  }

  private static double dot(float[] u, int at, float[] column) {
    double sum = 0;
    for (int i = 0; i < column.length; i++) {
      sum += (double) u[at + i] * column[i];
    }
    return sum;
  }

  private static float[] numbers(Random random, int count) {
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }
}
