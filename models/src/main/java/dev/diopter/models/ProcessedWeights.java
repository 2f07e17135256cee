package dev.diopter.models;

import dev.diopter.models.DecoderWeights.Layer;
import dev.diopter.models.DecoderWeights.Norm;
import dev.diopter.models.DecoderWeights.Projection;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/**
 * TransformerLens's weight processing as a function from weights to weights. With norms {@code (x -
 * mean) / s * g + b} and maps {@code y = x W + c}, in this order:
 *
 * <pre>
 * fold_ln                 reading W, c (query, key, value, MLP input, head):
 *                         c += b W; W[i, o] *= g[i]; LayerNorm: W[i, o] -= mean over i; g = 1, b = 0
 * center_writing_weights  embeddings, attention output, MLP output: W[i, o] -= mean over o; c -= mean(c)
 * center_unembed          head: W[i, v] -= mean over v; c -= mean(c)
 * fold_value_biases       c_output += c_value W_output, key/value heads repeated for their query
 *                         heads; c_value = 0
 * </pre>
 *
 * <p>What is new is computed in double, rounded to float32 once, and held on the heap; what no step
 * touches stays as it is stored. A norm without gain and bias is one whose gain is 1.
 */
final class ProcessedWeights {
  private final DecoderConfig config;
  private final boolean foldNorms;
  private final boolean centreReading;
  private final boolean centreWriting;
  private final boolean centreHead;
  private final boolean foldValueBiases;

  private ProcessedWeights(DecoderConfig config, WeightProcessing processing) {
    this.config = config;
    this.foldNorms = processing.has(ProcessingStep.FOLD_LN);
    this.centreReading = config.norm() == DecoderConfig.Norm.LAYER;
    this.centreWriting = processing.has(ProcessingStep.CENTER_WRITING_WEIGHTS);
    this.centreHead = processing.has(ProcessingStep.CENTER_UNEMBED);
    this.foldValueBiases = processing.has(ProcessingStep.FOLD_VALUE_BIASES);
  }

  /**
   * Applies steps that are applicable.
   *
   * @return weights whose layers are computed anew each time they are asked for, so that only one
   *     need be held at a time
   */
  static DecoderWeights of(
      DecoderConfig config, DecoderWeights weights, WeightProcessing processing) {
    ProcessedWeights to = new ProcessedWeights(config, processing);
    StoredTensor positions = weights.positionEmbedding();
    StoredTensor head = weights.head() == null ? weights.tokenEmbedding() : weights.head();
    StoredTensor headBias = weights.headBias();
    if (to.foldNorms || to.centreHead) {
      FoldedMatrix matrix = FoldedMatrix.ofHead(head);
      double[] bias = headBias == null ? null : doubles(headBias, 0, config.vocabulary());
      bias = to.reading(matrix, bias, weights.finalNorm());
      if (to.centreHead) {
        matrix.centreOutputs();
        bias = centred(bias);
      }
      head = matrix.rounded();
      headBias = bias == null ? null : FoldedMatrix.vector(head.name() + ".bias", bias);
    }
    boolean stillTied =
        weights.head() == null && !to.centreWriting && !to.foldNorms && !to.centreHead;
    return new DecoderWeights(
        to.table(weights.tokenEmbedding()),
        positions == null ? null : to.table(positions),
        to.layers(weights.layers()),
        to.norm(weights.finalNorm()),
        stillTied ? null : head,
        headBias);
  }

  /** Layers that are computed when they are asked for. */
  private List<Layer> layers(List<Layer> stored) {
    if (!foldNorms && !centreWriting && !foldValueBiases) {
      return stored;
    }
    class Processed extends AbstractList<Layer> implements RandomAccess {
      @Override
      public Layer get(int index) {
        return layer(stored.get(index));
      }

      @Override
      public int size() {
        return stored.size();
      }
    }
    return new Processed();
  }

