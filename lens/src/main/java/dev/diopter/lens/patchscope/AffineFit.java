package dev.diopter.lens.patchscope;

import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.List;

/**
 * Affine maps from one vector to several others by least squares, from pairs as they come: sums of
 * products in double, a ridge on all weights but the bias, one Cholesky decomposition for all
 * targets. Pairs that are held out are summed apart, so that the share of their variance that a map
 * explains is known at the end without a second pass. Not for several threads.
 */
public final class AffineFit {
  private final int in;
  private final int[] outs;
  private final Sums train;
  private final Sums heldOut;

  /** For vectors of {@code in} numbers to vectors of each number of {@code outs}. */
  public AffineFit(int in, int... outs) {
    this.in = in;
    this.outs = outs.clone();
    this.train = new Sums(in, outs);
    this.heldOut = new Sums(in, outs);
  }

  /**
   * A fitted map.
   *
   * @param map the map
   * @param samples pairs that it was fitted to
   * @param r2 share of the variance of those that it explains, over all coordinates
   * @param heldOutSamples pairs that were held out
   * @param heldOutR2 the same of those; NaN without any
   */
  public record Fitted(
      AffineMap.Part map, long samples, double r2, long heldOutSamples, double heldOutR2) {}

  /** Takes a pair for each target. */
  public void add(float[] x, float[][] ys, boolean hold) {
    if (x.length != in || ys.length != outs.length) {
      throw new UsageException(
          "affine fit: expected %d numbers and %d targets, got %d and %d"
              .formatted(in, outs.length, x.length, ys.length));
    }
    (hold ? heldOut : train).add(x, ys);
  }

  /** How many pairs it was given to fit. */
  public long samples() {
    return train.count;
  }

  /**
   * The maps.
   *
   * @param ridge weight of the squared weights, for each pair; 0 for none
   * @throws UsageException where the pairs do not determine a map and there is no ridge
   */
  public List<Fitted> solve(double ridge) {
    if (!(ridge >= 0) || train.count == 0) {
      throw new UsageException(
          "affine fit: expected pairs and a ridge of 0 or more, got %d and %s"
              .formatted(train.count, ridge));
    }
    double[][] lower = cholesky(train.xx, ridge * train.count, train.count);
    List<Fitted> all = new ArrayList<>();
    for (int t = 0; t < outs.length; t++) {
      double[][] w = solve(lower, train.xy[t]);
      float[] weight = new float[in * outs[t]];
      float[] bias = new float[outs[t]];
      for (int j = 0; j < outs[t]; j++) {
        bias[j] = (float) w[in][j];
        for (int i = 0; i < in; i++) {
          weight[i * outs[t] + j] = (float) w[i][j];
        }
      }
      all.add(
          new Fitted(
              new AffineMap.Part(in, weight, bias),
              train.count,
              train.explained(t, w),
              heldOut.count,
              heldOut.explained(t, w)));
    }
    return all;
  }

  private static double[][] cholesky(double[][] matrix, double ridge, long count) {
    int n = matrix.length;
    double[][] lower = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = matrix[i][j] + (i == j && i < n - 1 ? ridge : 0);
        double scale = Math.abs(sum);
        for (int k = 0; k < j; k++) {
          sum -= lower[i][k] * lower[j][k];
        }
        if (i == j && sum <= 1e-13 * scale) {
          throw new UsageException(
              "affine fit: %d pairs do not determine a map of %d numbers: give more, or a ridge"
                  .formatted(count, n - 1));
        }
        lower[i][j] = i == j ? Math.sqrt(sum) : sum / lower[j][j];
      }
    }
    return lower;
  }

  private static double[][] solve(double[][] lower, double[][] right) {
    int n = lower.length;
    int m = right[0].length;
    double[][] x = new double[n][m];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < m; j++) {
        x[i][j] = right[i][j];
      }
      for (int k = 0; k < i; k++) {
        minus(x[i], lower[i][k], x[k]);
      }
      divide(x[i], lower[i][i]);
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int k = i + 1; k < n; k++) {
        minus(x[i], lower[k][i], x[k]);
      }
      divide(x[i], lower[i][i]);
    }
    return x;
  }

  private static void minus(double[] row, double factor, double[] other) {
    for (int j = 0; j < row.length; j++) {
      row[j] -= factor * other[j];
    }
  }

  private static void divide(double[] row, double by) {
    for (int j = 0; j < row.length; j++) {
      row[j] /= by;
    }
  }

  /** Sums of products; x has a 1 behind its numbers. */
  private static final class Sums {
    final int in;
    final double[][] xx;
    final double[][][] xy;
    final double[] yy; // of each target, over its coordinates
    long count;

    Sums(int in, int[] outs) {
      this.in = in;
      xx = new double[in + 1][in + 1];
      xy = new double[outs.length][in + 1][];
      yy = new double[outs.length];
      for (int t = 0; t < outs.length; t++) {
        for (int i = 0; i <= in; i++) {
          xy[t][i] = new double[outs[t]];
        }
      }
    }

    void add(float[] x, float[][] ys) {
      count++;
      for (int i = 0; i <= in; i++) {
        double a = i < in ? x[i] : 1;
        for (int j = 0; j <= i; j++) {
          xx[i][j] += a * (j < in ? x[j] : 1);
        }
        for (int t = 0; t < ys.length; t++) {
          minus(xy[t][i], -a, ys[t]);
        }
      }
      for (int t = 0; t < ys.length; t++) {
        for (float y : ys[t]) {
          yy[t] += (double) y * y;
        }
      }
    }

    private static void minus(double[] row, double factor, float[] other) {
      for (int j = 0; j < row.length; j++) {
        row[j] -= factor * other[j];
      }
    }

    /** 1 - (squared error) / (squared distance from the mean). */
    double explained(int t, double[][] w) {
      if (count == 0) {
        return Double.NaN;
      }
      double error = yy[t];
      double total = yy[t];
      int out = w[0].length;
      for (int j = 0; j < out; j++) {
        double mean = xy[t][in][j] / count;
        total -= count * mean * mean;
        for (int i = 0; i <= in; i++) {
          double product = -2 * xy[t][i][j];
          for (int k = 0; k <= in; k++) {
            product += xx[Math.max(i, k)][Math.min(i, k)] * w[k][j];
          }
          error += product * w[i][j];
        }
      }
      return 1 - error / total;
    }
  }
}
