package dev.diopter.models;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a decoder's weights lie in its checkpoint, by role. Nothing is copied; valid while the
 * {@link Checkpoint} is open. Of a model whose weights are processed, what is processed lies on the
 * heap instead, and a layer is computed each time it is asked for.
 *
 * @param tokenEmbedding [vocabulary, width]
 * @param positionEmbedding [contextLength, width]; null for rotary positions
 * @param layers one for each block
 * @param finalNorm the norm before the unembedding
 * @param head unembedding [vocabulary, width]; null where it is the token embedding
 * @param headBias its bias [vocabulary]; null where there is none, as in every stored model
 */
public record DecoderWeights(
    StoredTensor tokenEmbedding,
    @Nullable StoredTensor positionEmbedding,
    List<Layer> layers,
    Norm finalNorm,
    @Nullable StoredTensor head,
    @Nullable StoredTensor headBias) {

  /**
   * One block.
   *
   * @param gate the gate branch of a gated MLP; null for a plain one
   * @param up the MLP's input projection (for a gated MLP the branch that is not activated)
   * @param down the MLP's output projection
   */
  public record Layer(
      Norm norm1,
      Projection query,
      Projection key,
      Projection value,
      Projection output,
      Norm norm2,
      @Nullable Projection gate,
      Projection up,
      Projection down) {}

  /** Gain and, for LayerNorm, bias, [width]. */
  public record Norm(StoredTensor gain, @Nullable StoredTensor bias) {}

  /**
   * A linear map {@code y = x W + b}. Element (i, o) of W is element {@code offset + i * inStride +
   * o * outStride} of the tensor, so that both layouts of the published checkpoints and a band of a
   * fused matrix are the same thing.
   *
   * @param bias element {@code biasOffset + o} belongs to output o; null where the model has none
   */
  public record Projection(
      StoredTensor weight,
      long offset,
      int in,
      int out,
      long inStride,
      long outStride,
      @Nullable StoredTensor bias,
      int biasOffset) {

    /** W as float32, [in, out]; a copy. */
    public float[] matrix() {
      float[] matrix = new float[Math.multiplyExact(in, out)];
      for (int i = 0; i < in; i++) {
        for (int o = 0; o < out; o++) {
          matrix[i * out + o] = weight.value(offset + i * inStride + o * outStride);
        }
      }
      return matrix;
    }
  }
}
