package dev.diopter.lens.patching;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Several sweeps stacked into one array, as TransformerLens's {@code _every} functions do. */
@SuppressWarnings("ImmutableEnumChecker") // the lists of members are unmodifiable
public enum EverySweep {
  /** [5, layer, head]: out, q, k, v, pattern. */
  HEAD_ALL_POS(
      "attn_head_all_pos_every",
      List.of(
          PatchSite.HEAD_OUT_ALL_POS,
          PatchSite.HEAD_Q_ALL_POS,
          PatchSite.HEAD_K_ALL_POS,
          PatchSite.HEAD_V_ALL_POS,
          PatchSite.HEAD_PATTERN_ALL_POS)),
  /** [5, layer, position, head]: out, q, k, v, pattern (by destination). */
  HEAD_BY_POS(
      "attn_head_by_pos_every",
      List.of(
          PatchSite.HEAD_OUT_BY_POS,
          PatchSite.HEAD_Q_BY_POS,
          PatchSite.HEAD_K_BY_POS,
          PatchSite.HEAD_V_BY_POS,
          PatchSite.HEAD_PATTERN_BY_POS)),
  /** [3, layer, position]: resid_pre, attn_out, mlp_out. */
  BLOCK("block_every", List.of(PatchSite.RESID_PRE, PatchSite.ATTN_OUT, PatchSite.MLP_OUT));

  private final String label;
  private final List<PatchSite> members;

  EverySweep(String label, List<PatchSite> members) {
    this.label = label;
    this.members = members;
  }

  /** The name in results. */
  public String label() {
    return label;
  }

  /** The sweeps that it stacks, in their order. */
  public List<PatchSite> members() {
    return members;
  }

  /** The group of a name, or null. */
  static @Nullable EverySweep find(String name) {
    return Arrays.stream(values()).filter(e -> e.label.equals(name)).findFirst().orElse(null);
  }

  /**
   * Stacks the members. Key/value heads are fewer than heads where they are shared: the cells
   * behind them are 0, as in TransformerLens.
   */
  public Sweep stack(PatchResult result) {
    List<Sweep> parts = members.stream().map(m -> inOrder(result.sweep(m.name()))).toList();
    int[] shape = new int[parts.getFirst().shape().length + 1];
    shape[0] = parts.size();
    for (Sweep part : parts) {
      for (int i = 1; i < shape.length; i++) {
        shape[i] = Math.max(shape[i], part.shape()[i - 1]);
      }
    }
    int size = 1;
    for (int i = 1; i < shape.length; i++) {
      size *= shape[i];
    }
    double[] values = new double[parts.size() * size];
    int wide = shape[shape.length - 1];
    for (int s = 0; s < parts.size(); s++) {
      double[] from = parts.get(s).values();
      int narrow = parts.get(s).shape()[shape.length - 2];
      for (int i = 0; i < from.length; i++) {
        values[s * size + i / narrow * wide + i % narrow] = from[i];
      }
    }
    List<String> axes = new java.util.ArrayList<>(parts.getFirst().axes());
    axes.addFirst("site");
    return new Sweep(label, axes, shape, values);
  }

  /** A pattern's [layer, head, destination] as [layer, position, head]. */
  private static Sweep inOrder(Sweep sweep) {
    if (!sweep.axes().equals(Grid.HEAD_QUERY.axes())) {
      return sweep;
    }
    int layers = sweep.shape()[0];
    int heads = sweep.shape()[1];
    int length = sweep.shape()[2];
    double[] values = new double[layers * heads * length];
    for (int l = 0; l < layers; l++) {
      for (int h = 0; h < heads; h++) {
        for (int p = 0; p < length; p++) {
          values[(l * length + p) * heads + h] = sweep.at(l, h, p);
        }
      }
    }
    return new Sweep(
        sweep.name(), Grid.POSITION_HEAD.axes(), new int[] {layers, length, heads}, values);
  }
}
