package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A kind of hook point, in the order in which a pass reaches them. This list is the one source of
 * names, shapes, meanings and existence: the registry, validation, slicing, {@code diopter hooks}
 * and the documentation come from it. Names, shapes and meanings are TransformerLens's.
 */
@SuppressWarnings("ImmutableEnumChecker") // the lists of axes are unmodifiable
public enum Site {
  EMBED(
      "hook_embed",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "rows of the token embedding"),
  POS_EMBED(
      "hook_pos_embed",
      List.of(Axis.POS, Axis.MODEL),
      Exists.LEARNED_POSITIONS,
      false,
      "rows of the position embedding"),
  RESID_PRE(
      "blocks.{l}.hook_resid_pre",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "residual stream entering the block"),
  ATTN_IN(
      "blocks.{l}.hook_attn_in",
      List.of(Axis.POS, Axis.HEAD, Axis.MODEL),
      Exists.ALWAYS,
      true,
      "residual as each head's input, before ln1; feeds the queries of its head, and from a group's first head its keys and values"),
  Q_INPUT(
      "blocks.{l}.hook_q_input",
      List.of(Axis.POS, Axis.HEAD, Axis.MODEL),
      Exists.ALWAYS,
      true,
      "residual as each query head's input, before ln1"),
  K_INPUT(
      "blocks.{l}.hook_k_input",
      List.of(Axis.POS, Axis.KV_HEAD, Axis.MODEL),
      Exists.ALWAYS,
      true,
      "residual as each key head's input, before ln1"),
  V_INPUT(
      "blocks.{l}.hook_v_input",
      List.of(Axis.POS, Axis.KV_HEAD, Axis.MODEL),
      Exists.ALWAYS,
      true,
      "residual as each value head's input, before ln1"),
  LN1_SCALE(
      "blocks.{l}.ln1.hook_scale",
      List.of(Axis.POS, Axis.ONE),
      Exists.ALWAYS,
      false,
      "divisor of the norm before attention"),
  LN1_NORMALIZED(
      "blocks.{l}.ln1.hook_normalized",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "normed residual before gain and bias"),
  Q(
      "blocks.{l}.attn.hook_q",
      List.of(Axis.POS, Axis.HEAD, Axis.HEAD_DIM),
      Exists.ALWAYS,
      false,
      "queries, bias included, before rotation"),
  K(
      "blocks.{l}.attn.hook_k",
      List.of(Axis.POS, Axis.KV_HEAD, Axis.HEAD_DIM),
      Exists.ALWAYS,
      false,
      "keys of the new positions, bias included, before rotation"),
  V(
      "blocks.{l}.attn.hook_v",
      List.of(Axis.POS, Axis.KV_HEAD, Axis.HEAD_DIM),
      Exists.ALWAYS,
      false,
      "values of the new positions, bias included"),
  ROT_Q(
      "blocks.{l}.attn.hook_rot_q",
      List.of(Axis.POS, Axis.HEAD, Axis.HEAD_DIM),
      Exists.ROTARY,
      false,
      "queries after rotation"),
  ROT_K(
      "blocks.{l}.attn.hook_rot_k",
      List.of(Axis.POS, Axis.KV_HEAD, Axis.HEAD_DIM),
      Exists.ROTARY,
      false,
      "keys of the new positions after rotation"),
  ATTN_SCORES(
      "blocks.{l}.attn.hook_attn_scores",
      List.of(Axis.HEAD, Axis.QUERY, Axis.KEY),
      Exists.ALWAYS,
      false,
      "scaled scores, minus infinity where masked, before softmax"),
  PATTERN(
      "blocks.{l}.attn.hook_pattern",
      List.of(Axis.HEAD, Axis.QUERY, Axis.KEY),
      Exists.ALWAYS,
      false,
      "attention pattern: softmax of the scores over keys"),
  Z(
      "blocks.{l}.attn.hook_z",
      List.of(Axis.POS, Axis.HEAD, Axis.HEAD_DIM),
      Exists.ALWAYS,
      false,
      "each head's mix of values, before the output projection"),
  RESULT(
      "blocks.{l}.attn.hook_result",
      List.of(Axis.POS, Axis.HEAD, Axis.MODEL),
      Exists.ALWAYS,
      true,
      "each head's output in the residual stream, without bias"),
  ATTN_OUT(
      "blocks.{l}.hook_attn_out",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "what attention adds to the residual stream"),
  RESID_MID(
      "blocks.{l}.hook_resid_mid",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "residual stream between attention and MLP"),
  MLP_IN(
      "blocks.{l}.hook_mlp_in",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      true,
      "residual as the MLP's input, before ln2; the skip path is left alone"),
  LN2_SCALE(
      "blocks.{l}.ln2.hook_scale",
      List.of(Axis.POS, Axis.ONE),
      Exists.ALWAYS,
      false,
      "divisor of the norm before the MLP"),
  LN2_NORMALIZED(
      "blocks.{l}.ln2.hook_normalized",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "normed residual before gain and bias"),
  PRE(
      "blocks.{l}.mlp.hook_pre",
      List.of(Axis.POS, Axis.MLP),
      Exists.ALWAYS,
      false,
      "MLP before its activation (the gate branch where there is one)"),
  PRE_LINEAR(
      "blocks.{l}.mlp.hook_pre_linear",
      List.of(Axis.POS, Axis.MLP),
      Exists.GATED,
      false,
      "the branch of a gated MLP that is not activated"),
  POST(
      "blocks.{l}.mlp.hook_post",
      List.of(Axis.POS, Axis.MLP),
      Exists.ALWAYS,
      false,
      "MLP after its activation (and its gate)"),
  MLP_OUT(
      "blocks.{l}.hook_mlp_out",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "what the MLP adds to the residual stream"),
  RESID_POST(
      "blocks.{l}.hook_resid_post",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "residual stream leaving the block"),
  LN_FINAL_SCALE(
      "ln_final.hook_scale",
      List.of(Axis.POS, Axis.ONE),
      Exists.ALWAYS,
      false,
      "divisor of the final norm"),
  LN_FINAL_NORMALIZED(
      "ln_final.hook_normalized",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "final residual normed, before gain and bias"),
  UNEMBED_IN(
      "unembed.hook_in",
      List.of(Axis.POS, Axis.MODEL),
      Exists.ALWAYS,
      false,
      "input of the unembedding, after gain and bias"),
  UNEMBED_OUT("unembed.hook_out", List.of(Axis.POS, Axis.VOCAB), Exists.ALWAYS, false, "logits");

