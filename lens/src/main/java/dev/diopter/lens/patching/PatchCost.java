package dev.diopter.lens.patching;

import dev.diopter.models.DecoderConfig;
import java.util.List;

/**
 * What sweeps compute, in units that do not depend on the machine.
 *
 * @param tokenLayers rows through blocks
 * @param unembeddings rows of logits
 * @param cells cells of the sweeps
 * @param computed cells that were run; the others are known to be the unpatched run, because they
 *     put in what is there or reach no row that counts
 */
public record PatchCost(long tokenLayers, long unembeddings, long cells, long computed) {
  /** Nothing. */
  public static final PatchCost NONE = new PatchCost(0, 0, 0, 0);

  /** Both together. */
  public PatchCost plus(PatchCost other) {
    return new PatchCost(
        tokenLayers + other.tokenLayers,
        unembeddings + other.unembeddings,
        cells + other.cells,
        computed + other.computed);
  }

  private PatchCost times(long n) {
    return new PatchCost(tokenLayers * n, unembeddings * n, cells * n, computed * n);
  }

  /**
   * The most that sweeps cost, known before anything runs. With L layers, m rows from the first
   * position at which the prompts differ, and t = m (m + 1) / 2: two clean runs cost 2 n L; cells
   * by position at {@code resid_pre} t L (L + 1) / 2; at a point behind it in the block t L (L - 1)
   * / 2 and one pass of m rows through each block but the last, of one row there, for each head;
   * keys and values t L (L + 1) / 2 for each of their heads. It is reached where every value from
   * there on differs.
   *
   * @param length tokens of each prompt
   * @param shared tokens at the beginning that the prompts have in common
   */
  public static PatchCost most(
      DecoderConfig config, int length, int shared, List<PatchSite> sites) {
    int layers = config.layers();
    PatchCost sum = new PatchCost(2L * length * layers, 2, 0, 0);
    for (List<PatchSite> group : HookSweeps.groups(sites)) {
      sum = sum.plus(group(config, length, shared, group));
    }
    return sum;
  }

  private static PatchCost group(
      DecoderConfig config, int length, int shared, List<PatchSite> group) {
    PatchCost sum = NONE;
    boolean heads = false;
    boolean all = false;
    boolean keys = false;
    for (PatchSite site : group) {
      sum = sum.plus(cells(config, length, shared, site));
      keys |= site.grid() == Grid.HEAD_QUERY_KEY;
      heads |= site.grid().byHead() && site.grid() != Grid.HEAD_QUERY_KEY;
      all |= !site.grid().byHead();
    }
    PatchSite first = group.getFirst();
    if (shared == length || first.site() == PatchSite.RESID_PRE.site() || !first.staysInItsRow()) {
      return sum;
    }
    long m = (long) length - shared;
    long layers = config.layers();
    int variations = (all ? 1 : 0) + (heads ? config.heads() : 0);
    long through = variations * ((layers - 1) * m + 1);
    if (keys) {
      long rows = shared * m + m * (m + 1) / 2;
      through += config.heads() * ((layers - 1) * rows + length);
    }
    return sum.plus(new PatchCost(through, 0, 0, 0));
  }

  /** The cells of one sweep, from where they leave their block. */
  private static PatchCost cells(DecoderConfig config, int length, int shared, PatchSite site) {
    long layers = config.layers();
    long m = (long) length - shared;
    long cells = 1;
    for (int n : site.shape(config, length)) {
      cells *= n;
    }
    PatchCost none = new PatchCost(0, 0, cells, 0);
    if (m == 0) {
      return none;
    }
    boolean entersHere = site.site() == PatchSite.RESID_PRE.site() || !site.staysInItsRow();
    long passes = entersHere ? layers * (layers + 1) / 2 : layers * (layers - 1) / 2;
    long blocks = entersHere ? layers : layers - 1;
    long rows = 0; // of all cells of one head in one layer
    long count = 0;
    for (int p = shared; p < length; p++) {
      long here = site.grid() == Grid.HEAD_QUERY_KEY ? p + 1 : 1;
      count += here;
      rows += here * (length - p);
    }
    long last = site.grid() == Grid.HEAD_QUERY_KEY ? length : 1;
    if (site.grid() == Grid.HEAD) {
      rows = m;
      count = 1;
    }
    long computed = blocks * count + (entersHere ? 0 : last);
    PatchCost one = new PatchCost(passes * rows, computed, 0, computed);
    return none.plus(one.times(site.heads(config)));
  }
}
