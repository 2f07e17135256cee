package dev.diopter.lens.attention;

/**
 * A cell of a pattern that is above what is usual. Full precision; whoever shows it rounds.
 *
 * @param text which text of the corpus, from 0
 * @param start where its window starts in the text's tokens; 0 unless there is a stride
 * @param query the query's position in the window
 * @param key the key's position in the window, at most {@code query}
 * @param ids the window's ids; shared and not to be changed
 * @param weight attention of query on key
 * @param multiple the weight compared with what is usual, as the mode says
 * @param row attention of the query on keys 0 to {@code query}; shared and not to be changed
 */
public record Entry(
    int text,
    int start,
    int query,
    int key,
    int[] ids,
    float weight,
    double multiple,
    float[] row) {

  /** The key's id. */
  public int keyId() {
    return ids[key];
  }

  /** The query's id. */
  public int queryId() {
    return ids[query];
  }

  /** The ids up to the query, a copy. */
  public int[] prefix() {
    return java.util.Arrays.copyOf(ids, query + 1);
  }
}
