package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;

/**
 * What the predictions of some rows are compared with: the model's own, or tokens. Immutable once
 * made; shared by the layers' threads.
 */
public sealed interface Targets {

  /** How many rows. */
  int rows();

  /**
   * The model's predictions.
   *
   * @param probabilities [rows, vocabulary]
   * @param entropies of each row, in nats
   */
  record Predictions(float[] probabilities, double[] entropies) implements Targets {
    @Override
    public int rows() {
      return entropies.length;
    }
  }

  /**
   * Tokens.
   *
   * @param ids one for each row
   */
  record Labels(int[] ids) implements Targets {
    @Override
    public int rows() {
      return ids.length;
    }
  }

  /**
   * The predictions that the model's final norm and head make of rows: the model's own from the
   * stream behind its last block, a lens's from translated rows.
   *
   * @param products the model's
   * @param finals [rows, width]
   */
  static Predictions predictions(Model model, Products products, float[] finals, int rows) {
    int vocabulary = model.config().vocabulary();
    float[] logits = new float[Math.multiplyExact(rows, vocabulary)];
    float[] probabilities = new float[logits.length];
    model.unembed(finals, rows, logits);
    products.softmax(logits, rows, vocabulary, probabilities);
    double[] entropies = new double[rows];
    for (int r = 0; r < rows; r++) {
      int at = r * vocabulary;
      double log = LogitRows.logSum(logits, probabilities, at, vocabulary);
      entropies[r] = log - LogitRows.dot(probabilities, at, logits, at, vocabulary);
    }
    return new Predictions(probabilities, entropies);
  }
}
