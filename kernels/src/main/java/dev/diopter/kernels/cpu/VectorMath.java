package dev.diopter.kernels.cpu;

import static dev.diopter.kernels.cpu.VectorShapes.FLOATS;
import static dev.diopter.kernels.cpu.VectorShapes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** {@link ScalarMath} on vectors: the same operations in the same order. */
final class VectorMath {
  private VectorMath() {}

  /**
   * Replaces x by {@code exp(x - max)} and returns the sum by 16 strided partials and the tree. n
   * is a multiple of 16.
   */
  static float exponentials(float[] x, int o, int n, float max, float[] partials) {
    FloatVector a = FloatVector.zero(FLOATS);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    for (int i = 0; i < n; i += 16) {
      int at = o + i;
      FloatVector e = exp(FloatVector.fromArray(FLOATS, x, at).sub(max));
      e.intoArray(x, at);
      a = a.add(e);
      if (LANES < 16) {
        e = exp(FloatVector.fromArray(FLOATS, x, at + LANES).sub(max));
        e.intoArray(x, at + LANES);
        b = b.add(e);
      }
      if (LANES < 8) {
        e = exp(FloatVector.fromArray(FLOATS, x, at + 2 * LANES).sub(max));
        e.intoArray(x, at + 2 * LANES);
        c = c.add(e);
        e = exp(FloatVector.fromArray(FLOATS, x, at + 3 * LANES).sub(max));
        e.intoArray(x, at + 3 * LANES);
        d = d.add(e);
      }
    }
    VectorRows.keep(a, b, c, d, partials);
    return ScalarRows.tree(partials);
  }

  static void gelu(float[] x, int o, int n, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector value = FloatVector.fromArray(FLOATS, x, o + i);
      gelu(value).intoArray(out, to + i);
    }
    ScalarRows.gelu(x, o, end, n, out, to);
  }

  static void siluTimes(float[] gate, int go, float[] up, int uo, int n, float[] out, int to) {
    int end = n / LANES * LANES;
    FloatVector none = FloatVector.zero(FLOATS);
    for (int i = 0; i < end; i += LANES) {
      FloatVector value = FloatVector.fromArray(FLOATS, gate, go + i);
      FloatVector factor = FloatVector.fromArray(FLOATS, up, uo + i);
      gate(value, value, none).mul(factor).intoArray(out, to + i);
    }
    ScalarRows.siluTimes(gate, go, up, uo, end, n, out, to);
  }

  private static FloatVector exp(FloatVector x) {
    FloatVector c = x.blend(ScalarMath.LOWEST, x.lt(ScalarMath.LOWEST));
    c = c.blend(ScalarMath.HIGHEST, c.compare(VectorOperators.GT, ScalarMath.HIGHEST));
    FloatVector t = rounded(c);
    FloatVector r = remainder(c, t);
    IntVector e = exponent(t);
    IntVector half = e.lanewise(VectorOperators.ASHR, 1);
    return polynomial(r).mul(powerOfTwo(half)).mul(powerOfTwo(e.sub(half)));
  }

  private static FloatVector gelu(FloatVector x) {
    FloatVector c = x.blend(-ScalarMath.GELU_LIMIT, x.lt(-ScalarMath.GELU_LIMIT));
    c = c.blend(ScalarMath.GELU_LIMIT, c.compare(VectorOperators.GT, ScalarMath.GELU_LIMIT));
    FloatVector aHigh = FloatVector.broadcast(FLOATS, ScalarMath.A_HIGH);
    FloatVector bHigh = FloatVector.broadcast(FLOATS, ScalarMath.B_HIGH);
    FloatVector p = c.mul(c);
    FloatVector pLow = c.fma(c, p.neg());
    FloatVector q = bHigh.mul(p);
    FloatVector qLow = bHigh.fma(p, q.neg());
    qLow = bHigh.fma(pLow, qLow);
    qLow = FloatVector.broadcast(FLOATS, ScalarMath.B_LOW).fma(p, qLow);
    FloatVector s = aHigh.add(q);
    FloatVector part = s.sub(aHigh);
    FloatVector sLow = aHigh.sub(s.sub(part)).add(q.sub(part));
    sLow = sLow.add(qLow.add(ScalarMath.A_LOW));
    FloatVector z = c.mul(s);
    FloatVector zLow = c.fma(s, z.neg());
    zLow = c.fma(sLow, zLow);
    return gate(x, z, zLow);
  }

  private static FloatVector gate(FloatVector x, FloatVector z, FloatVector zLow) {
    VectorMask<Float> negative = z.lt(0f);
    FloatVector a = z.abs().neg();
    VectorMask<Float> vanishes = a.lt(ScalarMath.LOWEST);
    FloatVector c = a.blend(ScalarMath.LOWEST, vanishes);
    FloatVector t = rounded(c);
    FloatVector r = remainder(c, t).add(zLow.neg().blend(zLow, negative));
    FloatVector p = polynomial(r).blend(0f, vanishes);
    IntVector e = exponent(t);
    IntVector half = e.lanewise(VectorOperators.ASHR, 1);
    FloatVector first = powerOfTwo(half);
    FloatVector second = powerOfTwo(e.sub(half));
    FloatVector divisor = p.mul(first).mul(second).add(1f);
    FloatVector quotient = x.blend(x.mul(p), negative).div(divisor);
    return quotient.blend(quotient.mul(first).mul(second), negative);
  }

  private static FloatVector rounded(FloatVector x) {
    FloatVector round = FloatVector.broadcast(FLOATS, ScalarMath.ROUND);
    return x.fma(FloatVector.broadcast(FLOATS, ScalarMath.LOG2_E), round);
  }

  private static FloatVector remainder(FloatVector x, FloatVector t) {
    FloatVector n = t.sub(ScalarMath.ROUND);
    FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -ScalarMath.LN2_HIGH), x);
    return n.fma(FloatVector.broadcast(FLOATS, -ScalarMath.LN2_LOW), r);
  }

  private static FloatVector polynomial(FloatVector r) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    FloatVector p = FloatVector.broadcast(FLOATS, ScalarMath.C7);
    p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C6));
    p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C5));
    p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C4));
    p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C3));
    p = p.fma(r, FloatVector.broadcast(FLOATS, ScalarMath.C2));
    return p.fma(r, one).fma(r, one);
  }

  private static IntVector exponent(FloatVector t) {
    return t.reinterpretAsInts().sub(ScalarMath.ROUND_BITS);
  }

  private static FloatVector powerOfTwo(IntVector e) {
    return e.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }
}
