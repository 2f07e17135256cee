package dev.diopter.lens.attribution;

import dev.diopter.engine.UsageException;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.DecoderWeights;
import dev.diopter.models.OpenModel;
import dev.diopter.models.StoredTensor;
import dev.diopter.models.WeightProcessing;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The direction of the residual stream that is a logit, or the difference of two: {@code g * (u_a -
 * u_b)} with the final norm's gain g and rows u of the unembedding, less its own mean where the
 * norm takes means off. A component x adds {@code x . direction / s} to the logit, with the final
 * norm's divisor s of the run. Everything that a run adds, and {@code bias}, is the logit exactly;
 * which of it would have been enough by itself is another question, since s depends on all of it.
 *
 * <p>TransformerLens's {@code logit_attrs} on a model that is loaded with its default processing
 * gives the same numbers for differences of logits; for one logit they differ by the mean over the
 * vocabulary, which it takes off.
 */
public final class LogitDirection {
  private final WeightProcessing processing;
  private final double[] vector;
  private final double bias;

  private LogitDirection(WeightProcessing processing, double[] vector, double bias) {
    this.processing = processing;
    this.vector = vector;
    this.bias = bias;
  }

  /** The logit of a token. */
  public static LogitDirection of(OpenModel stored, int answer) {
    return of(stored, answer, null);
  }

  /**
   * The logit of a token, less that of another.
   *
   * @param stored a model whose weights are open and processed as in the runs; not closed here
   * @param wrong null for the logit of the answer alone
   * @throws UsageException for an id that the model does not have
   */
  public static LogitDirection of(OpenModel stored, int answer, @Nullable Integer wrong) {
    DecoderConfig config = stored.config();
    DecoderWeights weights = stored.weights();
    int width = config.width();
    StoredTensor head = weights.head() == null ? weights.tokenEmbedding() : weights.head();
    float[] right = row(head, answer, config);
    float[] left = wrong == null ? new float[width] : row(head, wrong, config);
    float[] gain = weights.finalNorm().gain().floats(0, width);
    StoredTensor shift = weights.finalNorm().bias();
    float[] normBias = shift == null ? new float[width] : shift.floats(0, width);
    double[] vector = new double[width];
    double bias = 0;
    double mean = 0;
    for (int i = 0; i < width; i++) {
      double difference = (double) right[i] - left[i];
      vector[i] = gain[i] * difference;
      bias += normBias[i] * difference;
      mean += vector[i] / width;
    }
    StoredTensor headBias = weights.headBias();
    if (headBias != null) {
      bias += headBias.floats(answer, 1)[0];
      bias -= wrong == null ? 0 : headBias.floats(wrong, 1)[0];
    }
    for (int i = 0; config.norm() == DecoderConfig.Norm.LAYER && i < width; i++) {
      vector[i] -= mean;
    }
    return new LogitDirection(stored.processing(), vector, bias);
  }

  private static float[] row(StoredTensor head, int id, DecoderConfig config) {
    if (id < 0 || id >= config.vocabulary()) {
      throw new UsageException(
          "token: expected an id from 0 to %d, got %d".formatted(config.vocabulary() - 1, id));
    }
    return head.floats((long) id * config.width(), config.width());
  }

  /** What the final norm's bias, and a bias of the head, add in every run. */
  public double bias() {
    return bias;
  }

  /**
   * What each component adds to the logit, with the final norm's divisor of the parts' run.
   *
   * @throws UsageException if the run was with weights that are processed otherwise
   */
  public Attribution attribute(ResidualStack stack, ResidualParts parts) {
    parts.requireProcessing(processing);
    float[] scale = parts.finalScale();
    int width = vector.length;
    double[] values = new double[stack.labels().size() * scale.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = dot(stack.values(), i * width) / scale[i % scale.length];
    }
    return new Attribution(stack.labels(), stack.positions(), values, bias);
  }

  /**
   * What each neuron of a block adds, without laying out vectors: its activation times what its row
   * of the output matrix adds.
   *
   * @throws UsageException if run, weights and direction are not of one processing
   */
  public Attribution neurons(ResidualParts parts, int layer, BlockWeights weights) {
    float[] scale = parts.finalScale();
    parts.requireProcessing(processing);
    parts.requireProcessing(weights.processing());
    float[] post = parts.activations(layer);
    float[] down = weights.down(layer);
    int neurons = post.length / scale.length;
    double[] values = new double[post.length];
    List<String> labels = new ArrayList<>();
    for (int n = 0; n < neurons; n++) {
      labels.add("L%dN%d".formatted(layer, n));
      double each = dot(down, n * vector.length);
      for (int p = 0; p < scale.length; p++) {
        values[n * scale.length + p] = post[p * neurons + n] * each / scale[p];
      }
    }
    return new Attribution(labels, parts.positions(), values, bias);
  }

  private double dot(float[] values, int from) {
    double sum = 0;
    for (int i = 0; i < vector.length; i++) {
      sum += values[from + i] * vector[i];
    }
    return sum;
  }
}
