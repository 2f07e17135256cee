package dev.diopter.lens.attention;

import java.util.List;

/**
 * What a scan of a corpus found.
 *
 * @param query what was asked
 * @param texts texts that were read
 * @param samples sampled rows: prefixes of texts
 * @param sinkOnly sampled rows with all of their attention on sinks, which give no entries
 * @param entries cells above what is usual, before the filter
 * @param matching entries that the filter lets through
 * @param sumOfMultiples of all entries, each rounded to one decimal as the original shows it
 * @param sinkShare mean over the sampled rows of the attention on sinks
 * @param meanDistance mean over the sampled rows of the tokens between query and key, weighted by
 *     attention
 * @param topKeys the key tokens with the largest sums of multiples, largest first
 * @param rows the entries that were asked for
 */
public record AttentionResult(
    AttentionQuery query,
    int texts,
    long samples,
    long sinkOnly,
    long entries,
    long matching,
    double sumOfMultiples,
    double sinkShare,
    double meanDistance,
    List<KeyToken> topKeys,
    List<Entry> rows) {

  public AttentionResult {
    topKeys = List.copyOf(topKeys);
    rows = List.copyOf(rows);
  }

  /**
   * A key token over all texts.
   *
   * @param id the token
   * @param support entries with it as key
   * @param texts texts with such an entry
   * @param meanMultiple mean of their multiples
   */
  public record KeyToken(int id, long support, long texts, double meanMultiple) {}
}
