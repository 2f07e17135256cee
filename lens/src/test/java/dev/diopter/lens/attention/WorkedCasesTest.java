package dev.diopter.lens.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Cases that can be followed with a pencil. */
class WorkedCasesTest {
  /** Four tokens. */
  private static final double[][] FOUR = {
    {1}, {.6, .4}, {.5, .2, .3}, {.7, .12, .04, .14},
  };

  private static List<String> places(List<Entry> entries) {
    return entries.stream()
        .map(e -> "q%d k%d %s".formatted(e.query(), e.key(), Multiples.rounded(e.multiple())))
        .toList();
  }

  @Test
  void ranked_fourTokens_givesTheWorkedMultiples() {
    float[] pattern = Patterns.of(FOUR);
    assertThat(places(Patterns.ranked(ScoreMode.RAW, pattern, 4, 1)))
        .containsExactly("q3 k0 2.8", "q2 k0 1.5", "q1 k0 1.2");
    assertThat(places(Patterns.ranked(ScoreMode.COMPAT, pattern, 4, 1)))
        .containsExactly("q3 k3 3.0", "q2 k2 2.6", "q1 k1 1.7");
    assertThat(places(Patterns.ranked(ScoreMode.NO_SINK, pattern, 4, 1)))
        .containsExactly("q3 k3 1.4", "q2 k2 1.2", "q3 k1 1.2");
    double[] column = Patterns.multiples(ScoreMode.COLUMN, pattern, 4).row(3);
    assertThat(column[0]).isCloseTo(.7 / .7, within(1e-6));
    assertThat(column[1]).isCloseTo(.12 / .24, within(1e-6));
    assertThat(column[3]).isCloseTo(1, within(1e-12));
  }

  @Test
  void ranked_fourTokensAmongLongerTexts_changesCompatAlone() {
    double[][] padded = {
      FOUR[0], FOUR[1], FOUR[2], FOUR[3], {.3, .3, .2, .1, .1}, {.2, .2, .2, .2, .1, .1},
    };
    float[] pattern = Patterns.of(padded);
    assertThat(places(Patterns.ranked(ScoreMode.RAW, pattern, 4, 1)))
        .containsExactly("q3 k0 2.8", "q2 k0 1.5", "q1 k0 1.2");
    assertThat(places(Patterns.ranked(ScoreMode.NO_SINK, pattern, 4, 1)))
        .containsExactly("q3 k3 1.4", "q2 k2 1.2", "q3 k1 1.2");
    assertThat(Patterns.multiples(ScoreMode.COLUMN, pattern, 4).row(3))
        .containsExactly(Patterns.multiples(ScoreMode.COLUMN, Patterns.of(FOUR), 4).row(3));
    assertThat(places(Patterns.ranked(ScoreMode.COMPAT, pattern, 4, 1)))
        .containsExactly("q2 k2 2.0", "q1 k1 1.6", "q3 k3 1.6");
  }

  @ParameterizedTest
  @EnumSource(
      value = ScoreMode.class,
      names = {"RAW", "NO_SINK", "COLUMN"})
  void ranked_evenAttention_givesNothing(ScoreMode mode) {
    for (int size : new int[] {1, 2, 11, 30, 97}) {
      assertThat(Patterns.ranked(mode, Patterns.uniform(size), size, 0)).isEmpty();
    }
  }

  @Test
  void ranked_evenAttentionInCompat_measuresPosition() {
    List<Entry> entries = Patterns.ranked(ScoreMode.COMPAT, Patterns.uniform(30), 30, 10);
    assertThat(entries).hasSize(265);
    assertThat(places(entries).subList(0, 6))
        .containsExactly(
            "q29 k29 29.0",
            "q28 k28 14.7",
            "q29 k28 14.3",
            "q27 k27 10.0",
            "q28 k27 9.7",
            "q29 k27 9.3");
    List<Double> last =
        entries.reversed().stream()
            .filter(e -> e.query() == 29)
            .map(e -> Multiples.rounded(e.multiple()))
            .toList();
    assertThat(last)
        .containsExactly(
            1.1, 1.2, 1.3, 1.4, 1.6, 1.7, 1.9, 2.2, 2.4, 2.8, 3.2, 3.7, 4.4, 5.4, 6.9, 9.3, 14.3,
            29.0);
  }

  @Test
  void row_allAttentionOnTheSink_isSinkOnly() {
    float[] pattern = Patterns.of(FOUR[0], FOUR[1], FOUR[2], new double[] {1, 0, 0, 0});
    assertThat(Patterns.multiples(ScoreMode.RAW, pattern, 4).row(3)).containsExactly(4, 0, 0, 0);
    Multiples noSink = Patterns.multiples(ScoreMode.NO_SINK, pattern, 4);
    assertThat(noSink.isSinkOnly(3)).isTrue();
    assertThat(noSink.isSinkOnly(2)).isFalse();
    assertThat(noSink.row(3)).containsOnly(0);
    assertThat(Patterns.ranked(ScoreMode.NO_SINK, pattern, 4, 3)).isEmpty();
  }

