package dev.diopter.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One pass, as a value: which prompts, which hooks, which part of the model, what to return.
 * Prompts of different lengths make a ragged batch; each gives the same bits as alone. Start with
 * {@link #of(Prompt...)} and refine.
 *
 * @param prompts what to run; behind kept keys and values, the new tokens only
 * @param plan reads and edits
 * @param logits which rows of logits to return
 * @param loss whether to compute the mean loss of the next tokens
 * @param start where to start instead of the embedding; null for the embedding
 * @param stopLayer block in front of which to stop; null to run to the end
 * @param prefixes kept keys and values to continue behind, one for each prompt; null for none
 * @param keepKeyValues whether the results hold their keys and values
 */
public record RunRequest(
    List<Prompt> prompts,
    HookPlan plan,
    Logits logits,
    boolean loss,
    @Nullable Start start,
    @Nullable Integer stopLayer,
    @Nullable List<KeyValueStore> prefixes,
    boolean keepKeyValues) {

  /**
   * A residual stream to start from.
   *
   * @param layer the block that it enters; the number of layers for the final norm; negative
   *     numbers count from the end
   * @param residuals one array [pos, width] for each prompt, copied when the run begins
   */
  public record Start(int layer, List<float[]> residuals) {
    public Start {
      residuals = List.copyOf(residuals);
    }
  }

  public RunRequest {
    if (prompts.isEmpty()) {
      throw new UsageException("expected at least one prompt, got none");
    }
    prompts = List.copyOf(prompts);
    prefixes = prefixes == null ? null : List.copyOf(prefixes);
    requireOneEach("residuals", start == null ? null : start.residuals(), prompts);
    requireOneEach("key/value stores", prefixes, prompts);
  }

  private static void requireOneEach(String what, @Nullable List<?> list, List<Prompt> prompts) {
    if (list != null && list.size() != prompts.size()) {
      throw new UsageException(
          "%s: expected one for each of %d prompts, got %d"
              .formatted(what, prompts.size(), list.size()));
    }
  }

  /** A whole pass over prompts, returning the last row of logits. */
  public static RunRequest of(Prompt... prompts) {
    return of(List.of(prompts));
  }

  /** A whole pass over prompts, returning the last row of logits. */
  public static RunRequest of(List<Prompt> prompts) {
    return new RunRequest(prompts, HookPlan.NONE, Logits.LAST, false, null, null, null, false);
  }

  /** With these reads and edits. */
  public RunRequest plan(HookPlan hooks) {
    return new RunRequest(prompts, hooks, logits, loss, start, stopLayer, prefixes, keepKeyValues);
  }

  /** Returning these rows of logits. */
  public RunRequest logits(Logits rows) {
    return new RunRequest(prompts, plan, rows, loss, start, stopLayer, prefixes, keepKeyValues);
  }

  /**
   * With the mean loss of the next tokens, natural logarithm; no rows of logits are kept for it.
   */
  public RunRequest withLoss() {
    return new RunRequest(prompts, plan, logits, true, start, stopLayer, prefixes, keepKeyValues);
  }

  /**
   * Starting at a block with the residual stream that enters it. Embedding and earlier blocks are
   * not run.
   */
  public RunRequest startAt(int layer, List<float[]> residuals) {
    return new RunRequest(
        prompts,
        plan,
        logits,
        loss,
        new Start(layer, residuals),
        stopLayer,
        prefixes,
        keepKeyValues);
  }

  /**
   * Stopping in front of a block, returning the residual stream that would enter it and no logits;
   * the number of layers stands for the end of the last block; negative numbers count from the end.
   */
  public RunRequest stopAt(int layer) {
    return new RunRequest(prompts, plan, Logits.NONE, false, start, layer, prefixes, keepKeyValues);
  }

  /**
   * Continuing behind what earlier runs kept, one store for each prompt; the stores are not
   * changed.
   */
  public RunRequest after(List<KeyValueStore> stores) {
    return new RunRequest(prompts, plan, logits, loss, start, stopLayer, stores, keepKeyValues);
  }

  /** With the keys and values in the results, to continue behind them. */
  public RunRequest keepingKeyValues() {
    return new RunRequest(prompts, plan, logits, loss, start, stopLayer, prefixes, true);
  }
}
