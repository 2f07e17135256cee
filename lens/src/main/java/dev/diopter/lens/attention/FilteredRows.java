package dev.diopter.lens.attention;

import java.util.BitSet;

/**
 * Hands on the rows that a filter leaves: those of a wanted query token, or those with an entry
 * whose key is a wanted token.
 *
 * @param side whose token
 * @param wanted ids that pass
 * @param next sees these rows
 */
record FilteredRows(TokenFilter.Side side, BitSet wanted, RowListener next) implements RowListener {
  @Override
  public void row(Window window, int query, Multiples multiples, double[] row) {
    if (passes(window.ids(), query, multiples, row)) {
      next.row(window, query, multiples, row);
    }
  }

  private boolean passes(int[] ids, int query, Multiples multiples, double[] row) {
    if (side == TokenFilter.Side.QUERY) {
      return wanted.get(ids[query]);
    }
    for (int k = 0; k <= query; k++) {
      if (wanted.get(ids[k]) && multiples.counts(query, k, row[k])) {
        return true;
      }
    }
    return false;
  }
}
