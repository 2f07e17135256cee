package dev.diopter.lens.attribution;

import dev.diopter.models.DecoderConfig;
import dev.diopter.models.DecoderWeights;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import org.jspecify.annotations.Nullable;

/** What attribution needs of a stored model's weights; valid while the model is open. */
public final class BlockWeights {
  private final DecoderConfig config;
  private final DecoderWeights weights;
  private final WeightProcessing processing;
  private int layer = -1;
  private float[] down = {};

  /** Of a model whose weights are open; not closed here. */
  public BlockWeights(OpenModel stored) {
    this.config = stored.config();
    this.weights = stored.weights();
    this.processing = stored.processing();
  }

  WeightProcessing processing() {
    return processing;
  }

  /** The MLP's output matrix of a block, [neuron, width]; the last one is kept. */
  float[] down(int of) {
    if (of != layer) {
      down = weights.layers().get(of).down().matrix();
      layer = of;
    }
    return down;
  }

  /**
   * The sum of the output biases of attention, and of MLPs too where asked, in front of a block.
   */
  float[] bias(int before, boolean mlps) {
    float[] sum = new float[config.width()];
    for (int l = 0; l < before; l++) {
      add(sum, weights.layers().get(l).output());
      if (mlps) {
        add(sum, weights.layers().get(l).down());
      }
    }
    return sum;
  }

  private static void add(float[] sum, DecoderWeights.@Nullable Projection projection) {
    if (projection != null && projection.bias() != null) {
      float[] bias = projection.bias().floats(projection.biasOffset(), sum.length);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += bias[i];
      }
    }
  }
}
