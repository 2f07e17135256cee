package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.lens.tuned.Translator;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RidgeFitTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8, 17})
  void solve_affineMap_isFound(int width) {
    long seed = System.nanoTime();
    System.out.println("RidgeFitTest seed " + seed);
    Random random = new Random(seed);
    int rows = 20 * width + 3;
    Translator map = new Translator(normal(random, width * width), normal(random, width));
    float[] h = normal(random, rows * width);
    float[] finals = map.apply(h);
    RidgeFit fit = new RidgeFit(width);
    int half = rows / 2 * width;
    fit.add(java.util.Arrays.copyOf(h, half), java.util.Arrays.copyOf(finals, half), rows / 2);
    fit.add(
        java.util.Arrays.copyOfRange(h, half, h.length),
        java.util.Arrays.copyOfRange(finals, half, h.length),
        rows - rows / 2);
    Translator found = fit.solve(0);
    assertThat(NormGradientTest.widened(found.weight()))
        .as("seed %d", seed)
        .containsExactly(NormGradientTest.widened(map.weight()), within(1e-3));
    assertThat(NormGradientTest.widened(found.bias()))
        .as("seed %d", seed)
        .containsExactly(NormGradientTest.widened(map.bias()), within(1e-3));
  }

  @Test
  void solve_largePenalty_pullsToTheLogitLens() {
    Random random = new Random(5);
    float[] h = normal(random, 400);
    float[] finals = new Translator(normal(random, 16), new float[4]).apply(h);
    RidgeFit fit = new RidgeFit(4);
    fit.add(h, finals, 100);
    assertThat(NormGradientTest.widened(fit.solve(1e9).weight()))
        .containsExactly(new double[16], within(1e-6));
  }

  @Test
  void solve_fewerRowsThanDirections_needsAPenalty() {
    Random random = new Random(6);
    RidgeFit fit = new RidgeFit(8);
    fit.add(normal(random, 16), normal(random, 16), 2);
    Translator found = fit.solve(1e-3);
    assertThat(found.weight()).isNotEqualTo(new float[64]);
    assertThatThrownBy(() -> Cholesky.of(new double[] {1, 1, 1, 1}, 2))
        .isInstanceOf(TrainingException.class)
        .hasMessageContaining("more data");
  }

  private static float[] normal(Random random, int count) {
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }
}
