package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;
import java.util.Arrays;

/**
 * What the predictions of some rows are compared with: the model's own, or tokens. Immutable once
 * made; shared by the layers' threads.
 */
public sealed interface Targets {

  /** How many rows. */
  int rows();

  /** A token that is probable in a row, if its prediction is any good. */
  int likely(int row);

  /**
   * The model's predictions.
   *
   * @param probabilities [rows, vocabulary]
   * @param entropies of each row, in nats
   * @param best the most probable token of each row
   */
  record Predictions(float[] probabilities, double[] entropies, int[] best) implements Targets {
    /** Of probabilities whose entropies are known. */
    public Predictions(float[] probabilities, double[] entropies) {
      this(probabilities, entropies, best(probabilities, entropies.length));
    }

    private static int[] best(float[] probabilities, int rows) {
      int vocabulary = probabilities.length / Math.max(1, rows);
      int[] best = new int[rows];
      Arrays.setAll(best, r -> LogitRows.best(probabilities, r * vocabulary, vocabulary));
      return best;
    }

    @Override
    public int rows() {
      return entropies.length;
    }

    @Override
    public int likely(int row) {
      return best[row];
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

    @Override
    public int likely(int row) {
      return ids[row];
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
    int[] best = Predictions.best(probabilities, rows);
    for (int r = 0; r < rows; r++) {
      int at = r * vocabulary;
      double log = LogitRows.logSum(logits, probabilities, at, vocabulary, best[r]);
      entropies[r] = log - LogitRows.dot(probabilities, at, logits, at, vocabulary);
    }
    return new Predictions(probabilities, entropies, best);
  }
}
