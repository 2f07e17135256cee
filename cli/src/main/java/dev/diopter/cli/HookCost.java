package dev.diopter.cli;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Selection;
import java.util.Locale;

/**
 * The kinds of hooks whose cost {@code diopter bench} and the benchmarks measure, from none to
 * everything.
 */
public enum HookCost {
  /** No hooks. */
  NONE,
  /** One residual read. */
  ONE_READ,
  /** The residual stream read in front of and behind every block. */
  ALL_RESIDUALS,
  /** Every attention pattern read. */
  ALL_PATTERNS,
  /** Both. */
  RESIDUALS_AND_PATTERNS,
  /** Every default point read, logits of all positions included. */
  EVERYTHING,
  /** A function that leaves one residual as it is. */
  NO_OP_EDIT,
  /** One head set to zero. */
  HEAD_ABLATION,
  /** A function that does nothing at every default point. */
  CALLBACK_EVERYWHERE;

  /** The hooks, for a model with at least one block. */
  public HookPlan plan() {
    String patterns = "blocks.*.attn.hook_pattern";
    HookPlan.Builder plan = HookPlan.builder();
    return switch (this) {
      case NONE -> HookPlan.NONE;
      case ONE_READ -> HookPlan.reading("blocks.0.hook_resid_post");
      case ALL_RESIDUALS -> HookPlan.reading("blocks.*.hook_resid_pre", "blocks.*.hook_resid_post");
      case ALL_PATTERNS -> HookPlan.reading(patterns);
      case RESIDUALS_AND_PATTERNS ->
          HookPlan.reading("blocks.*.hook_resid_pre", "blocks.*.hook_resid_post", patterns);
      case EVERYTHING -> HookPlan.reading("*");
      case NO_OP_EDIT ->
          plan.function("blocks.0.hook_resid_post", Selection.ALL, view -> {}).build();
      case HEAD_ABLATION -> plan.zero("blocks.0.attn.hook_z", Selection.ALL.heads(0)).build();
      case CALLBACK_EVERYWHERE -> plan.function("*", Selection.ALL, view -> {}).build();
    };
  }

  /** Its name for people. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
