package dev.diopter.engine;

import dev.diopter.models.DecoderConfig;

/** What an axis of a hook's array counts. */
public enum Axis {
  /** Positions of the sequence. */
  POS("pos"),
  /** Query positions of scores and patterns. */
  QUERY("query"),
  /**
   * Key positions of scores and patterns; key k exists for a query at position q where {@code k <=
   * q}.
   */
  KEY("key"),
  /** Query heads. */
  HEAD("head"),
  /** Key and value heads. */
  KV_HEAD("kv_head"),
  /** Width of one head. */
  HEAD_DIM("head_dim"),
  /** Width of the residual stream. */
  MODEL("model"),
  /** Hidden width of the MLP. */
  MLP("mlp"),
  /** Token ids. */
  VOCAB("vocab"),
  /** A single value. */
  ONE("1");

  private final String label;

  Axis(String label) {
    this.label = label;
  }

  /** The name used in shape templates. */
  public String label() {
    return label;
  }

  /** The size of this axis in a model, or -1 for axes that depend on the prompt. */
  public int size(DecoderConfig config) {
    return switch (this) {
      case POS, QUERY, KEY -> -1;
      case HEAD -> config.heads();
      case KV_HEAD -> config.keyValueHeads();
      case HEAD_DIM -> config.headDim();
      case MODEL -> config.width();
      case MLP -> config.mlpWidth();
      case VOCAB -> config.vocabulary();
      case ONE -> 1;
    };
  }
}
