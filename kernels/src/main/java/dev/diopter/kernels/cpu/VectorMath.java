package dev.diopter.kernels.cpu;

import static dev.diopter.kernels.cpu.VectorShapes.FLOATS;
import static dev.diopter.kernels.cpu.VectorShapes.INTS;
import static dev.diopter.kernels.cpu.VectorShapes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link ScalarMath} on vectors: the same operations in the same order.
 *
 * <p>Each loop stands alone, at the price of repetition: a vector that crosses a call is boxed
 * unless C2 inlines the callee, and past some size of a method it inlines only what the Vector API
 * marks. For the same reason the constants are vectors already.
 */
final class VectorMath {
  private static final FloatVector ZERO = FloatVector.zero(FLOATS);
  private static final FloatVector ONE = all(1f);
  private static final FloatVector LOG2_E = all(ScalarMath.LOG2_E);
  private static final FloatVector ROUND = all(ScalarMath.ROUND);
  private static final FloatVector MINUS_LN2_HIGH = all(-ScalarMath.LN2_HIGH);
  private static final FloatVector MINUS_LN2_LOW = all(-ScalarMath.LN2_LOW);
  private static final FloatVector C7 = all(ScalarMath.C7);
  private static final FloatVector C6 = all(ScalarMath.C6);
  private static final FloatVector C5 = all(ScalarMath.C5);
  private static final FloatVector C4 = all(ScalarMath.C4);
  private static final FloatVector C3 = all(ScalarMath.C3);
  private static final FloatVector C2 = all(ScalarMath.C2);
  private static final FloatVector LOWEST = all(ScalarMath.LOWEST);
  private static final FloatVector HIGHEST = all(ScalarMath.HIGHEST);
  private static final FloatVector GELU_LIMIT = all(ScalarMath.GELU_LIMIT);
  private static final FloatVector MINUS_GELU_LIMIT = all(-ScalarMath.GELU_LIMIT);
  private static final FloatVector A_HIGH = all(ScalarMath.A_HIGH);
  private static final FloatVector A_LOW = all(ScalarMath.A_LOW);
  private static final FloatVector B_HIGH = all(ScalarMath.B_HIGH);
  private static final FloatVector B_LOW = all(ScalarMath.B_LOW);
  private static final IntVector ROUND_BITS = IntVector.broadcast(INTS, ScalarMath.ROUND_BITS);
  private static final IntVector BIAS = IntVector.broadcast(INTS, 127);

  private VectorMath() {}

