package dev.diopter.lens.tuned;

import dev.diopter.engine.FinalNorm;
import dev.diopter.lens.numeric.Objective;
import dev.diopter.models.DecoderConfig;
import org.jspecify.annotations.Nullable;

/**
 * The mean divergence of rows' distributions from wanted ones, by the rows. One thread at a time.
 */
final class InversionLoss implements Objective {
  private final float[] head;
  private final float @Nullable [] headBias;
  private final FinalNorm norm;
  private final double[][] targets;
  private final InversionOptions options;
  private final int width;
  private final int vocabulary;
  private final float[] normed;
  private double kl;

  InversionLoss(
      float[] head,
      float @Nullable [] headBias,
      FinalNorm norm,
      double[][] targets,
      InversionOptions options) {
    this.head = head;
    this.headBias = headBias;
    this.norm = norm;
    this.targets = targets;
    this.options = options;
    this.width = norm.gain().length;
    this.vocabulary = head.length / width;
    this.normed = new float[targets.length * width];
  }

  /** The head's inputs of the last evaluation; lent. */
  float[] normed() {
    return normed;
  }

  /** The divergence of the last evaluation. */
  double kl() {
    return kl;
  }

  @Override
  public double at(double[] x, double[] gradient) {
    double loss = 0;
    kl = 0;
    for (int r = 0; r < targets.length; r++) {
      loss += row(x, r, gradient);
    }
    return loss / targets.length;
  }

  private double row(double[] x, int row, double[] gradient) {
    int at = row * width;
    boolean centred = norm.kind() == DecoderConfig.Norm.LAYER;
    double mean = 0;
    for (int i = 0; i < width; i++) {
      mean += centred ? x[at + i] / width : 0;
    }
    double squares = 0;
    for (int i = 0; i < width; i++) {
      squares += (x[at + i] - mean) * (x[at + i] - mean);
    }
    double scale = Math.sqrt(squares / width + norm.epsilon());
    double[] n = new double[width]; // before gain and bias
    double[] y = new double[width];
    float[] bias = norm.bias();
    for (int i = 0; i < width; i++) {
      n[i] = (x[at + i] - mean) / scale;
      y[i] = n[i] * norm.gain()[i] + (bias == null ? 0 : bias[i]);
      normed[at + i] = (float) y[i];
    }
    double[] dy = new double[width];
    double loss = divergence(y, targets[row], dy);
    kl += loss / targets.length;
    InversionOptions.Prior prior = options.prior();
    if (prior != null && options.priorWeight() > 0) {
      double[] own = new double[width];
      loss += options.priorWeight() * prior.at(y, own);
      for (int i = 0; i < width; i++) {
        dy[i] += options.priorWeight() * own[i];
      }
    }
    // Through the norm: dx = (a - n mean(a n)) / s, less its mean for a LayerNorm.
    double slope = 0;
    double sum = 0;
    for (int i = 0; i < width; i++) {
      dy[i] *= norm.gain()[i];
      slope += dy[i] * n[i] / width;
      sum += dy[i] / width;
    }
    for (int i = 0; i < width; i++) {
      double centre = centred ? sum : 0;
      gradient[at + i] = (dy[i] - centre - n[i] * slope) / scale / targets.length;
    }
    return loss;
  }

  /** One row's divergence and its derivatives by the head's input. */
  private double divergence(double[] y, double[] target, double[] dy) {
    double[] logits = new double[vocabulary];
    double max = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < vocabulary; v++) {
      double sum = headBias == null ? 0 : headBias[v];
      int from = v * width;
      for (int i = 0; i < width; i++) {
        sum += head[from + i] * y[i];
      }
      logits[v] = sum;
      max = Math.max(max, sum);
    }
    double exps = 0;
    for (double logit : logits) {
      exps += Math.exp(logit - max);
    }
    double logSum = max + Math.log(exps);
    float[] weights = options.weights();
    double loss = 0;
    double mass = 0;
    for (int v = 0; v < vocabulary; v++) {
      double p = Math.exp(target[v]) * (weights == null ? 1 : weights[v]);
      loss += p == 0 ? 0 : p * (target[v] - (logits[v] - logSum));
      mass += p;
    }
    for (int v = 0; v < vocabulary; v++) {
      double p = Math.exp(target[v]) * (weights == null ? 1 : weights[v]);
      double d = mass * Math.exp(logits[v] - logSum) - p;
      int from = v * width;
      for (int i = 0; i < width; i++) {
        dy[i] += d * head[from + i];
      }
    }
    return loss;
  }
}
