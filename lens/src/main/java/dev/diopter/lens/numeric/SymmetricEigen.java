package dev.diopter.lens.numeric;

import java.util.Arrays;
import java.util.Comparator;
import java.util.function.DoubleUnaryOperator;

/**
 * Eigenvalues and eigenvectors of a real symmetric matrix by cyclic Jacobi rotations (Golub and Van
 * Loan, Matrix Computations, section 8.5): slower than other methods, and accurate to the last
 * bits. Takes seconds at a width of 700.
 *
 * @param values in descending order
 * @param vectors {@code vectors[i]} of length 1 belongs to {@code values[i]}
 */
public record SymmetricEigen(double[] values, double[][] vectors) {
  private static final int MOST_SWEEPS = 60;

  /**
   * Of a matrix.
   *
   * @param matrix [n, n], row-major; symmetric, not changed
   * @throws IllegalArgumentException if there are not n x n finite numbers
   */
  public static SymmetricEigen of(double[] matrix, int n) {
    if (matrix.length != (long) n * n || !Arrays.stream(matrix).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException(
          "expected %d x %d finite numbers, got %d".formatted(n, n, matrix.length));
    }
    double[][] a = new double[n][];
    double[][] v = new double[n][n];
    for (int i = 0; i < n; i++) {
      a[i] = Arrays.copyOfRange(matrix, i * n, (i + 1) * n);
      v[i][i] = 1;
    }
    for (int sweep = 0; sweep < MOST_SWEEPS && !sweep(a, v); sweep++) {}
    Integer[] order = new Integer[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> -a[i][i]));
    double[] values = new double[n];
    double[][] vectors = new double[n][];
    for (int i = 0; i < n; i++) {
      values[i] = a[order[i]][order[i]];
      vectors[i] = v[order[i]];
    }
    return new SymmetricEigen(values, vectors);
  }

  /** Rotates every pair once; true where none was left to rotate. Rows of v are the vectors. */
  private static boolean sweep(double[][] a, double[][] v) {
    boolean done = true;
    for (int p = 0; p + 1 < a.length; p++) {
      for (int q = p + 1; q < a.length; q++) {
        double off = a[p][q];
        if (Math.abs(off) <= 1e-17 * Math.sqrt(Math.abs(a[p][p]) * Math.abs(a[q][q]))
            || Math.abs(off) < Double.MIN_NORMAL) {
          continue;
        }
        done = false;
        double theta = (a[q][q] - a[p][p]) / (2 * off);
        double t = Math.copySign(1, theta) / (Math.abs(theta) + Math.hypot(theta, 1));
        double c = 1 / Math.sqrt(t * t + 1);
        rotate(a, p, q, c, t * c);
        // What rounding leaves here would keep the sweeps from ending.
        a[p][q] = 0;
        a[q][p] = 0;
        rotate(v[p], v[q], c, t * c);
      }
    }
    return done;
  }

  private static void rotate(double[][] a, int p, int q, double c, double s) {
    rotate(a[p], a[q], c, s);
    for (double[] row : a) {
      double x = row[p];
      double y = row[q];
      row[p] = c * x - s * y;
      row[q] = s * x + c * y;
    }
  }

  private static void rotate(double[] x, double[] y, double c, double s) {
    for (int i = 0; i < x.length; i++) {
      double old = x[i];
      x[i] = c * old - s * y[i];
      y[i] = s * old + c * y[i];
    }
  }

  /** The matrix of the same vectors whose values are a function of these, [n, n]. */
  public double[] map(DoubleUnaryOperator function) {
    int n = values.length;
    double[] out = new double[n * n];
    for (int k = 0; k < n; k++) {
      double f = function.applyAsDouble(values[k]);
      for (int i = 0; i < n; i++) {
        double left = f * vectors[k][i];
        for (int j = 0; j < n; j++) {
          out[i * n + j] += left * vectors[k][j];
        }
      }
    }
    return out;
  }

  /**
   * The square root of a positive semidefinite matrix; eigenvalues that rounding left below 0 count
   * as 0.
   */
  public double[] squareRoot() {
    return map(value -> Math.sqrt(Math.max(0, value)));
  }
}
