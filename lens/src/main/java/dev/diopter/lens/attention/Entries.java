package dev.diopter.lens.attention;

import java.util.BitSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Makes entries of the cells that count, and hands on those that the filter lets through. */
final class Entries implements RowListener {
  private final TokenFilter.@Nullable Side side;
  private final BitSet wanted;
  private final Consumer<Entry> taker;
  long matching;

  /**
   * A collector.
   *
   * @param side whose token is filtered; null for no filter
   * @param wanted ids that pass
   */
  Entries(TokenFilter.@Nullable Side side, BitSet wanted, Consumer<Entry> taker) {
    this.side = side;
    this.wanted = wanted;
    this.taker = taker;
  }

  @Override
  public void row(Window window, int query, Multiples multiples, double[] row) {
    int[] ids = window.ids();
    if (side == TokenFilter.Side.QUERY && !wanted.get(ids[query])) {
      return;
    }
    float[] weights = null;
    for (int k = 0; k <= query; k++) {
      if (!multiples.counts(query, k, row[k])
          || (side == TokenFilter.Side.KEY && !wanted.get(ids[k]))) {
        continue;
      }
      matching++;
      if (weights == null) {
        weights = multiples.weights(query);
      }
      taker.accept(
          new Entry(window.text(), window.start(), query, k, ids, weights[k], row[k], weights));
    }
  }
}
