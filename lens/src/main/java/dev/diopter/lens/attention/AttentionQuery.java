package dev.diopter.lens.attention;

import org.jspecify.annotations.Nullable;

/**
 * What is asked of a head, as a value.
 *
 * @param head which head
 * @param mode what its weights are compared with
 * @param sinks which keys NO_SINK leaves out
 * @param sampling which tokens are looked at
 * @param filter which entries are wanted; null for all
 * @param order how they are ranked
 * @param padId COMPAT's padding; null for the model's end-of-text id, as TransformerLens has it
 */
public record AttentionQuery(
    HeadId head,
    ScoreMode mode,
    SinkSet sinks,
    Sampling sampling,
    @Nullable TokenFilter filter,
    EntryOrder order,
    @Nullable Integer padId) {

  /** The defaults: NO_SINK, the first token a sink, everything above 1. */
  public static AttentionQuery of(HeadId head) {
    return new AttentionQuery(
        head, ScoreMode.NO_SINK, SinkSet.FIRST, Sampling.DEFAULT, null, EntryOrder.EXACT, null);
  }

  /** With another mode and its order. */
  public AttentionQuery mode(ScoreMode other) {
    return new AttentionQuery(head, other, sinks, sampling, filter, EntryOrder.of(other), padId);
  }

  /** With other sinks. */
  public AttentionQuery sinks(SinkSet other) {
    return new AttentionQuery(head, mode, other, sampling, filter, order, padId);
  }

  /** With another choice of tokens. */
  public AttentionQuery sampling(Sampling other) {
    return new AttentionQuery(head, mode, sinks, other, filter, order, padId);
  }

  /** With a filter, or none. */
  public AttentionQuery filter(@Nullable TokenFilter other) {
    return new AttentionQuery(head, mode, sinks, sampling, other, order, padId);
  }

  /** With another order. */
  public AttentionQuery order(EntryOrder other) {
    return new AttentionQuery(head, mode, sinks, sampling, filter, other, padId);
  }

  /** With another padding for COMPAT. */
  public AttentionQuery padId(@Nullable Integer id) {
    return new AttentionQuery(head, mode, sinks, sampling, filter, order, id);
  }
}