  private static FloatVector all(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  /** Replaces x by {@code exp(x - max)}; n is a multiple of 16. */
  static void exponentials(float[] x, int o, int n, float max) {
    FloatVector most = FloatVector.broadcast(FLOATS, max);
    for (int i = 0; i < n; i += LANES) {
      FloatVector c = FloatVector.fromArray(FLOATS, x, o + i).sub(most);
      c = c.blend(LOWEST, c.lt(LOWEST));
      c = c.blend(HIGHEST, c.compare(VectorOperators.GT, HIGHEST));
      FloatVector t = c.fma(LOG2_E, ROUND);
      FloatVector whole = t.sub(ROUND);
      FloatVector r = whole.fma(MINUS_LN2_LOW, whole.fma(MINUS_LN2_HIGH, c));
      FloatVector p = C7.fma(r, C6).fma(r, C5).fma(r, C4).fma(r, C3).fma(r, C2);
      p = p.fma(r, ONE).fma(r, ONE);
      IntVector e = t.reinterpretAsInts().sub(ROUND_BITS);
      IntVector half = e.lanewise(VectorOperators.ASHR, 1);
      IntVector rest = e.sub(half);
      p = p.mul(half.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
      p = p.mul(rest.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
      p.intoArray(x, o + i);
    }
  }

  static void gelu(float[] x, int o, int n, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector value = FloatVector.fromArray(FLOATS, x, o + i);
      FloatVector c = value.blend(MINUS_GELU_LIMIT, value.lt(MINUS_GELU_LIMIT));
      c = c.blend(GELU_LIMIT, c.compare(VectorOperators.GT, GELU_LIMIT));
      FloatVector square = c.mul(c);
      FloatVector squareLow = c.fma(c, square.neg());
      FloatVector q = B_HIGH.mul(square);
      FloatVector qLow = B_HIGH.fma(square, q.neg());
      qLow = B_LOW.fma(square, B_HIGH.fma(squareLow, qLow));
      FloatVector s = A_HIGH.add(q);
      FloatVector part = s.sub(A_HIGH);
      FloatVector sLow = A_HIGH.sub(s.sub(part)).add(q.sub(part));
      sLow = sLow.add(A_LOW.add(qLow));
      FloatVector z = c.mul(s);
      FloatVector zLow = c.fma(sLow, c.fma(s, z.neg()));

      // ScalarMath.gate
      VectorMask<Float> negative = z.lt(ZERO);
      FloatVector a = z.abs().neg();
      VectorMask<Float> vanishes = a.lt(LOWEST);
      a = a.blend(LOWEST, vanishes);
      FloatVector t = a.fma(LOG2_E, ROUND);
      FloatVector whole = t.sub(ROUND);
      FloatVector r = whole.fma(MINUS_LN2_LOW, whole.fma(MINUS_LN2_HIGH, a));
      r = r.add(zLow.neg().blend(zLow, negative));
      FloatVector p = C7.fma(r, C6).fma(r, C5).fma(r, C4).fma(r, C3).fma(r, C2);
      p = p.fma(r, ONE).fma(r, ONE).blend(ZERO, vanishes);
      IntVector e = t.reinterpretAsInts().sub(ROUND_BITS);
      IntVector half = e.lanewise(VectorOperators.ASHR, 1);
      IntVector rest = e.sub(half);
      FloatVector first = half.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
      FloatVector second = rest.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
      FloatVector divisor = p.mul(first).fma(second, ONE);
      FloatVector quotient = value.blend(value.mul(p), negative).div(divisor);
      quotient.blend(quotient.mul(first).mul(second), negative).intoArray(out, to + i);
    }
    ScalarRows.gelu(x, o, end, n, out, to);
  }

  static void siluTimes(float[] gate, int go, float[] up, int uo, int n, float[] out, int to) {
    int end = n / LANES * LANES;
    for (int i = 0; i < end; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, gate, go + i);
      FloatVector factor = FloatVector.fromArray(FLOATS, up, uo + i);

      // ScalarMath.gate
      VectorMask<Float> negative = z.lt(ZERO);
      FloatVector a = z.abs().neg();
      VectorMask<Float> vanishes = a.lt(LOWEST);
      a = a.blend(LOWEST, vanishes);
      FloatVector t = a.fma(LOG2_E, ROUND);
      FloatVector whole = t.sub(ROUND);
      FloatVector r = whole.fma(MINUS_LN2_LOW, whole.fma(MINUS_LN2_HIGH, a));
      FloatVector p = C7.fma(r, C6).fma(r, C5).fma(r, C4).fma(r, C3).fma(r, C2);
      p = p.fma(r, ONE).fma(r, ONE).blend(ZERO, vanishes);
      IntVector e = t.reinterpretAsInts().sub(ROUND_BITS);
      IntVector half = e.lanewise(VectorOperators.ASHR, 1);
      IntVector rest = e.sub(half);
      FloatVector first = half.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
      FloatVector second = rest.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
      FloatVector divisor = p.mul(first).fma(second, ONE);
      FloatVector quotient = z.blend(z.mul(p), negative).div(divisor);
      quotient = quotient.blend(quotient.mul(first).mul(second), negative);
      quotient.mul(factor).intoArray(out, to + i);
    }
    ScalarRows.siluTimes(gate, go, up, uo, end, n, out, to);
  }
}
