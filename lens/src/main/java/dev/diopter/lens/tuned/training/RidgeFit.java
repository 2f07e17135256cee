package dev.diopter.lens.tuned.training;

import dev.diopter.lens.tuned.Translator;

/**
 * The translator of one layer in closed form, from one pass over the data: the W and b for which
 * {@code h + W h + b} comes nearest to the stream behind the last block, by least squares with a
 * penalty on W, so that little data pulls to the logit lens and not to zero. A row counts by the
 * reciprocal of its final stream's mean square, since the final norm divides by its root: a few
 * rows with very large streams would decide everything otherwise.
 *
 * <p>Normal equations in double, added up row by row; memory {@code 2 width^2} doubles. Used by one
 * thread at a time.
 */
final class RidgeFit {
  /** Rows that are added together. */
  private static final int BLOCK = 4;

  private final int width;
  private final double[] products; // h h^T, lower half, [width, width]
  private final double[] cross; // h (f - h)^T, [width, width]
  private final double[] inputs; // h
  private final double[] differences; // f - h
  private double weights;

  RidgeFit(int width) {
    this.width = width;
    this.products = new double[Math.multiplyExact(width, width)];
    this.cross = new double[width * width];
    this.inputs = new double[width];
    this.differences = new double[width];
  }

  /** What a row counts. */
  static double weight(float[] finals, int row, int width) {
    double squares = 0;
    for (int i = row * width; i < (row + 1) * width; i++) {
      squares += (double) finals[i] * finals[i];
    }
    return width / Math.max(squares, 1e-20);
  }

  /**
   * Adds rows.
   *
   * @param h rows of the layer's stream, [rows, width]
   * @param finals rows of the stream behind the last block, [rows, width]
   */
  void add(float[] h, float[] finals, int rows) {
    double[][] x = new double[BLOCK][width];
    double[][] y = new double[BLOCK][width];
    double[] factors = new double[BLOCK];
    for (int r = 0; r < rows; r += BLOCK) {
      for (int k = 0; k < BLOCK; k++) {
        // Behind the last row come rows that count nothing.
        factors[k] = r + k < rows ? weight(finals, r + k, width) : 0;
        if (r + k < rows) {
          read(h, finals, (r + k) * width, x[k], y[k]);
        }
        weights += factors[k];
      }
      add(x, y, factors);
    }
  }

  private static void read(float[] h, float[] finals, int at, double[] x, double[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] = h[at + i];
      y[i] = (double) finals[at + i] - h[at + i];
    }
  }

  /** Several rows at a time, so that the sums are read and written less often. */
  private void add(double[][] x, double[][] y, double[] factors) {
    for (int i = 0; i < width; i++) {
      double f0 = factors[0] * x[0][i];
      double f1 = factors[1] * x[1][i];
      double f2 = factors[2] * x[2][i];
      double f3 = factors[3] * x[3][i];
      addRow(products, i * width, i + 1, x, f0, f1, f2, f3);
      addRow(cross, i * width, width, y, f0, f1, f2, f3);
      inputs[i] += f0 + f1 + f2 + f3;
      for (int k = 0; k < BLOCK; k++) {
        differences[i] += factors[k] * y[k][i];
      }
    }
  }

  private static void addRow(
      double[] to, int at, int count, double[][] x, double f0, double f1, double f2, double f3) {
    double[] x0 = x[0];
    double[] x1 = x[1];
    double[] x2 = x[2];
    double[] x3 = x[3];
    for (int j = 0; j < count; j++) {
      to[at + j] += f0 * x0[j] + f1 * x1[j] + f2 * x2[j] + f3 * x3[j];
    }
  }

  /**
   * Solves.
   *
   * @param penalty on the squares of W, in units of the mean variance of the stream
   */
  Translator solve(double penalty) {
    double[] a = new double[products.length];
    double[] b = new double[cross.length];
    double trace = 0;
    for (int i = 0; i < width; i++) {
      for (int j = 0; j <= i; j++) {
        a[i * width + j] =
            products[i * width + j] / weights - inputs[i] * inputs[j] / weights / weights;
      }
      for (int j = 0; j < width; j++) {
        b[i * width + j] =
            cross[i * width + j] / weights - inputs[i] * differences[j] / weights / weights;
      }
      trace += a[i * width + i];
    }
    double ridge = Math.max(penalty * trace / width, Double.MIN_NORMAL);
    for (int i = 0; i < width; i++) {
      a[i * width + i] += ridge;
    }
    Cholesky.of(a, width).solve(b, width);
    return translator(b);
  }

  /** From the solution, [in, out]. */
  private Translator translator(double[] solution) {
    float[] weight = new float[width * width];
    float[] bias = new float[width];
    for (int o = 0; o < width; o++) {
      double b = differences[o];
      for (int i = 0; i < width; i++) {
        double w = solution[i * width + o];
        weight[o * width + i] = (float) w;
        b -= w * inputs[i];
      }
      bias[o] = (float) (b / weights);
    }
    return new Translator(weight, bias);
  }
}
