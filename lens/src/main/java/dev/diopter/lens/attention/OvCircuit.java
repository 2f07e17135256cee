package dev.diopter.lens.attention;

import dev.diopter.models.DecoderConfig;
import dev.diopter.models.DecoderWeights;
import dev.diopter.models.OpenModel;
import dev.diopter.models.StoredTensor;
import java.util.function.IntConsumer;

/**
 * Whether a head copies: the signs of the eigenvalues of its full OV circuit, from token to logit
 * (Elhage and others, A Mathematical Framework for Transformer Circuits, 2021). The circuit is
 * {@code W_E N1 W_V W_O N2 W_U}, where N1 and N2 are the gains of the norms in front of the block
 * and of the unembedding, with the centring of a LayerNorm; what a norm divides by is positive and
 * left out. It is vocabulary x vocabulary, but its eigenvalues other than 0 are those of {@code W_O
 * N2 (W_U W_E) N1 W_V}, which has the size of the head.
 *
 * <p>The score is {@code sum of eigenvalues / sum of their absolute values}: 1 where every
 * direction raises its own tokens, -1 where it lowers them, about 0 for a head that does neither.
 * Position embeddings, biases and the MLPs are no part of it.
 */
public final class OvCircuit {
  /** Rows of the embeddings that are multiplied at once; they stay in a core's cache. */
  private static final int ROWS = 64;

  private OvCircuit() {}

  /**
   * The copying score of every head.
   *
   * @param stored a model whose weights are open; not closed here
   * @param layersDone hears how many layers are done
   * @return [layer][head]; NaN for a head whose circuit is 0
   */
  public static double[][] copyingScores(OpenModel stored, IntConsumer layersDone) {
    DecoderConfig config = stored.config();
    DecoderWeights weights = stored.weights();
    boolean centred = config.norm() == DecoderConfig.Norm.LAYER;
    int width = config.width();
    int dim = config.headDim();
    double[][] tokens = unembeddingTimesEmbedding(weights, width);
    float[] finalGain = weights.finalNorm().gain().floats(0, width);
    double[][] scores = new double[config.layers()][config.heads()];
    for (int l = 0; l < scores.length; l++) {
      DecoderWeights.Layer layer = weights.layers().get(l);
      double[][] values = rows(layer.value().matrix(), width);
      normalise(values, layer.norm1().gain().floats(0, width), centred);
      double[][] through = times(tokens, 0, width, values, 0, values[0].length);
      normalise(through, finalGain, centred);
      double[][] output = rows(layer.output().matrix(), config.heads() * dim);
      for (int h = 0; h < config.heads(); h++) {
        int keyValueHead = h / (config.heads() / config.keyValueHeads());
        scores[l][h] = score(times(output, h * dim, dim, through, keyValueHead * dim, dim));
      }
      layersDone.accept(l + 1);
    }
    return scores;
  }

  /** Eigenvalues' sum, which is the trace, over the sum of their absolute values. */
  static double score(double[][] matrix) {
    double[][] eigenvalues = Eigenvalues.of(matrix);
    double sum = 0;
    double absolute = 0;
    for (int i = 0; i < matrix.length; i++) {
      sum += eigenvalues[0][i];
      absolute += Math.hypot(eigenvalues[0][i], eigenvalues[1][i]);
    }
    return sum / absolute;
  }

  /** [width][width]: element (i, j) is the sum over all tokens v of U[v,i] E[v,j]. */
  private static double[][] unembeddingTimesEmbedding(DecoderWeights weights, int width) {
    StoredTensor embedding = weights.tokenEmbedding();
    StoredTensor ownHead = weights.head();
    int vocabulary = embedding.shape().getFirst();
    double[][] product = new double[width][width];
    for (int from = 0; from < vocabulary; from += ROWS) {
      int count = Math.min(ROWS, vocabulary - from);
      float[] e = embedding.floats((long) from * width, count * width);
      float[] u = ownHead == null ? e : ownHead.floats((long) from * width, count * width);
      for (int i = 0; i < width; i++) {
        // The few rows are summed in float32, which a machine adds many of at once.
        float[] part = new float[width];
        int first = ownHead == null ? i : 0;
        for (int v = 0; v < count; v++) {
          float factor = u[v * width + i];
          int at = v * width;
          for (int j = first; j < width; j++) {
            part[j] += factor * e[at + j];
          }
        }
        for (int j = first; j < width; j++) {
          product[i][j] += part[j];
        }
      }
    }
    for (int i = 0; ownHead == null && i < width; i++) {
      for (int j = 0; j < i; j++) {
        product[i][j] = product[j][i]; // With one matrix for both, the product is symmetric.
      }
    }
    return product;
  }

  /** Multiplies row i by gain i; then, where the norm centres, takes each column's mean off. */
  private static void normalise(double[][] matrix, float[] gain, boolean centred) {
    int columns = matrix[0].length;
    double[] means = new double[columns];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < columns; j++) {
        matrix[i][j] *= gain[i];
        means[j] += matrix[i][j] / matrix.length;
      }
    }
    if (centred) {
      for (double[] row : matrix) {
        for (int j = 0; j < columns; j++) {
          row[j] -= means[j];
        }
      }
    }
  }

  private static double[][] rows(float[] matrix, int rows) {
    int columns = matrix.length / rows;
    double[][] out = new double[rows][columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        out[i][j] = matrix[i * columns + j];
      }
    }
    return out;
  }

  /** Some rows of a times some columns of b. */
  private static double[][] times(
      double[][] a, int row, int rows, double[][] b, int column, int columns) {
    double[][] out = new double[rows][columns];
    for (int i = 0; i < rows; i++) {
      double[] left = a[row + i];
      for (int k = 0; k < b.length; k++) {
        double factor = left[k];
        double[] right = b[k];
        for (int j = 0; j < columns; j++) {
          out[i][j] += factor * right[column + j];
        }
      }
    }
    return out;
  }
}
