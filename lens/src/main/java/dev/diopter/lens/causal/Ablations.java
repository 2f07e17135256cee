package dev.diopter.lens.causal;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Operation;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Hook plans that take something away behind a block. What takes its place depends on the rows of
 * all prompts, so the blocks up to that one are run once for the plan, and the plan holds for these
 * prompts in this order.
 */
public final class Ablations {
  private Ablations() {}

  /** What a block's contribution is averaged over, or drawn from. */
  public enum Over {
    /** The same position of the other prompts, which must be equally long. */
    PROMPTS,
    /** All positions of all prompts. */
    TOKENS
  }

  /**
   * Without a subspace of what leaves a block.
   *
   * @param layer block, from 0
   * @param seed of {@link Ablation#RESAMPLE}
   */
  public static HookPlan subspace(
      Model model, List<Prompt> prompts, int layer, Subspace subspace, Ablation how, long seed) {
    Objects.checkIndex(layer, model.config().layers());
    if (subspace.width() != model.config().width()) {
      throw new UsageException(
          "expected a subspace of %d numbers for %s, got one of %d"
              .formatted(model.config().width(), model.name(), subspace.width()));
    }
    List<RunResult> runs = model.run(RunRequest.of(prompts).stopAt(layer + 1));
    float[] rows =
        Alignment.joined(runs.stream().map(r -> Objects.requireNonNull(r.residual())).toList());
    return replacing(prompts, layer, model.config().width(), subspace.remove(rows, how, seed));
  }

  /**
   * Without what a block adds to the stream: zero, the mean, or another row's in its place.
   *
   * @param layer block, from 0
   * @param over where mean and other rows come from
   * @param seed of {@link Ablation#RESAMPLE}
   */
  public static HookPlan layer(
      Model model, List<Prompt> prompts, int layer, Ablation how, Over over, long seed) {
    Objects.checkIndex(layer, model.config().layers());
    int width = model.config().width();
    int length = prompts.getFirst().length();
    boolean byPosition = over == Over.PROMPTS && how != Ablation.ZERO;
    if (byPosition && prompts.stream().anyMatch(p -> p.length() != length)) {
      throw new UsageException(
          "layer ablation over prompts: expected prompts of one length, got %s"
              .formatted(prompts.stream().map(Prompt::length).toList()));
    }
    String in = "blocks.%d.hook_resid_pre".formatted(layer);
    List<RunResult> runs =
        model.run(RunRequest.of(prompts).plan(HookPlan.reading(in)).stopAt(layer + 1));
    float[] before = Alignment.joined(runs.stream().map(r -> r.activation(in).values()).toList());
    float[] after =
        Alignment.joined(runs.stream().map(r -> Objects.requireNonNull(r.residual())).toList());
    float[] added = new float[after.length];
    for (int i = 0; i < added.length; i++) {
      added[i] = after[i] - before[i];
    }
    // Rows of a whole prompt each are exchanged together, and averaged position by position.
    float[] substitutes = how.substitutes(added, byPosition ? length * width : width, seed);
    for (int i = 0; i < substitutes.length; i++) {
      substitutes[i] += before[i];
    }
    return replacing(prompts, layer, width, substitutes);
  }

  private static HookPlan replacing(List<Prompt> prompts, int layer, int width, float[] rows) {
    HookPlan.Builder plan = HookPlan.builder();
    int at = 0;
    for (int s = 0; s < prompts.size(); s++) {
      int size = prompts.get(s).length() * width;
      plan.replace(
          "blocks.%d.hook_resid_post".formatted(layer),
          Selection.ALL.sequences(s),
          new Operation.Value(
              new int[] {prompts.get(s).length(), width}, Arrays.copyOfRange(rows, at, at + size)));
      at += size;
    }
    return plan.build();
  }
}
