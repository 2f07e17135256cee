package dev.diopter.lens.patchscope;

import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.GenerationResult;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.KeyValueStore;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.engine.Steps;
import dev.diopter.models.ModelException;
import java.util.ArrayList;
import java.util.List;

/** What patched passes go on to say, all together. Run once. */
final class Continuation {
  private static final String LOGITS = "unembed.hook_out";

  private final Model model;
  private final List<Resolved> patches;
  private final float[][][] vectors;
  private final boolean allSteps;
  private long passes;

  Continuation(Model model, List<Resolved> patches, float[][][] vectors, boolean allSteps) {
    this.model = model;
    this.patches = patches;
    this.vectors = vectors;
    this.allSteps = allSteps;
  }

  /**
   * New tokens of a patch.
   *
   * @param logits the row of logits behind each, where they are wanted
   */
  record Tokens(int[] ids, List<float[]> logits) {
    static final Tokens NONE = new Tokens(new int[0], List.of());
  }

  /** Tokens that went through the model. */
  long passes() {
    return passes;
  }

  /**
   * Generates.
   *
   * @param stores keys and values of each prompt pass
   * @param last the last row of logits of each prompt pass
   */
  List<Tokens> run(List<KeyValueStore> stores, float[][] last) {
    Target target = patches.getFirst().patch().target();
    List<Tokens> tokens = new ArrayList<>();
    List<KeyValueStore> after = new ArrayList<>();
    List<Prompt> next = new ArrayList<>();
    List<Integer> owners = new ArrayList<>();
    for (int i = 0; i < last.length; i++) {
      int id = first(last[i]);
      List<float[]> logits = new ArrayList<>();
      if (allSteps) {
        logits.add(last[i]);
      }
      tokens.add(new Tokens(new int[] {id}, logits));
      boolean ended = model.config().eosIds().contains(id) && !target.ignoreEos();
      if (target.newTokens() > 1 && !ended) {
        after.add(stores.get(i));
        next.add(Prompt.ofIds(id));
        owners.add(i);
      }
    }
    if (owners.isEmpty()) {
      return tokens;
    }
    GenerationOptions greedy = GenerationOptions.greedy(target.newTokens() - 1);
    GenerationOptions options = target.ignoreEos() ? greedy.ignoringEos() : greedy;
    List<GenerationResult> results =
        model.generateAfter(after, next, options, hooks(owners), GenerationListener.NONE);
    for (int s = 0; s < results.size(); s++) {
      int[] more = results.get(s).ids();
      Tokens own = tokens.get(owners.get(s));
      int[] ids = new int[more.length + 1];
      ids[0] = own.ids()[0];
      System.arraycopy(more, 0, ids, 1, more.length);
      if (allSteps) {
        for (RunResult step : results.get(s).steps()) {
          own.logits().add(step.activation(LOGITS).values());
        }
      }
      tokens.set(owners.get(s), new Tokens(ids, own.logits()));
      passes += more.length;
    }
    return tokens;
  }

  private HookPlan hooks(List<Integer> owners) {
    HookPlan.Builder hooks = HookPlan.builder();
    if (allSteps) {
      hooks.read(LOGITS, Selection.ALL.steps(Steps.ALL));
    }
    for (int s = 0; s < owners.size(); s++) {
      Resolved patch = patches.get(owners.get(s));
      Schedule schedule = patch.patch().target().schedule();
      if (!schedule.later()) {
        continue;
      }
      Slots to = patch.to();
      Selection where = Selection.ALL.sequences(s).steps(schedule.behind());
      float[] vector = vectors[owners.get(s)][0];
      String site = to.site(model.config().layers());
      if (to.onHeads()) {
        int[] heads = java.util.Arrays.stream(to.heads()).distinct().toArray();
        hooks.replaceRows(site, where.heads(heads), vector);
      } else {
        hooks.replaceRows(site, where, vector);
      }
    }
    return hooks.build();
  }

  private static int first(float[] logits) {
    for (float logit : logits) {
      if (Float.isNaN(logit)) {
        throw new ModelException(
            "the logits of step 0 are NaN, so no token can be chosen: look at the mapping and the weights");
      }
    }
    return LogProbabilities.top(logits, 1)[0];
  }
}
