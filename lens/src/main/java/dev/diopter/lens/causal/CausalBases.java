package dev.diopter.lens.causal;

import dev.diopter.engine.Model;
import dev.diopter.engine.Products;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.numeric.Lbfgs;
import dev.diopter.lens.tuned.HeadSpectrum;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFit;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.Translator;
import dev.diopter.lens.tuned.TunedLens;
import dev.diopter.lens.tuned.training.HeadLoss;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Causal basis extraction (Belrose and others 2023, section 4): one direction after the other that,
 * taken out of a layer's stream, changes what the lens says most, each orthogonal to the ones
 * before. The energy of a direction is the mean divergence of the changed prediction from the
 * unchanged one, or where labels are given, by how much the mean cross-entropy grows.
 *
 * <p>Each search starts at a right singular vector of the head, largest first, and climbs by L-BFGS
 * to a local maximum. Deterministic. For one thread; the model stays the caller's, and is closed
 * after this.
 */
public final class CausalBases implements AutoCloseable {
  /** What is left of a start outside the known directions, below which another one is taken. */
  private static final double SPENT = 1e-3;

  private final Model model;
  private final Lens lens;
  private final BasisOptions options;
  private final Products products;
  private final HeadLoss head;
  private double @Nullable [][] starts;

  /**
   * Of a lens.
   *
   * @throws dev.diopter.models.ModelException if the lens is for other processing
   */
  public CausalBases(Model model, Lens lens, BasisOptions options) {
    LensFit.require(lens, model);
    if (options.vectors() > lens.width()) {
      throw new UsageException(
          "causal basis: expected at most %d vectors, as many as the stream is wide, got %d"
              .formatted(lens.width(), options.vectors()));
    }
    this.model = model;
    this.lens = lens;
    this.options = options;
    this.products = model.products();
    this.head = new HeadLoss(model);
  }

  /** Hears of each direction that was found. */
  @FunctionalInterface
  public interface Listener {
    /** Hears nothing. */
    Listener NONE = (vector, of) -> {};

    /** So many of all directions are found. */
    void found(int vectors, int of);
  }

  /** By the divergence from the lens's own prediction. */
  public CausalBasis extract(int layer, float[] rows) {
    return extract(layer, rows, null, Listener.NONE);
  }

  /**
   * The basis of a layer.
   *
   * @param rows the stream that the lens reads at that layer, [n, width], n of 2 or more
   * @param labels for each row the token that should be predicted; null to compare with the lens's
   *     own prediction
   */
  public CausalBasis extract(int layer, float[] rows, int @Nullable [] labels, Listener listener) {
    DirectionEnergy energy = function(layer, rows, labels);
    int count = options.vectors() == 0 ? lens.width() : options.vectors();
    List<double[]> known = new ArrayList<>();
    List<Double> energies = new ArrayList<>();
    Lbfgs search = Lbfgs.of(options.maxEvaluations(), 1e-9).orChange(options.tolerance());
    for (int j = 0; j < count; j++) {
      double[] x = search.minimize(energy.orthogonalTo(known), start(j, known)).x();
      unit(known, x);
      energies.add(energy.at(x, new double[x.length]));
      known.add(x);
      listener.found(j + 1, count);
    }
    return sorted(layer, energies, known);
  }

  /**
   * The energy of any direction.
   *
   * @param direction of any length but 0
   */
  public double energy(int layer, float[] rows, float[] direction) {
    double[] v = widened(direction);
    unit(List.of(), v);
    return function(layer, rows, null).at(v, new double[v.length]);
  }

  DirectionEnergy function(int layer, float[] rows, int @Nullable [] labels) {
    int width = lens.width();
    if (rows.length % width != 0 || rows.length < 2 * width) {
      throw new UsageException(
          "causal basis: expected at least 2 rows of %d numbers, got %d numbers"
              .formatted(width, rows.length));
    }
    if (labels != null && labels.length != rows.length / width) {
      throw new UsageException(
          "causal basis: expected a label for each of %d rows, got %d"
              .formatted(rows.length / width, labels.length));
    }
    float[] translated = lens.transform(layer, rows);
    float[] difference = options.ablation().substitutes(rows, width, options.seed());
    for (int i = 0; i < difference.length; i++) {
      difference[i] -= rows[i];
    }
    Translator translator =
        switch (lens) {
          case TunedLens tuned -> tuned.translator(layer);
          case LogitLens _ -> null;
        };
    RowLosses losses =
        labels == null
            ? RowLosses.fromOwn(model, products, head, translated)
            : RowLosses.fromLabels(model, head, labels);
    return new DirectionEnergy(width, translated, difference, translator, losses);
  }

  /** The j-th singular vector, or a later one if the known directions hold it already. */
  private double[] start(int j, List<double[]> known) {
    double @Nullable [][] vectors = starts;
    if (vectors == null) {
      vectors = HeadSpectrum.of(model).vectors();
      starts = vectors;
    }
    for (int i = 0; i < vectors.length; i++) {
      double[] x = vectors[(j + i) % vectors.length].clone();
      DirectionEnergy.remove(known, x);
      if (DirectionEnergy.length(x) > SPENT) {
        unit(known, x);
        return x;
      }
    }
    throw new AssertionError("fewer directions than the stream is wide leave one");
  }

  /** Makes a vector orthogonal to known ones, and of length 1. */
  private static void unit(List<double[]> known, double[] v) {
    DirectionEnergy.remove(known, v);
    DirectionEnergy.remove(known, v);
    double length = DirectionEnergy.length(v);
    if (!(length > 0)) {
      throw new UsageException("causal basis: expected a direction, got zeros");
    }
    for (int i = 0; i < v.length; i++) {
      v[i] /= length;
    }
  }

  private static double[] widened(float[] x) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i];
    }
    return out;
  }

  private static CausalBasis sorted(int layer, List<Double> energies, List<double[]> found) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < found.size(); i++) {
      order.add(i);
    }
    order.sort(Comparator.comparingDouble(i -> -energies.get(i)));
    double[] values = new double[order.size()];
    float[][] vectors = new float[values.length][];
    for (int i = 0; i < values.length; i++) {
      double[] v = found.get(order.get(i));
      values[i] = energies.get(order.get(i));
      vectors[i] = new float[v.length];
      for (int k = 0; k < v.length; k++) {
        vectors[i][k] = (float) v[k];
      }
    }
    return new CausalBasis(layer, values, vectors);
  }

  @Override
  public void close() {
    head.close();
  }
}
