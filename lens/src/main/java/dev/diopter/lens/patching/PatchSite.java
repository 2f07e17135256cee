package dev.diopter.lens.patching;

import dev.diopter.engine.Axis;
import dev.diopter.engine.Site;
import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * A hook point whose values are put from one run into another, and how it is cut into cells. The
 * constants are the sweeps of TransformerLens's {@code patching} module under its names; {@link
 * #of} makes others.
 *
 * @param name the sweep's name in results
 * @param site the hook point, one for each block
 * @param grid the cells
 */
public record PatchSite(String name, Site site, Grid grid) {
  public static final PatchSite RESID_PRE = of(Site.RESID_PRE, Grid.POSITION);
  public static final PatchSite RESID_MID = of(Site.RESID_MID, Grid.POSITION);
  public static final PatchSite RESID_POST = of(Site.RESID_POST, Grid.POSITION);
  public static final PatchSite ATTN_OUT = of(Site.ATTN_OUT, Grid.POSITION);
  public static final PatchSite MLP_OUT = of(Site.MLP_OUT, Grid.POSITION);
  public static final PatchSite HEAD_OUT_ALL_POS = head("out_all_pos", Site.Z, Grid.HEAD);
  public static final PatchSite HEAD_Q_ALL_POS = head("q_all_pos", Site.Q, Grid.HEAD);
  public static final PatchSite HEAD_K_ALL_POS = head("k_all_pos", Site.K, Grid.HEAD);
  public static final PatchSite HEAD_V_ALL_POS = head("v_all_pos", Site.V, Grid.HEAD);
  public static final PatchSite HEAD_PATTERN_ALL_POS =
      head("pattern_all_pos", Site.PATTERN, Grid.HEAD);
  public static final PatchSite HEAD_OUT_BY_POS = head("out_by_pos", Site.Z, Grid.POSITION_HEAD);
  public static final PatchSite HEAD_Q_BY_POS = head("q_by_pos", Site.Q, Grid.POSITION_HEAD);
  public static final PatchSite HEAD_K_BY_POS = head("k_by_pos", Site.K, Grid.POSITION_HEAD);
  public static final PatchSite HEAD_V_BY_POS = head("v_by_pos", Site.V, Grid.POSITION_HEAD);
  public static final PatchSite HEAD_PATTERN_BY_POS =
      head("pattern_by_pos", Site.PATTERN, Grid.HEAD_QUERY);
  public static final PatchSite HEAD_PATTERN_DEST_SRC_POS =
      head("pattern_dest_src_pos", Site.PATTERN, Grid.HEAD_QUERY_KEY);

  /** The named sites. */
  public static final List<PatchSite> NAMED =
      List.of(
          RESID_PRE,
          RESID_MID,
          RESID_POST,
          ATTN_OUT,
          MLP_OUT,
          HEAD_OUT_ALL_POS,
          HEAD_Q_ALL_POS,
          HEAD_K_ALL_POS,
          HEAD_V_ALL_POS,
          HEAD_PATTERN_ALL_POS,
          HEAD_OUT_BY_POS,
          HEAD_Q_BY_POS,
          HEAD_K_BY_POS,
          HEAD_V_BY_POS,
          HEAD_PATTERN_BY_POS,
          HEAD_PATTERN_DEST_SRC_POS);

  public PatchSite {
    boolean heads = site.headAxis() != null;
    boolean pattern = grid == Grid.HEAD_QUERY || grid == Grid.HEAD_QUERY_KEY;
    if (!site.inBlock()
        || (grid.byHead() && !heads)
        || (pattern && !site.overKeys())
        || (site.overKeys() && grid == Grid.POSITION_HEAD)) {
      throw new UsageException(
          "%s cannot be cut into cells %s: its axes are %s"
              .formatted(site.template(), grid.axes(), site.axes()));
    }
  }

  /** A hook point in cells, named by both. */
  public static PatchSite of(Site site, Grid grid) {
    String template = site.template();
    String base = template.substring(template.lastIndexOf("hook_") + "hook_".length());
    return new PatchSite(
        grid == Grid.POSITION ? base : base + "_by_" + String.join("_", grid.axes()), site, grid);
  }

  private static PatchSite head(String name, Site site, Grid grid) {
    return new PatchSite("attn_head_" + name, site, grid);
  }

  /** Heads that have cells: key/value heads for keys and values; 1 without a head axis. */
  public int heads(DecoderConfig config) {
    if (!grid.byHead()) {
      return 1;
    }
    return site.headAxis() == Axis.KV_HEAD ? config.keyValueHeads() : config.heads();
  }

  /** Sizes of the sweep for prompts of this length. */
  public int[] shape(DecoderConfig config, int length) {
    int layers = config.layers();
    int heads = heads(config);
    return switch (grid) {
      case POSITION -> new int[] {layers, length};
      case POSITION_HEAD -> new int[] {layers, length, heads};
      case HEAD -> new int[] {layers, heads};
      case HEAD_QUERY -> new int[] {layers, heads, length};
      case HEAD_QUERY_KEY -> new int[] {layers, heads, length, length};
    };
  }

  /**
   * Whether what is written at one position reaches no other position inside its block, so that all
   * positions can be tried in one pass through it.
   */
  boolean staysInItsRow() {
    return switch (site) {
      case ATTN_IN, K_INPUT, V_INPUT, LN1_SCALE, LN1_NORMALIZED, K, V, ROT_K -> false;
      default -> true;
    };
  }

  /** The canonical name of the hook in a layer. */
  String hook(int layer) {
    return site.template().replace("{l}", Integer.toString(layer));
  }

  /** The site or group of sites of these names; groups stand for their members. */
  public static List<PatchSite> parse(String list) {
    List<PatchSite> sites = new ArrayList<>();
    for (String entry : list.split(",", -1)) {
      String name = entry.strip();
      EverySweep every = EverySweep.find(name);
      if (every != null) {
        sites.addAll(every.members());
        continue;
      }
      PatchSite found = NAMED.stream().filter(s -> s.name.equals(name)).findFirst().orElse(null);
      if (found == null) {
        throw new UsageException(
            "sites: expected %s, got '%s'".formatted(String.join(", ", names()), name));
      }
      sites.add(found);
    }
    return List.copyOf(new java.util.LinkedHashSet<>(sites));
  }

  /** Everything that {@link #parse} knows. */
  public static List<String> names() {
    List<String> names = new ArrayList<>();
    NAMED.forEach(s -> names.add(s.name));
    for (EverySweep every : EverySweep.values()) {
      names.add(every.label());
    }
    return List.copyOf(names);
  }
}
