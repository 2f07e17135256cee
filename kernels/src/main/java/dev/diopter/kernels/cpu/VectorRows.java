package dev.diopter.kernels.cpu;

import static dev.diopter.kernels.cpu.VectorShapes.FLOATS;
import static dev.diopter.kernels.cpu.VectorShapes.LANES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The loops along a row on vectors. A reduction has 16 partial sums at every width: one, two or
 * four vectors of them, so the loops step by 16 and the branches on {@code LANES}, a constant, fall
 * away. What is left behind the last whole step goes to {@link ScalarRows}.
 */
final class VectorRows {
  private VectorRows() {}

  static float sum(float[] x, int o, int n, float[] partials) {
    FloatVector a = FloatVector.zero(FLOATS);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int end = n / 16 * 16;
    for (int i = 0; i < end; i += 16) {
      int at = o + i;
      a = a.add(FloatVector.fromArray(FLOATS, x, at));
      if (LANES < 16) {
        b = b.add(FloatVector.fromArray(FLOATS, x, at + LANES));
      }
      if (LANES < 8) {
        c = c.add(FloatVector.fromArray(FLOATS, x, at + 2 * LANES));
        d = d.add(FloatVector.fromArray(FLOATS, x, at + 3 * LANES));
      }
    }
    a.intoArray(partials, 0);
    if (LANES < 16) {
      b.intoArray(partials, LANES);
    }
    if (LANES < 8) {
      c.intoArray(partials, 2 * LANES);
      d.intoArray(partials, 3 * LANES);
    }
    ScalarRows.addTo(partials, x, o, end, n);
    return ScalarRows.tree(partials);
  }

  static float squares(float[] x, int o, int n, float mean, float[] partials) {
    FloatVector a = FloatVector.zero(FLOATS);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int end = n / 16 * 16;
    for (int i = 0; i < end; i += 16) {
      int at = o + i;
      FloatVector centred = FloatVector.fromArray(FLOATS, x, at).sub(mean);
      a = centred.fma(centred, a);
      if (LANES < 16) {
        centred = FloatVector.fromArray(FLOATS, x, at + LANES).sub(mean);
        b = centred.fma(centred, b);
      }
      if (LANES < 8) {
        centred = FloatVector.fromArray(FLOATS, x, at + 2 * LANES).sub(mean);
        c = centred.fma(centred, c);
        centred = FloatVector.fromArray(FLOATS, x, at + 3 * LANES).sub(mean);
        d = centred.fma(centred, d);
      }
    }
    a.intoArray(partials, 0);
    if (LANES < 16) {
      b.intoArray(partials, LANES);
    }
    if (LANES < 8) {
      c.intoArray(partials, 2 * LANES);
      d.intoArray(partials, 3 * LANES);
    }
    ScalarRows.addSquaresTo(partials, x, o, end, n, mean);
    return ScalarRows.tree(partials);
  }

  static float max(float[] x, int o, int n, float[] partials) {
    FloatVector max = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      max = max.max(FloatVector.fromArray(FLOATS, x, o + i));
    }
    max.intoArray(partials, 0);
    float most = ScalarRows.max(Float.NEGATIVE_INFINITY, partials, 0, 0, LANES);
    return ScalarRows.max(most, x, o, end, n);
  }

  static void normalize(float[] x, int o, int n, float mean, float scale, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector.fromArray(FLOATS, x, o + i).sub(mean).div(scale).intoArray(out, to + i);
    }
    ScalarRows.normalize(x, o, end, n, mean, scale, out, to);
  }

  static void affine(float[] x, int o, int n, float[] gain, float[] bias, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector gains = FloatVector.fromArray(FLOATS, gain, i);
      FloatVector biases = FloatVector.fromArray(FLOATS, bias, i);
      FloatVector.fromArray(FLOATS, x, o + i).fma(gains, biases).intoArray(out, to + i);
    }
    ScalarRows.affine(x, o, end, n, gain, bias, out, to);
  }

  static void gain(float[] x, int o, int n, float[] gain, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector gains = FloatVector.fromArray(FLOATS, gain, i);
      FloatVector.fromArray(FLOATS, x, o + i).mul(gains).intoArray(out, to + i);
    }
    ScalarRows.gain(x, o, end, n, gain, out, to);
  }

  static void scale(float[] x, int o, int n, float factor, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector.fromArray(FLOATS, x, o + i).mul(factor).intoArray(out, to + i);
    }
    ScalarRows.scale(x, o, end, n, factor, out, to);
  }

  static void add(float[] a, int ao, float[] b, int bo, int n, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector right = FloatVector.fromArray(FLOATS, b, bo + i);
      FloatVector.fromArray(FLOATS, a, ao + i).add(right).intoArray(out, to + i);
    }
    ScalarRows.add(a, ao, b, bo, end, n, out, to);
  }

  /**
   * Elements past the end are made minus infinity up to a multiple of 16: their exponentials are 0
   * and change no partial sum, so there is no remainder to do one by one.
   */
  static void softmax(float[] x, int o, int n, float[] partials) {
    float max = max(x, o, n, partials);
    if (max == Float.NEGATIVE_INFINITY) {
      Arrays.fill(x, o, o + n, 0f);
      return;
    }
    int end = Panels.roundUp(n, 16);
    Arrays.fill(x, o + n, o + end, Float.NEGATIVE_INFINITY);
    VectorMath.exponentials(x, o, end, max);
    scale(x, o, end, 1f / sum(x, o, end, partials), x, o);
  }

  static void rotate(float[] x, int o, int pairs, float[] angles, int at, float[] out, int to) {
    int end = pairs / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, x, o + i);
      FloatVector b = FloatVector.fromArray(FLOATS, x, o + pairs + i);
      FloatVector cosine = FloatVector.fromArray(FLOATS, angles, at + i);
      FloatVector sine = FloatVector.fromArray(FLOATS, angles, at + pairs + i);
      a.fma(cosine, b.mul(sine).neg()).intoArray(out, to + i);
      b.fma(cosine, a.mul(sine)).intoArray(out, to + pairs + i);
    }
    ScalarRows.rotate(x, o, end, pairs, angles, at, out, to);
  }
}
