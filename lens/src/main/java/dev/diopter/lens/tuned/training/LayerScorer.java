package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;
import dev.diopter.lens.tuned.Lens;

/** Adds up how a lens does at one layer. Used by one thread at a time. */
final class LayerScorer {
  private final Model model;
  private final Products products;
  private final Lens lens;
  private final int layer;
  private final int vocabulary;
  private final double[] marginal;
  private final double[] transferCe;
  private final double[] transferKl;
  private double ce;
  private double entropy;
  private double kl;

  LayerScorer(Model model, Products products, Lens lens, int layer, boolean transfer) {
    this.model = model;
    this.products = products;
    this.lens = lens;
    this.layer = layer;
    this.vocabulary = model.config().vocabulary();
    this.marginal = new double[vocabulary];
    this.transferCe = new double[transfer ? lens.layers() : 0];
    this.transferKl = new double[transferCe.length];
  }

  /** Logits of some rows and their softmax. */
  private record Predicted(float[] logits, float[] probabilities) {}

  private Predicted predict(int translator, float[] h, int rows) {
    float[] logits = new float[Math.multiplyExact(rows, vocabulary)];
    float[] probabilities = new float[logits.length];
    model.unembed(lens.transform(translator, h), rows, logits);
    products.softmax(logits, rows, vocabulary, probabilities);
    return new Predicted(logits, probabilities);
  }

  /**
   * Adds rows of the layer's stream.
   *
   * @param labels for each row, -1 for none
   */
  void add(float[] h, Targets.Predictions finals, int[] labels) {
    int rows = finals.rows();
    Predicted own = predict(layer, h, rows);
    double[] entropies = new double[rows];
    for (int r = 0; r < rows; r++) {
      int at = r * vocabulary;
      double log = LogitRows.logSum(own.logits, own.probabilities, at, vocabulary);
      entropies[r] = log - LogitRows.dot(own.probabilities, at, own.logits, at, vocabulary);
      entropy += entropies[r];
      kl += divergence(finals.probabilities(), finals.entropies(), r, own.logits, log);
      ce += labels[r] < 0 ? 0 : log - own.logits[at + labels[r]];
      for (int v = 0; v < vocabulary; v++) {
        marginal[v] += own.probabilities[at + v];
      }
    }
    for (int other = 0; other < transferCe.length; other++) {
      Predicted predicted = other == layer ? own : predict(other, h, rows);
      for (int r = 0; r < rows; r++) {
        int at = r * vocabulary;
        double log = LogitRows.logSum(predicted.logits, predicted.probabilities, at, vocabulary);
        transferKl[other] +=
            other == layer ? 0 : divergence(own.probabilities, entropies, r, predicted.logits, log);
        transferCe[other] += labels[r] < 0 ? 0 : log - predicted.logits[at + labels[r]];
      }
    }
  }

  private double divergence(float[] p, double[] entropies, int row, float[] logits, double logSum) {
    int at = row * vocabulary;
    return logSum - entropies[row] - LogitRows.dot(p, at, logits, at, vocabulary);
  }

  double crossEntropy() {
    return ce;
  }

  double entropy() {
    return entropy;
  }

  double kl() {
    return kl;
  }

  double[] marginal() {
    return marginal;
  }

  /** By translator, on this layer's stream. */
  double[] transferCrossEntropy() {
    return transferCe;
  }

  double[] transferKl() {
    return transferKl;
  }
}
