package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Products;
import dev.diopter.lens.tuned.Translator;
import java.util.Arrays;

/**
 * One layer's translator while it is trained: its numbers, the sum of its gradients and the
 * optimiser's state. {@code z = h + W h + b}, {@code db = sum dz}, {@code dW = sum dz h^T}. Used by
 * one thread at a time.
 */
final class LayerTrainer {
  private final Products products;
  private final int width;
  private final boolean biasOnly;
  private final float[] weight;
  private final float[] bias;
  private final float[] weightGradient;
  private final float[] biasGradient;
  private final float[][] weightState;
  private final float[][] biasState;
  private final HeadLoss.Scratch scratch = new HeadLoss.Scratch();
  private double loss;

  LayerTrainer(Products products, Translator start, int states, boolean biasOnly) {
    this.products = products;
    this.width = start.width();
    this.biasOnly = biasOnly;
    this.weight = start.weight().clone();
    this.bias = start.bias().clone();
    this.weightGradient = new float[biasOnly ? 0 : weight.length];
    this.biasGradient = new float[width];
    this.weightState = new float[states][weightGradient.length];
    this.biasState = new float[states][width];
  }

  /** What it has learnt, a copy. */
  Translator translator() {
    return new Translator(weight.clone(), bias.clone());
  }

  /** W, [out, in]; lent to who saves and restores it. */
  float[] weight() {
    return weight;
  }

  /** b; lent to who saves and restores it. */
  float[] bias() {
    return bias;
  }

  /** The optimiser's numbers for W; lent. */
  float[][] weightState() {
    return weightState;
  }

  /** The optimiser's numbers for b; lent. */
  float[][] biasState() {
    return biasState;
  }

  /** The sum of the rows' gradients by W, [out, in], of unscaled losses; lent. */
  float[] weightGradient() {
    return weightGradient;
  }

  /** The sum of the rows' gradients by b; lent. */
  float[] biasGradient() {
    return biasGradient;
  }

  /** Forgets gradients and losses. */
  void begin() {
    Arrays.fill(weightGradient, 0);
    Arrays.fill(biasGradient, 0);
    loss = 0;
  }

  /** Adds the losses of rows h, [targets.rows(), width], and their gradients. */
  void accumulate(float[] h, Targets targets, HeadLoss head) {
    int rows = targets.rows();
    float[] z = translated(h, rows);
    float[] dz = new float[z.length];
    loss += head.backward(z, targets, dz, scratch);
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < width; i++) {
        biasGradient[i] += dz[r * width + i];
      }
    }
    if (!biasOnly) {
      addOuter(dz, h, rows);
    }
  }

  private float[] translated(float[] h, int rows) {
    float[] z = new float[h.length];
    try (Products.Packed w = products.pack(weight, width, width, 1, width)) {
      products.multiply(h, rows, w, z);
    }
    for (int r = 0; r < rows; r++) {
      int at = r * width;
      for (int i = 0; i < width; i++) {
        z[at + i] = h[at + i] + (z[at + i] + bias[i]);
      }
    }
    return z;
  }

  private void addOuter(float[] dz, float[] h, int rows) {
    float[] columns = new float[dz.length];
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < width; o++) {
        columns[o * rows + r] = dz[r * width + o];
      }
    }
    float[] sum = new float[weight.length];
    try (Products.Packed w = products.pack(h, rows, width, width, 1)) {
      products.multiply(columns, width, w, sum);
    }
    for (int i = 0; i < sum.length; i++) {
      weightGradient[i] += sum[i];
    }
  }

  /** Mean loss of the rows so far. */
  double loss(long rows) {
    return loss / rows;
  }

  /** Sum of the squares of the gradient of the mean loss. */
  double squaredNorm(long rows) {
    double sum = 0;
    for (float g : weightGradient) {
      sum += (double) g * g;
    }
    for (float g : biasGradient) {
      sum += (double) g * g;
    }
    return sum / rows / rows;
  }

  /** One step of the optimiser on the gradients times a factor. */
  void step(Optimizer optimizer, Optimizer.Setting setting, double factor) {
    scale(weightGradient, (float) factor);
    scale(biasGradient, (float) factor);
    if (!biasOnly) {
      optimizer.stepMatrix(weight, weightGradient, weightState, setting);
    }
    optimizer.step(bias, biasGradient, biasState, setting);
  }

  /** Whether its numbers and the optimiser's are all finite. */
  boolean isFinite() {
    boolean finite = isFinite(weight) && isFinite(bias);
    for (int k = 0; finite && k < weightState.length; k++) {
      finite = isFinite(weightState[k]) && isFinite(biasState[k]);
    }
    return finite;
  }

  private static boolean isFinite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  private static void scale(float[] x, float factor) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= factor;
    }
  }
}
