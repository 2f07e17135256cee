package dev.diopter.lens.causal;

import dev.diopter.lens.numeric.Objective;
import dev.diopter.lens.tuned.Translator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the loss of one direction v costs a lens, and its derivatives. A row without it is {@code h
 * + (v . d) v}, where d is the row's substitute less the row; the translator is affine, so the
 * translated row is {@code z + (v . d) (v + W v)}. Used by one thread at a time.
 */
final class DirectionEnergy {
  private final int width;
  private final float[] translated; // [n, width]
  private final float[] difference; // [n, width]
  private final float @Nullable [] weight; // [width out, width in]
  private final RowLosses losses;
  private final double base;

  DirectionEnergy(
      int width,
      float[] translated,
      float[] difference,
      @Nullable Translator translator,
      RowLosses losses) {
    this.width = width;
    this.translated = translated;
    this.difference = difference;
    this.weight = translator == null || translator.isIdentity() ? null : translator.weight();
    this.losses = losses;
    this.base = at(new double[width], new double[width], 0);
  }

  /**
   * The energy.
   *
   * @param v of length 1
   * @param gradient receives the derivatives by v, as if v were free
   */
  double at(double[] v, double[] gradient) {
    return at(v, gradient, base);
  }

  private double at(double[] v, double[] gradient, double less) {
    double[] image = image(v);
    double[] byImage = new double[width];
    java.util.Arrays.fill(gradient, 0);
    int rows = translated.length / width;
    double mean =
        losses.mean(
            new RowLosses.Rows() {
              @Override
              public void write(int from, int count, float[] z) {
                for (int r = 0; r < count; r++) {
                  int at = (from + r) * width;
                  double share = share(v, at);
                  for (int i = 0; i < width; i++) {
                    z[r * width + i] = (float) (translated[at + i] + share * image[i]);
                  }
                }
              }

              @Override
              public void derivatives(int from, int count, float[] dz) {
                for (int r = 0; r < count; r++) {
                  int at = (from + r) * width;
                  double share = share(v, at);
                  double byShare = 0;
                  for (int i = 0; i < width; i++) {
                    byShare += dz[r * width + i] * image[i];
                    byImage[i] += share * dz[r * width + i];
                  }
                  for (int i = 0; i < width; i++) {
                    gradient[i] += byShare * difference[at + i];
                  }
                }
              }
            });
    addBack(byImage, gradient);
    for (int i = 0; i < width; i++) {
      gradient[i] /= rows;
    }
    return mean - less;
  }

  private double share(double[] v, int at) {
    double share = 0;
    for (int i = 0; i < width; i++) {
      share += v[i] * difference[at + i];
    }
    return share;
  }

  /** {@code v + W v}. */
  private double[] image(double[] v) {
    double[] image = v.clone();
    if (weight != null) {
      for (int o = 0; o < width; o++) {
        for (int i = 0; i < width; i++) {
          image[o] += weight[o * width + i] * v[i];
        }
      }
    }
    return image;
  }

  /** Adds {@code x + W^T x}. */
  private void addBack(double[] x, double[] to) {
    for (int o = 0; o < width; o++) {
      to[o] += x[o];
      if (weight != null) {
        for (int i = 0; i < width; i++) {
          to[i] += weight[o * width + i] * x[o];
        }
      }
    }
  }

  /** Minus the energy of any vector's part that is orthogonal to known ones, at length 1. */
  Objective orthogonalTo(List<double[]> known) {
    return (x, gradient) -> {
      double[] v = x.clone();
      remove(known, v);
      double length = length(v);
      for (int i = 0; i < width; i++) {
        v[i] /= length;
      }
      double energy = at(v, gradient);
      double along = 0;
      for (int i = 0; i < width; i++) {
        along += gradient[i] * v[i];
      }
      for (int i = 0; i < width; i++) {
        gradient[i] = -(gradient[i] - along * v[i]) / length;
      }
      remove(known, gradient);
      return -energy;
    };
  }

  /** Takes orthonormal directions out of a vector. */
  static void remove(List<double[]> known, double[] from) {
    for (double[] each : known) {
      double share = 0;
      for (int i = 0; i < from.length; i++) {
        share += from[i] * each[i];
      }
      for (int i = 0; i < from.length; i++) {
        from[i] -= share * each[i];
      }
    }
  }

  static double length(double[] v) {
    double sum = 0;
    for (double x : v) {
      sum += x * x;
    }
    return Math.sqrt(sum);
  }
}
