package dev.diopter.lens.tuned.training;

/**
 * Muon (Jordan 2024) on square matrices: the gradient's running mean with Nesterov's look ahead,
 * then five Newton-Schulz steps {@code X <- a X + (b A + c A A) X, A = X X^T}, which bring all
 * singular values near 1. In float32, where the usual code rounds to bfloat16. Vectors by Adam with
 * weight decay apart.
 */
final class Muon {
  private static final int STEPS = 5;
  private static final float A = 3.4445f;
  private static final float B = -4.7750f;
  private static final float C = 2.0315f;
  private static final double BETA_2 = 0.999;
  private static final float EPSILON = 1e-8f;

  /** With it a step has the size that Adam's have. */
  private static final double SIZE = 0.2;

  private Muon() {}

  /**
   * A step.
   *
   * @param p [n, n], changed
   * @param g its gradient
   * @param mean the running mean, changed
   */
  static void stepMatrix(float[] p, float[] g, float[] mean, Optimizer.Setting s) {
    float beta = (float) s.momentum();
    float[] ahead = new float[g.length];
    for (int i = 0; i < g.length; i++) {
      mean[i] += (1 - beta) * (g[i] - mean[i]);
      ahead[i] = g[i] + beta * (mean[i] - g[i]);
    }
    int n = (int) Math.round(Math.sqrt(g.length));
    float[] step = orthogonal(ahead, n);
    float keep = (float) (1 - s.rate() * s.weightDecay());
    float size = (float) (s.rate() * SIZE * Math.sqrt(n));
    for (int i = 0; i < p.length; i++) {
      p[i] = p[i] * keep - size * step[i];
    }
  }

  /** A matrix of the same singular vectors with singular values near 1; zeros stay zeros. */
  static float[] orthogonal(float[] matrix, int n) {
    double squares = 0;
    for (float x : matrix) {
      squares += (double) x * x;
    }
    float[] x = new float[matrix.length];
    if (squares == 0) {
      return x;
    }
    float inverse = (float) (1 / Math.sqrt(squares));
    for (int i = 0; i < x.length; i++) {
      x[i] = matrix[i] * inverse;
    }
    for (int step = 0; step < STEPS; step++) {
      float[] a = product(x, transposed(x, n), n);
      float[] factor = product(a, a, n);
      for (int i = 0; i < factor.length; i++) {
        factor[i] = B * a[i] + C * factor[i];
      }
      float[] next = product(factor, x, n);
      for (int i = 0; i < x.length; i++) {
        x[i] = A * x[i] + next[i];
      }
    }
    return x;
  }

  private static float[] transposed(float[] x, int n) {
    float[] out = new float[x.length];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        out[j * n + i] = x[i * n + j];
      }
    }
    return out;
  }

  private static float[] product(float[] a, float[] b, int n) {
    float[] out = new float[a.length];
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < n; k++) {
        addRow(out, i * n, a[i * n + k], b, k * n, n);
      }
    }
    return out;
  }

  private static void addRow(float[] out, int at, float factor, float[] b, int from, int n) {
    for (int j = 0; j < n; j++) {
      out[at + j] += factor * b[from + j];
    }
  }

  /** Adam with weight decay apart from the gradient; state are both means. */
  static void stepVector(float[] p, float[] g, float[][] state, Optimizer.Setting s) {
    double correction1 = 1 - Math.pow(s.momentum(), s.step() + 1.0);
    float correction2 = (float) (1 / Math.sqrt(1 - Math.pow(BETA_2, s.step() + 1.0)));
    float keep1 = (float) s.momentum();
    float take1 = (float) (1 - s.momentum());
    float take2 = (float) (1 - BETA_2);
    float rate = (float) (s.rate() / correction1);
    float keep = (float) (1 - s.rate() * s.weightDecay());
    for (int i = 0; i < p.length; i++) {
      float m = keep1 * state[0][i] + take1 * g[i];
      float v = (float) BETA_2 * state[1][i] + take2 * g[i] * g[i];
      state[0][i] = m;
      state[1][i] = v;
      p[i] = p[i] * keep - rate * m / ((float) Math.sqrt(v) * correction2 + EPSILON);
    }
  }
}
