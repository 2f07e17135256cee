package dev.diopter.lens.patchscope;

/**
 * What a sweep costs.
 *
 * @param tokenLayers tokens through blocks
 * @param unembeddings rows through the unembedding
 */
public record Counters(long tokenLayers, long unembeddings) {
  /** Nothing. */
  public static final Counters NONE = new Counters(0, 0);

  /** Both. */
  public Counters plus(long layers, long rows) {
    return new Counters(tokenLayers + layers, unembeddings + rows);
  }
}