  @Test
  void row_randomPatterns_keepTheSums() {
    long seed = 20260;
    Random random = new Random(seed);
    for (int size = 2; size < 40; size += 3) {
      double[][] rows = new double[size][];
      for (int q = 0; q < size; q++) {
        rows[q] = random.doubles(q + 1, 0.01, 1).toArray();
        double sum = java.util.Arrays.stream(rows[q]).sum();
        for (int k = 0; k <= q; k++) {
          rows[q][k] /= sum;
        }
      }
      float[] pattern = Patterns.of(rows);
      double[] columns = new double[size];
      for (int q = 1; q < size; q++) {
        String what = "seed %d, size %d, query %d".formatted(seed, size, q);
        assertThat(
                java.util.Arrays.stream(Patterns.multiples(ScoreMode.RAW, pattern, size).row(q))
                    .sum())
            .as(what)
            .isCloseTo(q + 1, within(1e-4));
        assertThat(
                java.util.Arrays.stream(Patterns.multiples(ScoreMode.NO_SINK, pattern, size).row(q))
                    .sum())
            .as(what)
            .isCloseTo(q, within(1e-9));
        double[] compat = Patterns.multiples(ScoreMode.COMPAT, pattern, size).row(q);
        for (int k = 1; k <= q; k++) {
          columns[k] += compat[k];
          assertThat(compat[k]).as(what).isLessThan(size - 1 + 1e-4);
        }
      }
      for (int k = 1; k < size; k++) {
        assertThat(columns[k]).isCloseTo(size - 1, within(1e-3));
      }
    }
  }

  private static Entry entry(int key, double multiple) {
    return new Entry(0, 0, 5, key, new int[] {7, 8, 7, 9, 1, 2}, .5f, multiple, new float[6]);
  }

  private static List<Integer> keys(List<Entry> entries) {
    return entries.stream().map(Entry::key).toList();
  }

  private static List<Entry> choose(EntryOrder order, List<Entry> all, int limit, boolean reverse) {
    Chosen<Entry> chosen = new Chosen<>(limit, order.wanted(reverse));
    all.forEach(chosen::offer);
    return chosen.sorted(order.shown(reverse));
  }

  @Test
  void ranked_reverse_listsTheLowest() {
    // a 1.04, b 1.06, d 2.0; c with 1.00 is no entry.
    List<Entry> all = List.of(entry(0, 1.04), entry(1, 1.06), entry(3, 2.0));
    assertThat(keys(choose(EntryOrder.ROUNDED, all, 5, false))).containsExactly(3, 1, 0);
    assertThat(keys(choose(EntryOrder.ROUNDED, all, 2, true))).containsExactly(1, 0);
    assertThat(keys(choose(EntryOrder.EXACT, all, 2, true))).containsExactly(0, 1);
    assertThat(keys(choose(EntryOrder.EXACT, all, 0, true))).isEmpty();
    assertThat(Multiples.rounded(1.04)).isEqualTo(1.0);
    assertThat(Multiples.rounded(1.25)).isEqualTo(1.2);
    assertThat(Multiples.rounded(1.75)).isEqualTo(1.8);
    assertThat(Multiples.rounded(1.35f)).isEqualTo(1.4);
    assertThat(Multiples.rounded(2.55f)).isEqualTo(2.5);
  }

  @Test
  void entries_filterByKey_keepsItsEntriesInOrder() {
    // Keys 0 and 2 are the token 7, key 1 is another.
    float[] pattern = new float[36];
    pattern[30] = 3 / 6f;
    pattern[31] = 2 / 6f;
    pattern[32] = 1.5f / 6f;
    Multiples raw = Patterns.multiples(ScoreMode.RAW, pattern, 6);
    BitSet seven = new BitSet();
    seven.set(7);
    List<Entry> found = new ArrayList<>();
    Entries entries = new Entries(TokenFilter.Side.KEY, seven, found::add);
    entries.row(new Window(0, 0, new int[] {7, 8, 7, 9, 1, 2}, 6), 5, raw, raw.row(5));
    assertThat(entries.matching).isEqualTo(2);
    assertThat(keys(choose(EntryOrder.EXACT, found, 5, false))).containsExactly(0, 2);
    assertThat(keys(choose(EntryOrder.EXACT, found, 5, true))).containsExactly(2, 0);
    Entries byQuery = new Entries(TokenFilter.Side.QUERY, seven, found::add);
    byQuery.row(new Window(0, 0, new int[] {7, 8, 7, 9, 1, 2}, 6), 5, raw, raw.row(5));
    assertThat(byQuery.matching).isZero();
  }
}