  /** The condition under which a model has a point. */
  public enum Exists {
    ALWAYS,
    LEARNED_POSITIONS,
    ROTARY,
    GATED
  }

  private final String template;
  private final List<Axis> axes;
  private final Exists exists;
  private final boolean optional;
  private final String meaning;

  Site(String template, List<Axis> axes, Exists exists, boolean optional, String meaning) {
    this.template = template;
    this.axes = axes;
    this.exists = exists;
    this.optional = optional;
    this.meaning = meaning;
  }

  /** The name with {@code {l}} for the layer. */
  public String template() {
    return template;
  }

  /** The axes of the value for one prompt, outermost first. */
  public List<Axis> axes() {
    return axes;
  }

  /** True for points that {@code *} leaves out and {@code optional:*} names. */
  public boolean optional() {
    return optional;
  }

  /** What the value is, in one line. */
  public String meaning() {
    return meaning;
  }

  /** True where each block has one. */
  public boolean inBlock() {
    return template.startsWith("blocks.");
  }

  /** True for scores and patterns, [head, query, key]. */
  public boolean overKeys() {
    return axes.contains(Axis.KEY);
  }

  /** The head axis, or null where there is none. */
  public @Nullable Axis headAxis() {
    return axes.contains(Axis.HEAD) ? Axis.HEAD : axes.contains(Axis.KV_HEAD) ? Axis.KV_HEAD : null;
  }

  /** Whether a model of this configuration has the point. */
  public boolean existsIn(DecoderConfig config) {
    return switch (exists) {
      case ALWAYS -> true;
      case LEARNED_POSITIONS -> config.positions() == DecoderConfig.Positions.LEARNED;
      case ROTARY -> config.positions() == DecoderConfig.Positions.ROTARY;
      case GATED -> config.mlp() == DecoderConfig.Mlp.SILU_GATED;
    };
  }
}