  private Layer layer(Layer stored) {
    Projection value = stored.value();
    double[] valueBias = bias(value);
    if (foldNorms) {
      FoldedMatrix matrix = FoldedMatrix.of(value);
      valueBias = reading(matrix, valueBias, stored.norm1());
      value = matrix.rounded(foldValueBiases ? null : valueBias);
    } else if (foldValueBiases) {
      value = withBias(value, null);
    }
    return new Layer(
        norm(stored.norm1()),
        reading(stored.query(), stored.norm1()),
        reading(stored.key(), stored.norm1()),
        value,
        writing(stored.output(), foldValueBiases ? valueBias : null),
        norm(stored.norm2()),
        stored.gate() == null ? null : reading(stored.gate(), stored.norm2()),
        reading(stored.up(), stored.norm2()),
        writing(stored.down(), null));
  }

  /** What reads the residual stream behind a norm. */
  private Projection reading(Projection stored, Norm norm) {
    if (!foldNorms) {
      return stored;
    }
    FoldedMatrix matrix = FoldedMatrix.of(stored);
    return matrix.rounded(reading(matrix, bias(stored), norm));
  }

  /** Folds a norm into a matrix; returns the new bias. */
  private double @Nullable [] reading(FoldedMatrix matrix, double @Nullable [] bias, Norm norm) {
    if (!foldNorms) {
      return bias;
    }
    int width = config.width();
    double[] sum = bias;
    if (norm.bias() != null) {
      sum = sum(bias, matrix.times(doubles(norm.bias(), 0, width)));
    }
    matrix.multiply(doubles(norm.gain(), 0, width));
    if (centreReading) {
      matrix.centreInputs();
    }
    return sum;
  }

  /** What writes to the residual stream. */
  private Projection writing(Projection stored, double @Nullable [] valueBias) {
    if (!centreWriting && valueBias == null) {
      return stored;
    }
    FoldedMatrix matrix = FoldedMatrix.of(stored);
    double[] bias = bias(stored);
    if (centreWriting) {
      matrix.centreOutputs();
      bias = centred(bias);
    }
    if (valueBias != null) {
      bias = sum(bias, matrix.times(byQueryHead(valueBias)));
    }
    return centreWriting ? matrix.rounded(bias) : withBias(stored, bias);
  }

  /** Biases of key/value heads, repeated for the query heads that share them. */
  private double[] byQueryHead(double[] bias) {
    int d = config.headDim();
    int group = config.heads() / config.keyValueHeads();
    double[] repeated = new double[config.heads() * d];
    for (int h = 0; h < config.heads(); h++) {
      System.arraycopy(bias, h / group * d, repeated, h * d, d);
    }
    return repeated;
  }

  /** An embedding, which writes to the residual stream as well. */
  private StoredTensor table(StoredTensor stored) {
    if (!centreWriting) {
      return stored;
    }
    FoldedMatrix matrix = FoldedMatrix.ofRows(stored);
    matrix.centreOutputs();
    return matrix.rounded();
  }

  private Norm norm(Norm stored) {
    if (!foldNorms) {
      return stored;
    }
    double[] ones = new double[config.width()];
    Arrays.fill(ones, 1);
    return new Norm(FoldedMatrix.vector(stored.gain().name(), ones), null);
  }

  private static Projection withBias(Projection p, double @Nullable [] bias) {
    return new Projection(
        p.weight(),
        p.offset(),
        p.in(),
        p.out(),
        p.inStride(),
        p.outStride(),
        bias == null ? null : FoldedMatrix.vector(p.weight().name() + ".bias", bias),
        0);
  }

  private static double @Nullable [] bias(Projection projection) {
    StoredTensor bias = projection.bias();
    return bias == null ? null : doubles(bias, projection.biasOffset(), projection.out());
  }

  private static double[] doubles(StoredTensor tensor, int from, int count) {
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      values[i] = tensor.value(from + i);
    }
    return values;
  }

  private static double[] sum(double @Nullable [] a, double[] b) {
    for (int i = 0; a != null && i < b.length; i++) {
      b[i] += a[i];
    }
    return b;
  }

  private static double @Nullable [] centred(double @Nullable [] bias) {
    if (bias != null) {
      double mean = Arrays.stream(bias).average().orElse(0);
      Arrays.setAll(bias, i -> bias[i] - mean);
    }
    return bias;
  }
}
