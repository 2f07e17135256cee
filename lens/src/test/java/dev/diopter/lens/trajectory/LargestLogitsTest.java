package dev.diopter.lens.trajectory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.engine.LogProbabilities;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LargestLogitsTest {

  @Test
  void top_anyRow_isThatOfEveryLogitLookedAt() {
    long seed = System.nanoTime();
    System.out.println("LargestLogitsTest seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      int count = 1 + random.nextInt(20_000);
      int at = random.nextInt(5);
      int values = 1 + random.nextInt(3 * count); // few of them: many ties
      float[] row = new float[at + count + 3];
      for (int i = 0; i < row.length; i++) {
        row[i] = random.nextInt(values);
      }
      if (round % 5 == 0) {
        row[at + random.nextInt(count)] = round % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
      }
      int k = 1 + random.nextInt(30);
      LargestLogits largest = new LargestLogits(row, at, count);
      int[] expected = LogProbabilities.top(row, at, count, k);
      assertThat(largest.top(k)).as("seed %d, round %d", seed, round).isEqualTo(expected);
      if (!Float.isNaN(largest.max())) {
        assertThat(largest.max()).isEqualTo(row[at + expected[0]]);
      }
    }
  }

  @Test
  void top_descendingAndEqualLogits_lowerIdsFirst() {
    float[] falling = new float[4096];
    for (int i = 0; i < falling.length; i++) {
      falling[i] = -i;
    }
    assertThat(new LargestLogits(falling, 0, falling.length).top(3)).containsExactly(0, 1, 2);
    assertThat(new LargestLogits(new float[4096], 0, 4096).top(3)).containsExactly(0, 1, 2);
  }
}
