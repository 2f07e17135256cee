package dev.diopter.lens.tuned;

import dev.diopter.engine.Model;
import java.util.Arrays;

/**
 * The model's own final norm and head as a function: the last residual stream gives the model's
 * logits bit for bit, any other stream what the model would say if it stopped there. Thread safe as
 * the model is; the model stays the caller's.
 */
public final class Unembedding {
  /** Logits that are held at a time, unless one row has more: 16 MiB. */
  private static final int CHUNK_FLOATS = 1 << 22;

  private final Model model;

  /** Of a model. */
  public Unembedding(Model model) {
    this.model = model;
  }

  /** Size of the residual stream. */
  public int width() {
    return model.config().width();
  }

  /** Number of logits of a row. */
  public int vocabulary() {
    return model.config().vocabulary();
  }

  /** Rows whose logits fit the memory that is meant for them. */
  public int rowsAtATime() {
    return Math.max(1, CHUNK_FLOATS / vocabulary());
  }

  /**
   * Logits of rows.
   *
   * @param residuals [n, width]
   * @return [n, vocabulary]
   */
  public float[] logits(float[] residuals) {
    int rows = rows(residuals);
    float[] logits = new float[Math.multiplyExact(rows, vocabulary())];
    model.unembed(residuals, rows, logits);
    return logits;
  }

  /**
   * Logits of rows into an array.
   *
   * @param residuals [n, width]
   * @param logits gets [n, vocabulary] at its front
   */
  public void into(float[] residuals, float[] logits) {
    model.unembed(residuals, rows(residuals), logits);
  }

  /**
   * Residual vectors whose distributions come nearest to those of given logits: see {@link
   * Inversion}, which is made anew by each call; keep one to invert often.
   *
   * @param logits [n, vocabulary]
   */
  public InversionOutput invert(float[] logits) {
    return new Inversion(model).invert(logits, InversionOptions.DEFAULT);
  }

  /** Hears logits of some rows. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Some rows' logits.
     *
     * @param first the first row's number
     * @param count how many rows
     * @param logits [count, vocabulary] at the front; lent for the call
     */
    void rows(int first, int count, float[] logits);
  }

  /** Logits of rows, a few rows at a time, so that they need not be held together. */
  public void forEach(float[] residuals, Listener listener) {
    int rows = rows(residuals);
    int most = Math.min(rows, rowsAtATime());
    float[] logits = new float[Math.multiplyExact(most, vocabulary())];
    for (int from = 0; from < rows; from += most) {
      int count = Math.min(most, rows - from);
      float[] some =
          count == rows
              ? residuals
              : Arrays.copyOfRange(residuals, from * width(), (from + count) * width());
      model.unembed(some, count, logits);
      listener.rows(from, count, logits);
    }
  }

  private int rows(float[] residuals) {
    if (residuals.length % width() != 0) {
      throw new IllegalArgumentException(
          "expected rows of %d numbers, got %d numbers".formatted(width(), residuals.length));
    }
    return residuals.length / width();
  }
}
