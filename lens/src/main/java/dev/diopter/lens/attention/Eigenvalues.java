package dev.diopter.lens.attention;

/**
 * Eigenvalues of a real square matrix: Householder reflections to Hessenberg form, then the QR
 * iteration with Wilkinson's shift in complex arithmetic (Golub and Van Loan, Matrix Computations,
 * chapter 7). Meant for matrices of the size of a head.
 */
final class Eigenvalues {
  private static final int MOST_STEPS = 100;
  private static final int EXCEPTIONAL = 15;

  private final int n;
  private final double[][] re;
  private final double[][] im;

  private Eigenvalues(double[][] matrix) {
    n = matrix.length;
    re = new double[n][];
    im = new double[n][n];
    for (int i = 0; i < n; i++) {
      re[i] = matrix[i].clone();
    }
  }

  /**
   * All eigenvalues.
   *
   * @param matrix square and finite; not changed
   * @return real parts and imaginary parts, [2][n], in no particular order
   */
  static double[][] of(double[][] matrix) {
    Eigenvalues e = new Eigenvalues(matrix);
    e.hessenberg();
    return e.iterate();
  }

  private void hessenberg() {
    for (int k = 0; k + 2 < n; k++) {
      double norm = 0;
      for (int i = k + 1; i < n; i++) {
        norm = Math.hypot(norm, re[i][k]);
      }
      if (norm == 0) {
        continue;
      }
      double[] v = new double[n];
      for (int i = k + 1; i < n; i++) {
        v[i] = re[i][k];
      }
      v[k + 1] += Math.copySign(norm, v[k + 1]);
      double square = 0;
      for (int i = k + 1; i < n; i++) {
        square += v[i] * v[i];
      }
      for (int j = 0; j < n; j++) {
        double dot = 0;
        for (int i = k + 1; i < n; i++) {
          dot += v[i] * re[i][j];
        }
        double factor = 2 * dot / square;
        for (int i = k + 1; i < n; i++) {
          re[i][j] -= factor * v[i];
        }
      }
      for (double[] row : re) {
        double dot = 0;
        for (int j = k + 1; j < n; j++) {
          dot += row[j] * v[j];
        }
        double factor = 2 * dot / square;
        for (int j = k + 1; j < n; j++) {
          row[j] -= factor * v[j];
        }
      }
      for (int i = k + 2; i < n; i++) {
        re[i][k] = 0;
      }
    }
  }

  private double size(int i, int j) {
    return Math.abs(re[i][j]) + Math.abs(im[i][j]);
  }

  private double[][] iterate() {
    double[][] found = new double[2][n];
    int steps = 0;
    for (int high = n - 1; high >= 0; ) {
      int low = high;
      while (low > 0 && size(low, low - 1) > negligible(low)) {
        low--;
      }
      if (low == high) {
        found[0][high] = re[high][high];
        found[1][high] = im[high][high];
        high--;
        steps = 0;
      } else if (++steps > MOST_STEPS) {
        throw new ArithmeticException("the QR iteration did not converge");
      } else {
        step(low, high, steps % EXCEPTIONAL == 0);
      }
    }
    return found;
  }

  private double negligible(int i) {
    double around = size(i, i) + size(i - 1, i - 1);
    return Math.ulp(1.0) * (around == 0 ? Double.MIN_NORMAL : around);
  }

  /** The eigenvalue of the last two rows that is nearer to the last diagonal element. */
  private double[] shift(int high) {
    double ar = re[high - 1][high - 1];
    double ai = im[high - 1][high - 1];
    double dr = re[high][high];
    double di = im[high][high];
    double br = re[high - 1][high];
    double bi = im[high - 1][high];
    double cr = re[high][high - 1];
    double ci = im[high][high - 1];
    double hr = (ar - dr) / 2;
    double hi = (ai - di) / 2;
    // Root of h^2 + b c.
    double sr = hr * hr - hi * hi + br * cr - bi * ci;
    double si = 2 * hr * hi + br * ci + bi * cr;
    double abs = Math.hypot(sr, si);
    double rr = Math.sqrt((abs + Math.abs(sr)) / 2);
    double ri = rr == 0 ? 0 : Math.abs(si) / (2 * rr);
    double rootRe = sr >= 0 ? rr : ri;
    double rootIm = Math.copySign(sr >= 0 ? ri : rr, si);
    // Of d + h +- root the one that is nearer to d.
    boolean minus = hr * rootRe + hi * rootIm > 0;
    return minus
        ? new double[] {dr + hr - rootRe, di + hi - rootIm}
        : new double[] {dr + hr + rootRe, di + hi + rootIm};
  }

  /** One QR step on rows and columns low to high, by rotations. */
  private void step(int low, int high, boolean exceptional) {
    double[] shift =
        exceptional ? new double[] {size(high, high - 1) + size(high, high), 0} : shift(high);
    for (int i = low; i <= high; i++) {
      re[i][i] -= shift[0];
      im[i][i] -= shift[1];
    }
    double[] cosines = new double[high + 1];
    double[] sineRe = new double[high + 1];
    double[] sineIm = new double[high + 1];
    for (int k = low; k < high; k++) {
      double ar = re[k][k];
      double ai = im[k][k];
      double br = re[k + 1][k];
      double bi = im[k + 1][k];
      double a = Math.hypot(ar, ai);
      double r = Math.hypot(a, Math.hypot(br, bi));
      if (r == 0) {
        cosines[k] = 1;
        continue;
      }
      // c real, s = (a / |a|) conj(b) / r, so that c a + s b has the size r and the rest is 0.
      double ur = a == 0 ? 1 : ar / a;
      double ui = a == 0 ? 0 : ai / a;
      cosines[k] = a / r;
      sineRe[k] = (ur * br + ui * bi) / r;
      sineIm[k] = (ui * br - ur * bi) / r;
      for (int j = k; j <= high; j++) {
        rotate(k, j, k + 1, j, cosines[k], sineRe[k], sineIm[k]);
      }
      re[k + 1][k] = 0;
      im[k + 1][k] = 0;
    }
    for (int k = low; k < high; k++) {
      for (int i = low; i <= Math.min(k + 1, high); i++) {
        rotate(i, k, i, k + 1, cosines[k], sineRe[k], -sineIm[k]);
      }
    }
    for (int i = low; i <= high; i++) {
      re[i][i] += shift[0];
      im[i][i] += shift[1];
    }
  }

  /** (x, y) becomes (c x + s y, c y - conj(s) x), x and y being the two elements. */
  private void rotate(int xi, int xj, int yi, int yj, double c, double sr, double si) {
    double xr = re[xi][xj];
    double xim = im[xi][xj];
    double yr = re[yi][yj];
    double yim = im[yi][yj];
    re[xi][xj] = c * xr + sr * yr - si * yim;
    im[xi][xj] = c * xim + sr * yim + si * yr;
    re[yi][yj] = c * yr - (sr * xr + si * xim);
    im[yi][yj] = c * yim - (sr * xim - si * xr);
  }
}
