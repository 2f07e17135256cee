package dev.diopter.lens.tuned.training;

/** Solves systems with a symmetric positive definite matrix, in double. */
final class Cholesky {
  private final int n;
  private final double[] lower;

  private Cholesky(int n, double[] lower) {
    this.n = n;
    this.lower = lower;
  }

  /**
   * Of a matrix [n, n], of which the lower half is read and replaced.
   *
   * @throws TrainingException if it is not positive definite
   */
  static Cholesky of(double[] matrix, int n) {
    for (int j = 0; j < n; j++) {
      double diagonal = matrix[j * n + j] - dot(matrix, j * n, matrix, j * n, j);
      if (!(diagonal > 0)) {
        throw new TrainingException(
            "the streams of these texts do not span enough directions for a ridge fit: give more data, or a larger penalty");
      }
      double root = Math.sqrt(diagonal);
      matrix[j * n + j] = root;
      for (int i = j + 1; i < n; i++) {
        matrix[i * n + j] = (matrix[i * n + j] - dot(matrix, i * n, matrix, j * n, j)) / root;
      }
    }
    return new Cholesky(n, matrix);
  }

  private static double dot(double[] a, int aAt, double[] b, int bAt, int count) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      s0 += a[aAt + i] * b[bAt + i];
      s1 += a[aAt + i + 1] * b[bAt + i + 1];
      s2 += a[aAt + i + 2] * b[bAt + i + 2];
      s3 += a[aAt + i + 3] * b[bAt + i + 3];
    }
    for (; i < count; i++) {
      s0 += a[aAt + i] * b[bAt + i];
    }
    return (s0 + s1) + (s2 + s3);
  }

  /** Replaces rows of right-hand sides, [n, columns], by the solutions. */
  void solve(double[] b, int columns) {
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < i; k++) {
        addRow(b, i, k, -lower[i * n + k], columns);
      }
      scaleRow(b, i, 1 / lower[i * n + i], columns);
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int k = i + 1; k < n; k++) {
        addRow(b, i, k, -lower[k * n + i], columns);
      }
      scaleRow(b, i, 1 / lower[i * n + i], columns);
    }
  }

  private static void addRow(double[] b, int to, int from, double factor, int columns) {
    int t = to * columns;
    int f = from * columns;
    for (int c = 0; c < columns; c++) {
      b[t + c] += factor * b[f + c];
    }
  }

  private static void scaleRow(double[] b, int row, double factor, int columns) {
    for (int c = 0; c < columns; c++) {
      b[row * columns + c] *= factor;
    }
  }
}
