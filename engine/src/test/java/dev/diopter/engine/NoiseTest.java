package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NoiseTest {
  private static final HookPoint POINT = new HookPoint(Site.RESID_PRE, 3);

  @Test
  void key_eachPartOfTheKey_matters() {
    Set<Long> keys = new HashSet<>();
    for (long seed : new long[] {0, 1, -1}) {
      for (long sequence : new long[] {0, 1, -1}) {
        for (HookPoint point :
            new HookPoint[] {
              POINT,
              new HookPoint(Site.RESID_PRE, 2),
              new HookPoint(Site.RESID_POST, 3),
              HookPoint.of(Site.EMBED)
            }) {
          for (int position = 0; position < 4; position++) {
            for (int head = 0; head < 4; head++) {
              keys.add(Noise.key(seed, sequence, point, position, head));
            }
          }
        }
      }
    }
    assertThat(keys).hasSize(3 * 3 * 4 * 4 * 4);
  }

  @Test
  void normal_manyNumbers_haveTheMomentsOfANormal() {
    int n = 200_000;
    double sum = 0;
    double squares = 0;
    double fourth = 0;
    double neighbours = 0;
    int within = 0;
    double last = 0;
    for (int i = 0; i < n; i++) {
      double x = Noise.normal(Noise.key(5, 6, POINT, i / 100, 0), i % 100);
      sum += x;
      squares += x * x;
      fourth += x * x * x * x;
      neighbours += x * last;
      within += Math.abs(x) < 1 ? 1 : 0;
      last = x;
    }
    assertThat(sum / n).isBetween(-0.01, 0.01);
    assertThat(squares / n).isBetween(0.985, 1.015);
    assertThat(fourth / n).isBetween(2.9, 3.1);
    assertThat(neighbours / n).isBetween(-0.01, 0.01);
    assertThat((double) within / n).isBetween(0.6777, 0.6877);
  }

  @Test
  void normal_isTheSameForEver() {
    // Saved results name a seed: the numbers behind it must not change with a new version.
    long key = Noise.key(42, 7, POINT, 11, 2);
    assertThat(new double[] {Noise.normal(key, 0), Noise.normal(key, 1), Noise.normal(key, 1000)})
        .containsExactly(0.8413712313716752, -0.98542170998811, 0.01678377651947308);
  }
}
