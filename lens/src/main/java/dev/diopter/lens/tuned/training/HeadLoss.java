package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;

/**
 * The loss of translated rows behind the model's final norm and head, and its derivatives by those
 * rows: {@code dlogits = q - p}, times the head, through the norm. Holds a copy of the head. Thread
 * safe; closed before the model is.
 */
public final class HeadLoss implements AutoCloseable {
  private final Model model;
  private final Products products;
  private final NormGradient norm;
  private final Products.Packed head;
  private final int vocabulary;

  /** Of a model. */
  public HeadLoss(Model model) {
    this(model, model.products());
  }

  HeadLoss(Model model, Products products) {
    this.model = model;
    this.products = products;
    this.norm = new NormGradient(model.finalNorm());
    this.head = products.headTransposed();
    this.vocabulary = model.config().vocabulary();
  }

  /** A thread's memory, kept from one call to the next. */
  public static final class Scratch {
    private float[] logits = new float[0];
    private float[] probabilities = new float[0];

    /** Empty. */
    public Scratch() {}

    private void room(int size) {
      if (logits.length < size) {
        logits = new float[size];
        probabilities = new float[size];
      }
    }
  }

  /**
   * The sum of the rows' losses.
   *
   * @param rows translated rows, [targets.rows(), width]
   * @param derivatives receives those of the sum, [targets.rows(), width]
   * @param scratch the thread's own
   */
  public double backward(float[] rows, Targets targets, float[] derivatives, Scratch scratch) {
    int count = targets.rows();
    int size = Math.multiplyExact(count, vocabulary);
    scratch.room(size);
    float[] logits = scratch.logits;
    float[] q = scratch.probabilities;
    model.unembed(rows, count, logits);
    products.softmax(logits, count, vocabulary, q);
    double loss = 0;
    for (int r = 0; r < count; r++) {
      int at = r * vocabulary;
      double logSum = LogitRows.logSum(logits, q, at, vocabulary, targets.likely(r));
      loss +=
          logSum
              - switch (targets) {
                case Targets.Predictions p ->
                    p.entropies()[r] + LogitRows.dot(p.probabilities(), at, logits, at, vocabulary);
                case Targets.Labels labels -> logits[at + labels.ids()[r]];
              };
    }
    switch (targets) {
      case Targets.Predictions p -> LogitRows.subtract(q, p.probabilities(), size);
      case Targets.Labels labels -> {
        for (int r = 0; r < count; r++) {
          q[r * vocabulary + labels.ids()[r]] -= 1;
        }
        LogitRows.flush(q, size);
      }
    }
    products.multiply(q, count, head, derivatives);
    norm.backward(rows, derivatives, count);
    return loss;
  }

  @Override
  public void close() {
    head.close();
  }
}
