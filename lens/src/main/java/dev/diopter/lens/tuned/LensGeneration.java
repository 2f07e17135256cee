package dev.diopter.lens.tuned;

import dev.diopter.engine.EarlyExit;
import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.GenerationResult;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import java.util.List;
import java.util.Objects;

/**
 * Text as one layer would write it: each next token is decoded from what a lens makes of the last
 * position's stream at that layer. A prompt is run once, then one row a step on kept keys and
 * values, and the blocks behind the layer not at all. The same bits as running everything anew at
 * each step. Thread safe as the model is.
 */
public final class LensGeneration {
  private final Model model;
  private final EarlyExit exit;

  /**
   * At a layer.
   *
   * @param layer block, from 0
   * @throws dev.diopter.models.ModelException if the lens is for other processing
   */
  public LensGeneration(Model model, Lens lens, int layer) {
    LensFit.require(lens, model);
    Objects.checkIndex(layer, lens.layers());
    Unembedding unembedding = new Unembedding(model);
    this.model = model;
    this.exit =
        new EarlyExit(
            lens.site().hook(layer), row -> unembedding.logits(lens.transform(layer, row)));
  }

  /** Continues prompts, each with the same bits as alone. */
  public List<GenerationResult> generate(List<Prompt> prompts, GenerationOptions options) {
    return generate(prompts, options, HookPlan.NONE, GenerationListener.NONE);
  }

  /**
   * Continues prompts with reads and edits at the steps that they name.
   *
   * @return results whose steps hold the lens's stream, too
   */
  public List<GenerationResult> generate(
      List<Prompt> prompts, GenerationOptions options, HookPlan plan, GenerationListener listener) {
    return model.generate(prompts, exit, options, plan, listener);
  }
}
