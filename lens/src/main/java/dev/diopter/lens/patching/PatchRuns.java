package dev.diopter.lens.patching;

import dev.diopter.engine.Activation;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.KeyValueStore;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * The run that is patched and the run whose values are put in, with what sweeps need of both.
 *
 * @param model what runs
 * @param prompt the prompt that is patched
 * @param base its run
 * @param source the other run
 */
record PatchRuns(Model model, Prompt prompt, RunResult base, RunResult source) {

  /**
   * Runs both prompts as one batch.
   *
   * @param hooks what is read of both beside the residual streams
   */
  static PatchRuns of(Model model, Prompt base, Prompt source, List<String> hooks) {
    HookPlan.Builder plan = HookPlan.builder().read("blocks.*.hook_resid_pre");
    plan.read(post(model));
    hooks.stream()
        .filter(h -> !h.equals("blocks.*.hook_resid_pre") && !h.equals(post(model)))
        .distinct()
        .forEach(plan::read);
    List<RunResult> runs =
        model.run(RunRequest.of(base, source).plan(plan.build()).keepingKeyValues());
    return new PatchRuns(model, base, runs.getFirst(), runs.getLast());
  }

  private static String post(Model model) {
    return "blocks.%d.hook_resid_post".formatted(model.config().layers() - 1);
  }

  int length() {
    return prompt.length();
  }

  int layers() {
    return model.config().layers();
  }

  KeyValueStore store() {
    return Objects.requireNonNull(base.keyValues());
  }

  /** Where the stream in front of a block is read; the number of layers for the final norm. */
  String streamHook(int layer) {
    return layer < layers() ? "blocks.%d.hook_resid_pre".formatted(layer) : post(model);
  }

  /** The base run's stream in front of a block, [pos, width]; not to be changed. */
  float[] stream(int layer) {
    return base.activation(streamHook(layer)).values();
  }

  /** A copy of the base run's stream from a position on. */
  float[] streamFrom(int layer, int position) {
    float[] all = stream(layer);
    return Arrays.copyOfRange(all, position * model.config().width(), all.length);
  }

  Activation baseValue(String hook) {
    return base.activation(hook);
  }

  Activation sourceValue(String hook) {
    return source.activation(hook);
  }
}
