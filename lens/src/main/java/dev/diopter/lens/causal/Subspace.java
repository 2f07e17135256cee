package dev.diopter.lens.causal;

import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.List;

/**
 * A subspace of the residual stream. Its projection P is that of {@code A (A^T A)^-1 A^T} for any
 * vectors A that span it; kept are orthonormal ones. Immutable.
 */
public final class Subspace {
  /** What is left of a vector, as a share of its length, below which it adds no direction. */
  private static final double DEPENDENT = 1e-10;

  private final int width;
  private final double[][] basis;

  private Subspace(int width, double[][] basis) {
    this.width = width;
    this.basis = basis;
  }

  /**
   * What vectors span. Vectors that depend on earlier ones add nothing.
   *
   * @param vectors of one width, at least one
   */
  public static Subspace spannedBy(float[]... vectors) {
    int width = width(vectors);
    List<double[]> basis = new ArrayList<>();
    for (float[] vector : vectors) {
      double[] left = widened(vector);
      double length = Math.sqrt(dot(left, left));
      // Twice: the first time leaves what rounding made of nearly dependent vectors.
      for (int pass = 0; pass < 2; pass++) {
        for (double[] known : basis) {
          double share = dot(left, known);
          for (int i = 0; i < width; i++) {
            left[i] -= share * known[i];
          }
        }
      }
      double rest = Math.sqrt(dot(left, left));
      if (rest > DEPENDENT * length) {
        for (int i = 0; i < width; i++) {
          left[i] /= rest;
        }
        basis.add(left);
      }
    }
    return new Subspace(width, basis.toArray(double[][]::new));
  }

  /** What vectors span that are orthonormal already; taken as they are. */
  public static Subspace ofOrthonormal(float[]... vectors) {
    int width = width(vectors);
    double[][] basis = new double[vectors.length][];
    for (int k = 0; k < basis.length; k++) {
      basis[k] = widened(vectors[k]);
    }
    return new Subspace(width, basis);
  }

  private static int width(float[][] vectors) {
    if (vectors.length == 0 || vectors[0].length == 0) {
      throw new UsageException("subspace: expected at least one vector, got none");
    }
    for (float[] vector : vectors) {
      if (vector.length != vectors[0].length) {
        throw new UsageException(
            "subspace: expected vectors of %d numbers, got one of %d"
                .formatted(vectors[0].length, vector.length));
      }
      for (float x : vector) {
        if (!Float.isFinite(x)) {
          throw new UsageException("subspace: expected finite numbers, got " + x);
        }
      }
    }
    return vectors[0].length;
  }

  /** Size of the residual stream. */
  public int width() {
    return width;
  }

  /** Number of directions. */
  public int dimensions() {
    return basis.length;
  }

  /**
   * Rows without it: {@code u + P (s - u)}, where s is zero, the mean of all rows, or another row.
   *
   * @param rows u, [n, width]; not changed
   * @param seed of {@link Ablation#RESAMPLE}
   * @return [n, width]
   * @throws UsageException if there are fewer than two rows to take a mean of or to draw from
   */
  public float[] remove(float[] rows, Ablation how, long seed) {
    if (rows.length % width != 0) {
      throw new UsageException(
          "expected rows of %d numbers, got %d numbers".formatted(width, rows.length));
    }
    float[] substitutes = how.substitutes(rows, width, seed);
    float[] out = new float[rows.length];
    double[] row = new double[width];
    for (int at = 0; at < rows.length; at += width) {
      for (int i = 0; i < width; i++) {
        row[i] = rows[at + i];
      }
      for (double[] direction : basis) {
        double share = 0;
        for (int i = 0; i < width; i++) {
          share += direction[i] * ((double) substitutes[at + i] - rows[at + i]);
        }
        for (int i = 0; i < width; i++) {
          row[i] += share * direction[i];
        }
      }
      for (int i = 0; i < width; i++) {
        out[at + i] = (float) row[i];
      }
    }
    return out;
  }

  private static double[] widened(float[] vector) {
    double[] out = new double[vector.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = vector[i];
    }
    return out;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
