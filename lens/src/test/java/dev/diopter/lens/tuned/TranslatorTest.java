package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TranslatorTest {

  /** The first lines of the reference's fixture F1. */
  @Test
  void apply_fixtureF1_addsTheProductToItsInput() {
    Translator translator =
        new Translator(
            new float[] {.1f, 0, 0, .2f, 0, -.1f, .3f, 0, 0, 0, .05f, 0, .1f, .1f, .1f, .1f},
            new float[] {.01f, -.02f, .03f, 0});
    float[] z = translator.apply(new float[] {1, 2, -1, .5f});
    double[] expected = {1.21, 1.48, -1.02, .75};
    for (int i = 0; i < 4; i++) {
      assertThat(z[i]).isCloseTo((float) expected[i], within(1e-6f));
    }
  }

  @Test
  void apply_untrained_isTheSameToTheBit() {
    float[] rows = {-0f, Float.NaN, Float.NEGATIVE_INFINITY, 1e-45f};
    Translator untrained = Translator.identity(2);
    assertThat(untrained.isIdentity()).isTrue();
    assertThat(untrained.apply(rows)).isEqualTo(rows).isNotSameAs(rows);
    assertThat(new Translator(new float[] {0, 0, 0, 1e-45f}, new float[2]).isIdentity()).isFalse();
  }

  @Test
  void apply_anyNumberOfRows_givesEachItsOwnBits() {
    long seed = 5;
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    int width = 300;
    Translator translator = new Translator(numbers(random, width * width), numbers(random, width));
    float[] many = numbers(random, 50 * width);
    float[] all = translator.apply(many);
    for (int row = 0; row < 50; row++) {
      float[] one = java.util.Arrays.copyOfRange(many, row * width, (row + 1) * width);
      float[] alone = translator.apply(one);
      assertThat(java.util.Arrays.copyOfRange(all, row * width, (row + 1) * width))
          .isEqualTo(alone);
    }
  }

  private static float[] numbers(Random random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }

  @Test
  void translator_sizesThatDoNotFit_areRefused() {
    assertThatThrownBy(() -> new Translator(new float[5], new float[2]))
        .hasMessageContaining("expected a weight of 2 x 2 numbers, got 5");
    assertThatThrownBy(() -> Translator.identity(3).apply(new float[4]))
        .hasMessageContaining("expected rows of 3 numbers, got 4");
  }
}
