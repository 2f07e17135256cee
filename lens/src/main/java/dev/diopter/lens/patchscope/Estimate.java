package dev.diopter.lens.patchscope;

import dev.diopter.engine.Model;
import dev.diopter.models.DecoderConfig;

/**
 * What a sweep will cost, computed without running anything.
 *
 * @param cells how many patches
 * @param counters the counters of a whole run; an upper bound where a generation may end early
 * @param exact whether the counters will be exactly these
 * @param naive the counters of one run of source and target for each patch
 * @param products multiplications with weights, in blocks and unembeddings
 * @param chunkCells most patches advanced together within the memory budget
 * @param chunkBytes memory that those take, about
 * @param cleanBytes memory of what is kept of clean passes at one time at most, about
 * @param heldBytes memory of the logits that the readout has cells hold, all of them together
 */
public record Estimate(
    int cells,
    Counters counters,
    boolean exact,
    Counters naive,
    long products,
    int chunkCells,
    long chunkBytes,
    long cleanBytes,
    long heldBytes) {

  /** This and then another, whose cells are held beside this one's. */
  public Estimate plus(Estimate other) {
    return new Estimate(
        cells + other.cells,
        counters.plus(other.counters.tokenLayers(), other.counters.unembeddings()),
        exact && other.exact,
        naive.plus(other.naive.tokenLayers(), other.naive.unembeddings()),
        products + other.products,
        Math.max(chunkCells, other.chunkCells),
        Math.max(chunkBytes, other.chunkBytes),
        Math.max(cleanBytes, other.cleanBytes),
        heldBytes + other.heldBytes);
  }

  /** This and a pass of a model in front of it, without logits. */
  public Estimate plus(DecoderConfig config, Counters pass) {
    return new Estimate(
        cells,
        counters.plus(pass.tokenLayers(), pass.unembeddings()),
        exact,
        naive.plus(pass.tokenLayers(), pass.unembeddings()),
        products + products(config, pass.tokenLayers(), pass.unembeddings()),
        chunkCells,
        chunkBytes,
        cleanBytes,
        heldBytes);
  }

  /** With other memory for logits that are held. */
  public Estimate holding(long bytes) {
    return new Estimate(
        cells, counters, exact, naive, products, chunkCells, chunkBytes, cleanBytes, bytes);
  }

  /** Memory of everything, about. */
  public long bytes() {
    return chunkBytes + cleanBytes + heldBytes;
  }

  /** Multiplications with weights of one token in one block. */
  static long blockProducts(DecoderConfig config) {
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.keyValueHeads() * config.headDim();
    long mlp = (long) config.mlpWidth() * (config.mlp() == DecoderConfig.Mlp.SILU_GATED ? 3 : 2);
    return config.width() * (2 * queries + 2 * keys + mlp);
  }

  /** Multiplications of one row of logits. */
  static long unembeddingProducts(DecoderConfig config) {
    return (long) config.width() * config.vocabulary();
  }

  /**
   * Seconds that the products take at the speed of a short pass, which is run for it. Batches of
   * many rows are faster, so this is rather too long than too short.
   */
  public double seconds(Model model) {
    return seconds(model, products);
  }

  /** Multiplications with weights of tokens through blocks and of rows of logits. */
  public static long products(DecoderConfig config, long tokenLayers, long unembeddings) {
    return tokenLayers * blockProducts(config) + unembeddings * unembeddingProducts(config);
  }

  /** The same of any number of products. */
  public static double seconds(Model model, long products) {
    int[] ids = new int[Math.min(32, model.config().contextLength())];
    dev.diopter.engine.Prompt probe = dev.diopter.engine.Prompt.ofIds(ids);
    double best = Double.POSITIVE_INFINITY;
    for (int i = 0; i < 3; i++) {
      long start = System.nanoTime();
      var _ = model.run(probe);
      best = Math.min(best, (System.nanoTime() - start) / 1e9);
    }
    DecoderConfig config = model.config();
    double each =
        (double) ids.length * config.layers() * blockProducts(config) + unembeddingProducts(config);
    return products / each * best;
  }
}
