package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class NextTokensTest {

  @Test
  void top_rows_areSortedWithLowerIdsFirstAmongEquals() {
    float[] logits = {1, 3, 2, 3, -1};
    assertThat(Arrays.stream(NextTokens.top(logits, 0, 5, 4)).map(NextTokens.Candidate::id))
        .containsExactly(1, 3, 2, 0);
  }

  @Test
  void top_partOfAnArray_seesItsRowOnly() {
    float[] logits = {9, 9, 0, 1, 9};
    NextTokens.Candidate[] top = NextTokens.top(logits, 2, 2, 5);
    assertThat(Arrays.stream(top).map(NextTokens.Candidate::id)).containsExactly(1, 0);
    assertThat(top[0].probability()).isCloseTo(1 / (1 + Math.exp(-1)), within(1e-15));
  }

  @Test
  void top_hugeLogits_giveProbabilitiesThatSumToOne() {
    float[] logits = {3e38f, 3e38f, -3e38f};
    assertThat(
            Arrays.stream(NextTokens.top(logits, 0, 3, 3))
                .mapToDouble(NextTokens.Candidate::probability)
                .sum())
        .isEqualTo(1);
  }

  @Test
  void top_notANumber_comesLast() {
    float[] logits = {Float.NaN, 1, Float.NEGATIVE_INFINITY};
    assertThat(Arrays.stream(NextTokens.top(logits, 0, 3, 3)).map(NextTokens.Candidate::id))
        .containsExactly(1, 2, 0);
  }
}
