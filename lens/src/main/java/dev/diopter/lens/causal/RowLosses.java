package dev.diopter.lens.causal;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.training.HeadLoss;
import dev.diopter.lens.tuned.training.Targets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Losses of translated rows against targets that stay the same, some rows at a time. Used by one
 * thread at a time.
 */
final class RowLosses {
  /** Logits that are computed at a time, if that is a row at all. */
  private static final int CHUNK_FLOATS = 1 << 22;

  /** Probabilities that are kept: 1 GiB. */
  private static final long MOST_KEPT = 1L << 28;

  private final HeadLoss head;
  private final int width;
  private final List<Targets> targets;
  private final HeadLoss.Scratch scratch = new HeadLoss.Scratch();

  private RowLosses(HeadLoss head, int width, List<Targets> targets) {
    this.head = head;
    this.width = width;
    this.targets = targets;
  }

  /** Divergences from what the rows themselves predict. */
  static RowLosses fromOwn(Model model, Products products, HeadLoss head, float[] rows) {
    int width = model.config().width();
    int vocabulary = model.config().vocabulary();
    int count = rows.length / width;
    if ((long) count * vocabulary > MOST_KEPT) {
      throw new UsageException(
          "causal basis: the predictions of %d rows with %d tokens each do not fit in 1 GiB: take at most %d rows"
              .formatted(count, vocabulary, MOST_KEPT / vocabulary));
    }
    List<Targets> targets = new ArrayList<>();
    int most = Math.max(1, CHUNK_FLOATS / vocabulary);
    for (int from = 0; from < count; from += most) {
      int n = Math.min(most, count - from);
      float[] some = Arrays.copyOfRange(rows, from * width, (from + n) * width);
      targets.add(Targets.predictions(model, products, some, n));
    }
    return new RowLosses(head, width, targets);
  }

  /** Cross-entropies of tokens. */
  static RowLosses fromLabels(Model model, HeadLoss head, int[] labels) {
    List<Targets> targets = new ArrayList<>();
    int most = Math.max(1, CHUNK_FLOATS / model.config().vocabulary());
    for (int from = 0; from < labels.length; from += most) {
      int end = Math.min(labels.length, from + most);
      targets.add(new Targets.Labels(Arrays.copyOfRange(labels, from, end)));
    }
    return new RowLosses(head, model.config().width(), targets);
  }

  /** Makes rows and takes their derivatives. */
  interface Rows {
    /** Writes translated rows {@code from} to {@code from + count - 1}, [count, width]. */
    void write(int from, int count, float[] rows);

    /** Hears the derivatives of the sum of losses by these rows. */
    void derivatives(int from, int count, float[] derivatives);
  }

  /** The mean loss. */
  double mean(Rows rows) {
    double loss = 0;
    int from = 0;
    for (Targets some : targets) {
      int count = some.rows();
      float[] z = new float[count * width];
      rows.write(from, count, z);
      float[] dz = new float[z.length];
      loss += head.backward(z, some, dz, scratch);
      rows.derivatives(from, count, dz);
      from += count;
    }
    return loss / from;
  }
}
