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
    double[] x = new double[width];
    double[] y = new double[width];
    for (int r = 0; r < rows; r++) {
      double weight = weight(finals, r, width);
      int at = r * width;
      for (int i = 0; i < width; i++) {
        x[i] = h[at + i];
        y[i] = (double) finals[at + i] - h[at + i];
      }
      for (int i = 0; i < width; i++) {
        double factor = weight * x[i];
        int row = i * width;
        for (int j = 0; j <= i; j++) {
          products[row + j] += factor * x[j];
        }
        for (int j = 0; j < width; j++) {
          cross[row + j] += factor * y[j];
        }
        inputs[i] += factor;
        differences[i] += weight * y[i];
      }
      weights += weight;
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
