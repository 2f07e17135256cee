package dev.diopter.models;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides what a decoder computes, whichever family its checkpoint came from. Made
 * from a GPT-2 or Llama {@code config.json}; after that no code asks which family it is.
 *
 * @param architecture {@code gpt2} or {@code llama}, for people and saved results only
 * @param layers number of blocks
 * @param width size of the residual stream
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headDim width of one head
 * @param mlpWidth hidden size of the MLP
 * @param vocabulary number of token ids
 * @param contextLength most positions that a prompt may have
 * @param norm which normalisation
 * @param normEpsilon its epsilon
 * @param positions learned or rotary
 * @param rotary rotary parameters; null for learned positions
 * @param mlp plain GELU or gated SiLU
 * @param attentionScale factor on query times key
 * @param scaleByLayer true where layer l divides its scores by l + 1 as well
 * @param tiedHead true where the unembedding is the token embedding
 * @param bosId id that opens a text; null where the model has none
 * @param eosIds ids that end a text
 */
public record DecoderConfig(
    String architecture,
    int layers,
    int width,
    int heads,
    int keyValueHeads,
    int headDim,
    int mlpWidth,
    int vocabulary,
    int contextLength,
    Norm norm,
    float normEpsilon,
    Positions positions,
    @Nullable Rotary rotary,
    Mlp mlp,
    float attentionScale,
    boolean scaleByLayer,
    boolean tiedHead,
    @Nullable Integer bosId,
    Set<Integer> eosIds) {

  /** The same with another number of blocks. */
  DecoderConfig withLayers(int count) {
    return with(count, tiedHead);
  }

  /** The normalisation before attention, MLP and unembedding. */
  public enum Norm {
    LAYER,
    RMS
  }

  /** How a row knows its position. */
  public enum Positions {
    LEARNED,
    ROTARY
  }

  /** The MLP's form. */
  public enum Mlp {
    /** {@code gelu_tanh(x W_in + b_in) W_out + b_out}. */
    GELU_TANH,
    /** {@code (silu(x W_gate) * (x W_in)) W_out}. */
    SILU_GATED
  }

  /**
   * Rotary embedding: pairs (i, i + headDim / 2) turn by position times {@code
   * inverseFrequencies[i]}, scaling already applied.
   *
   * @param kind {@code default}, {@code linear} or {@code llama3}
   * @param inverseFrequencies one for each pair, [headDim / 2]; not to be changed
   */
  public record Rotary(String kind, double[] inverseFrequencies) {}

  /** The same with a head of its own. */
  DecoderConfig untied() {
    return with(layers, false);
  }

  private DecoderConfig with(int count, boolean tied) {
    return new DecoderConfig(
        architecture,
        count,
        width,
        heads,
        keyValueHeads,
        headDim,
        mlpWidth,
        vocabulary,
        contextLength,
        norm,
        normEpsilon,
        positions,
        rotary,
        mlp,
        attentionScale,
        scaleByLayer,
        tied,
        bosId,
        eosIds);
  }
}
