package dev.diopter.lens.tuned;

import dev.diopter.engine.FinalNorm;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.numeric.Lbfgs;
import dev.diopter.lens.numeric.Minimum;
import dev.diopter.lens.numeric.SymmetricEigen;
import dev.diopter.models.DecoderConfig;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The approximate inverse of final norm and head: residual vectors whose distributions come nearest
 * to given ones, by the mean divergence {@code sum p (log p - log q)}. Starts where the head's
 * pseudo-inverse puts the logits less their mean (they count up to a constant), which for logits of
 * the model itself is the end already, and goes down by L-BFGS. Logits of minus infinity are
 * probabilities of 0.
 *
 * <p>All in double, with the head held in memory; meant for few rows. Immutable.
 */
public final class Inversion {
  /** Eigenvalues below this share of the largest are none. */
  private static final double NEGLIGIBLE = 1e-10;

  /** How far below the least possible token an impossible one is put to begin with. */
  private static final double IMPOSSIBLE = 10;

  private final int width;
  private final int vocabulary;
  private final float[] head;
  private final float @Nullable [] headBias;
  private final FinalNorm norm;
  private final double[] headMean;
  private final double[] inverse; // of the centred head's W^T W, [width, width]

  /** Of a model, whose head is copied, with its bias where processing made one. */
  public Inversion(Model model) {
    this(model.products().head(), model.products().headBias(), model.finalNorm());
  }

  Inversion(float[] head, float @Nullable [] headBias, FinalNorm norm) {
    this.head = head;
    this.headBias = headBias;
    this.norm = norm;
    this.width = norm.gain().length;
    this.vocabulary = head.length / width;
    this.headMean = new double[width];
    for (int i = 0; i < head.length; i++) {
      headMean[i % width] += head[i] / (double) vocabulary;
    }
    float[] centred = new float[head.length];
    for (int i = 0; i < head.length; i++) {
      centred[i] = (float) (head[i] - headMean[i % width]);
    }
    SymmetricEigen gram = HeadSpectrum.of(centred, width);
    double least = gram.values()[0] * NEGLIGIBLE;
    this.inverse = gram.map(value -> value > least ? 1 / value : 0);
  }

  /** From the pseudo-inverse on. */
  public InversionOutput invert(float[] logits, InversionOptions options) {
    return invert(logits, null, options);
  }

  /**
   * Inverts rows together.
   *
   * @param logits [n, vocabulary]; log-probabilities will do
   * @param start residual vectors to begin with, [n, width]; null for the pseudo-inverse
   * @throws UsageException if sizes do not fit, or a row has no distribution
   * @throws ArithmeticException if the loss is not finite where the search starts
   */
  public InversionOutput invert(
      float[] logits, float @Nullable [] start, InversionOptions options) {
    int rows = logits.length / vocabulary;
    float[] weights = options.weights();
    if (rows == 0 || logits.length % vocabulary != 0) {
      throw new UsageException(
          "inversion: expected rows of %d logits, got %d numbers"
              .formatted(vocabulary, logits.length));
    }
    if ((start != null && start.length != rows * width)
        || (weights != null && weights.length != vocabulary)) {
      throw new UsageException(
          "inversion: expected a start of %d x %d numbers and %d weights"
              .formatted(rows, width, vocabulary));
    }
    double[][] targets = new double[rows][];
    double[] x = new double[rows * width];
    for (int r = 0; r < rows; r++) {
      targets[r] = logProbabilities(logits, r);
      if (start == null) {
        System.arraycopy(pseudoInverse(targets[r]), 0, x, r * width, width);
      } else {
        for (int i = 0; i < width; i++) {
          x[r * width + i] = start[r * width + i];
        }
      }
    }
    InversionLoss loss = new InversionLoss(head, headBias, norm, targets, options);
    Lbfgs search = Lbfgs.of(options.maxEvaluations(), options.tolerance());
    Minimum found = search.orValue(options.tolerance()).minimize(loss, x);
    loss.at(found.x(), new double[x.length]);
    return new InversionOutput(
        loss.normed(),
        narrowed(found.x()),
        found.gradientNorm(),
        loss.kl(),
        found.value(),
        found.evaluations());
  }

  private double[] logProbabilities(float[] logits, int row) {
    double log = LogProbabilities.logSum(logits, row * vocabulary, vocabulary);
    if (!Double.isFinite(log)) {
      throw new UsageException(
          "inversion: expected logits without NaN and infinity in row %d, a finite one at least"
              .formatted(row));
    }
    double[] out = new double[vocabulary];
    for (int v = 0; v < vocabulary; v++) {
      out[v] = logits[row * vocabulary + v] - log;
    }
    return out;
  }

  /** A residual vector whose normed row has these logits, as nearly as linear maps tell. */
  private double[] pseudoInverse(double[] target) {
    double least = Arrays.stream(target).filter(Double::isFinite).min().orElseThrow();
    double lowest = least - IMPOSSIBLE;
    double mean = 0;
    for (double each : target) {
      mean += Math.max(each, lowest) / vocabulary;
    }
    for (int v = 0; headBias != null && v < vocabulary; v++) {
      mean -= headBias[v] / vocabulary;
    }
    double[] product = new double[width];
    for (int v = 0; v < vocabulary; v++) {
      double added = headBias == null ? 0 : headBias[v];
      double logit = Math.max(target[v], lowest) - added - mean;
      for (int i = 0; i < width; i++) {
        product[i] += (head[v * width + i] - headMean[i]) * logit;
      }
    }
    double[] bias = new double[width];
    float[] added = norm.bias();
    float[] gain = norm.gain();
    double[] x = new double[width];
    for (int i = 0; i < width; i++) {
      bias[i] = added == null ? 0 : added[i];
      double normed = 0;
      for (int j = 0; j < width; j++) {
        normed += inverse[i * width + j] * product[j];
      }
      x[i] = Math.abs(gain[i]) < 1e-6 ? 0 : (normed - bias[i]) / gain[i];
    }
    if (norm.kind() == DecoderConfig.Norm.LAYER) {
      double centre = Arrays.stream(x).average().orElse(0);
      for (int i = 0; i < width; i++) {
        x[i] -= centre;
      }
    }
    if (Arrays.stream(x).allMatch(each -> each == 0)) {
      Arrays.setAll(x, i -> Math.sin(i + 1.0));
    }
    return x;
  }

  private static float[] narrowed(double[] x) {
    float[] out = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = (float) x[i];
    }
    return out;
  }
}
