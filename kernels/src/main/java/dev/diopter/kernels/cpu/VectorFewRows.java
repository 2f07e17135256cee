package dev.diopter.kernels.cpu;

import static dev.diopter.kernels.cpu.VectorShapes.FLOATS;
import static dev.diopter.kernels.cpu.VectorShapes.INTS;
import static dev.diopter.kernels.cpu.VectorShapes.LANES;
import static dev.diopter.kernels.cpu.VectorShapes.SHORTS;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;

/**
 * Products of few rows with panels, at the speed of memory: one, two or four rows as they lie by
 * several vectors, with 16-bit weights widened on the way; and what takes sums out of the tiles.
 */
final class VectorFewRows {
  private static final int ROW_SUMS = Panels.ROW_SUMS;
  private static final int SUMS = Panels.SUMS;

  // Float16 in the places of a float32: without the sign, the least normal value, infinity.
  private static final int F16_VALUE = 0x0fffe000;
  private static final int F16_NORMAL = 0x00800000;
  private static final int F16_INFINITY = 0x0f800000;
  private static final int F16_BIAS = 112 << 23;
  private static final int F16_SIGN = 0x80000000;
  private static final float F16_LEAST = 0x1p-14f;

  private VectorFewRows() {}

  /** Two rows as they lie times the vectors at four places; sums lie side by side in rows of 64. */
  static void rows2(
      float[] x,
      int xo,
      int xRow,
      float[] w,
      int w0,
      int w1,
      int w2,
      int w3,
      int k,
      float[] c,
      int co) {
    FloatVector a0 = FloatVector.fromArray(FLOATS, c, co);
    FloatVector a1 = FloatVector.fromArray(FLOATS, c, co + LANES);
    FloatVector a2 = FloatVector.fromArray(FLOATS, c, co + 2 * LANES);
    FloatVector a3 = FloatVector.fromArray(FLOATS, c, co + 3 * LANES);
    FloatVector b0 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS);
    FloatVector b1 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS + LANES);
    FloatVector b2 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS + 2 * LANES);
    FloatVector b3 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS + 3 * LANES);
    int x1 = xo + xRow;
    for (int i = 0; i < k; i++) {
      FloatVector v0 = FloatVector.fromArray(FLOATS, w, w0 + 16 * i);
      FloatVector v1 = FloatVector.fromArray(FLOATS, w, w1 + 16 * i);
      FloatVector v2 = FloatVector.fromArray(FLOATS, w, w2 + 16 * i);
      FloatVector v3 = FloatVector.fromArray(FLOATS, w, w3 + 16 * i);
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      a0 = value.fma(v0, a0);
      a1 = value.fma(v1, a1);
      a2 = value.fma(v2, a2);
      a3 = value.fma(v3, a3);
      value = FloatVector.broadcast(FLOATS, x[x1 + i]);
      b0 = value.fma(v0, b0);
      b1 = value.fma(v1, b1);
      b2 = value.fma(v2, b2);
      b3 = value.fma(v3, b3);
    }
    a0.intoArray(c, co);
    a1.intoArray(c, co + LANES);
    a2.intoArray(c, co + 2 * LANES);
    a3.intoArray(c, co + 3 * LANES);
    b0.intoArray(c, co + ROW_SUMS);
    b1.intoArray(c, co + ROW_SUMS + LANES);
    b2.intoArray(c, co + ROW_SUMS + 2 * LANES);
    b3.intoArray(c, co + ROW_SUMS + 3 * LANES);
  }

  /**
   * Four rows as they lie times the vectors at four places; sums lie side by side in rows of 64.
   */
  static void rows4(
      float[] x,
      int xo,
      int xRow,
      float[] w,
      int w0,
      int w1,
      int w2,
      int w3,
      int k,
      float[] c,
      int co) {
    FloatVector a0 = FloatVector.fromArray(FLOATS, c, co);
    FloatVector a1 = FloatVector.fromArray(FLOATS, c, co + LANES);
    FloatVector a2 = FloatVector.fromArray(FLOATS, c, co + 2 * LANES);
    FloatVector a3 = FloatVector.fromArray(FLOATS, c, co + 3 * LANES);
    FloatVector b0 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS);
    FloatVector b1 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS + LANES);
    FloatVector b2 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS + 2 * LANES);
    FloatVector b3 = FloatVector.fromArray(FLOATS, c, co + ROW_SUMS + 3 * LANES);
    FloatVector d0 = FloatVector.fromArray(FLOATS, c, co + 2 * ROW_SUMS);
    FloatVector d1 = FloatVector.fromArray(FLOATS, c, co + 2 * ROW_SUMS + LANES);
    FloatVector d2 = FloatVector.fromArray(FLOATS, c, co + 2 * ROW_SUMS + 2 * LANES);
    FloatVector d3 = FloatVector.fromArray(FLOATS, c, co + 2 * ROW_SUMS + 3 * LANES);
    FloatVector e0 = FloatVector.fromArray(FLOATS, c, co + 3 * ROW_SUMS);
    FloatVector e1 = FloatVector.fromArray(FLOATS, c, co + 3 * ROW_SUMS + LANES);
    FloatVector e2 = FloatVector.fromArray(FLOATS, c, co + 3 * ROW_SUMS + 2 * LANES);
    FloatVector e3 = FloatVector.fromArray(FLOATS, c, co + 3 * ROW_SUMS + 3 * LANES);
    int x1 = xo + xRow;
    int x2 = x1 + xRow;
    int x3 = x2 + xRow;
    for (int i = 0; i < k; i++) {
      FloatVector v0 = FloatVector.fromArray(FLOATS, w, w0 + 16 * i);
      FloatVector v1 = FloatVector.fromArray(FLOATS, w, w1 + 16 * i);
      FloatVector v2 = FloatVector.fromArray(FLOATS, w, w2 + 16 * i);
      FloatVector v3 = FloatVector.fromArray(FLOATS, w, w3 + 16 * i);
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      a0 = value.fma(v0, a0);
      a1 = value.fma(v1, a1);
      a2 = value.fma(v2, a2);
      a3 = value.fma(v3, a3);
      value = FloatVector.broadcast(FLOATS, x[x1 + i]);
      b0 = value.fma(v0, b0);
      b1 = value.fma(v1, b1);
      b2 = value.fma(v2, b2);
      b3 = value.fma(v3, b3);
      value = FloatVector.broadcast(FLOATS, x[x2 + i]);
      d0 = value.fma(v0, d0);
      d1 = value.fma(v1, d1);
      d2 = value.fma(v2, d2);
      d3 = value.fma(v3, d3);
      value = FloatVector.broadcast(FLOATS, x[x3 + i]);
      e0 = value.fma(v0, e0);
      e1 = value.fma(v1, e1);
      e2 = value.fma(v2, e2);
      e3 = value.fma(v3, e3);
    }
    a0.intoArray(c, co);
    a1.intoArray(c, co + LANES);
    a2.intoArray(c, co + 2 * LANES);
    a3.intoArray(c, co + 3 * LANES);
    b0.intoArray(c, co + ROW_SUMS);
    b1.intoArray(c, co + ROW_SUMS + LANES);
    b2.intoArray(c, co + ROW_SUMS + 2 * LANES);
    b3.intoArray(c, co + ROW_SUMS + 3 * LANES);
    d0.intoArray(c, co + 2 * ROW_SUMS);
    d1.intoArray(c, co + 2 * ROW_SUMS + LANES);
    d2.intoArray(c, co + 2 * ROW_SUMS + 2 * LANES);
    d3.intoArray(c, co + 2 * ROW_SUMS + 3 * LANES);
    e0.intoArray(c, co + 3 * ROW_SUMS);
    e1.intoArray(c, co + 3 * ROW_SUMS + LANES);
    e2.intoArray(c, co + 3 * ROW_SUMS + 2 * LANES);
    e3.intoArray(c, co + 3 * ROW_SUMS + 3 * LANES);
  }

  /** One row times the vectors at four places; their sums lie side by side. */
  static void row(
      float[] x, int xo, float[] w, int w0, int w1, int w2, int w3, int k, float[] c, int co) {
    FloatVector a = FloatVector.fromArray(FLOATS, c, co);
    FloatVector b = FloatVector.fromArray(FLOATS, c, co + LANES);
    FloatVector d = FloatVector.fromArray(FLOATS, c, co + 2 * LANES);
    FloatVector e = FloatVector.fromArray(FLOATS, c, co + 3 * LANES);
    for (int i = 0; i < k; i++) {
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      a = value.fma(FloatVector.fromArray(FLOATS, w, w0 + 16 * i), a);
      b = value.fma(FloatVector.fromArray(FLOATS, w, w1 + 16 * i), b);
      d = value.fma(FloatVector.fromArray(FLOATS, w, w2 + 16 * i), d);
      e = value.fma(FloatVector.fromArray(FLOATS, w, w3 + 16 * i), e);
    }
    a.intoArray(c, co);
    b.intoArray(c, co + LANES);
    d.intoArray(c, co + 2 * LANES);
    e.intoArray(c, co + 3 * LANES);
  }

  /** One row times one vector. */
  static void row(float[] x, int xo, float[] w, int wo, int k, float[] c, int co) {
    FloatVector a = FloatVector.fromArray(FLOATS, c, co);
    for (int i = 0; i < k; i++) {
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      a = value.fma(FloatVector.fromArray(FLOATS, w, wo + 16 * i), a);
    }
    a.intoArray(c, co);
  }

  /** One row times bfloat16 vectors at four places. */
  static void row(
      float[] x, int xo, short[] w, int w0, int w1, int w2, int w3, int k, float[] c, int co) {
    FloatVector a = FloatVector.fromArray(FLOATS, c, co);
    FloatVector b = FloatVector.fromArray(FLOATS, c, co + LANES);
    FloatVector d = FloatVector.fromArray(FLOATS, c, co + 2 * LANES);
    FloatVector e = FloatVector.fromArray(FLOATS, c, co + 3 * LANES);
    for (int i = 0; i < k; i++) {
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      ShortVector aBits = ShortVector.fromArray(SHORTS, w, w0 + 16 * i);
      IntVector aWide = (IntVector) aBits.convertShape(ZERO_EXTEND_S2I, INTS, 0);
      a = value.fma(aWide.lanewise(LSHL, 16).reinterpretAsFloats(), a);
      ShortVector bBits = ShortVector.fromArray(SHORTS, w, w1 + 16 * i);
      IntVector bWide = (IntVector) bBits.convertShape(ZERO_EXTEND_S2I, INTS, 0);
      b = value.fma(bWide.lanewise(LSHL, 16).reinterpretAsFloats(), b);
      ShortVector dBits = ShortVector.fromArray(SHORTS, w, w2 + 16 * i);
      IntVector dWide = (IntVector) dBits.convertShape(ZERO_EXTEND_S2I, INTS, 0);
      d = value.fma(dWide.lanewise(LSHL, 16).reinterpretAsFloats(), d);
      ShortVector eBits = ShortVector.fromArray(SHORTS, w, w3 + 16 * i);
      IntVector eWide = (IntVector) eBits.convertShape(ZERO_EXTEND_S2I, INTS, 0);
      e = value.fma(eWide.lanewise(LSHL, 16).reinterpretAsFloats(), e);
    }
    a.intoArray(c, co);
    b.intoArray(c, co + LANES);
    d.intoArray(c, co + 2 * LANES);
    e.intoArray(c, co + 3 * LANES);
  }

  /** One row times one bfloat16 vector. */
  static void row(float[] x, int xo, short[] w, int wo, int k, float[] c, int co) {
    FloatVector a = FloatVector.fromArray(FLOATS, c, co);
    for (int i = 0; i < k; i++) {
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      ShortVector bits = ShortVector.fromArray(SHORTS, w, wo + 16 * i);
      IntVector wide = (IntVector) bits.convertShape(ZERO_EXTEND_S2I, INTS, 0);
      a = value.fma(wide.lanewise(LSHL, 16).reinterpretAsFloats(), a);
    }
    a.intoArray(c, co);
  }

  /**
   * One row times float16 vectors at four places. A value's bits move to those of a float32, whose
   * exponent counts from 112 more; subnormals become normal with one bit too many, which is
   * subtracted exactly, and the largest exponent, infinity and NaN, becomes the largest again.
   */
  static void rowFloat16(
      float[] x, int xo, short[] w, int w0, int w1, int w2, int w3, int k, float[] c, int co) {
    FloatVector a = FloatVector.fromArray(FLOATS, c, co);
    FloatVector b = FloatVector.fromArray(FLOATS, c, co + LANES);
    FloatVector d = FloatVector.fromArray(FLOATS, c, co + 2 * LANES);
    FloatVector e = FloatVector.fromArray(FLOATS, c, co + 3 * LANES);
    for (int i = 0; i < k; i++) {
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      ShortVector aBits = ShortVector.fromArray(SHORTS, w, w0 + 16 * i);
      IntVector aWide = (IntVector) aBits.convertShape(S2I, INTS, 0);
      IntVector aValue = aWide.lanewise(LSHL, 13).and(F16_VALUE);
      VectorMask<Integer> aSmall = aValue.lt(F16_NORMAL);
      VectorMask<Integer> aLarge = aValue.compare(GE, F16_INFINITY);
      aValue = aValue.add(F16_BIAS).add(F16_NORMAL, aSmall).add(F16_BIAS, aLarge);
      FloatVector aFloat = aValue.reinterpretAsFloats().sub(F16_LEAST, aSmall.cast(FLOATS));
      aValue = aFloat.reinterpretAsInts().or(aWide.and(F16_SIGN));
      a = value.fma(aValue.reinterpretAsFloats(), a);
      ShortVector bBits = ShortVector.fromArray(SHORTS, w, w1 + 16 * i);
      IntVector bWide = (IntVector) bBits.convertShape(S2I, INTS, 0);
      IntVector bValue = bWide.lanewise(LSHL, 13).and(F16_VALUE);
      VectorMask<Integer> bSmall = bValue.lt(F16_NORMAL);
      VectorMask<Integer> bLarge = bValue.compare(GE, F16_INFINITY);
      bValue = bValue.add(F16_BIAS).add(F16_NORMAL, bSmall).add(F16_BIAS, bLarge);
      FloatVector bFloat = bValue.reinterpretAsFloats().sub(F16_LEAST, bSmall.cast(FLOATS));
      bValue = bFloat.reinterpretAsInts().or(bWide.and(F16_SIGN));
      b = value.fma(bValue.reinterpretAsFloats(), b);
      ShortVector dBits = ShortVector.fromArray(SHORTS, w, w2 + 16 * i);
      IntVector dWide = (IntVector) dBits.convertShape(S2I, INTS, 0);
      IntVector dValue = dWide.lanewise(LSHL, 13).and(F16_VALUE);
      VectorMask<Integer> dSmall = dValue.lt(F16_NORMAL);
      VectorMask<Integer> dLarge = dValue.compare(GE, F16_INFINITY);
      dValue = dValue.add(F16_BIAS).add(F16_NORMAL, dSmall).add(F16_BIAS, dLarge);
      FloatVector dFloat = dValue.reinterpretAsFloats().sub(F16_LEAST, dSmall.cast(FLOATS));
      dValue = dFloat.reinterpretAsInts().or(dWide.and(F16_SIGN));
      d = value.fma(dValue.reinterpretAsFloats(), d);
      ShortVector eBits = ShortVector.fromArray(SHORTS, w, w3 + 16 * i);
      IntVector eWide = (IntVector) eBits.convertShape(S2I, INTS, 0);
      IntVector eValue = eWide.lanewise(LSHL, 13).and(F16_VALUE);
      VectorMask<Integer> eSmall = eValue.lt(F16_NORMAL);
      VectorMask<Integer> eLarge = eValue.compare(GE, F16_INFINITY);
      eValue = eValue.add(F16_BIAS).add(F16_NORMAL, eSmall).add(F16_BIAS, eLarge);
      FloatVector eFloat = eValue.reinterpretAsFloats().sub(F16_LEAST, eSmall.cast(FLOATS));
      eValue = eFloat.reinterpretAsInts().or(eWide.and(F16_SIGN));
      e = value.fma(eValue.reinterpretAsFloats(), e);
    }
    a.intoArray(c, co);
    b.intoArray(c, co + LANES);
    d.intoArray(c, co + 2 * LANES);
    e.intoArray(c, co + 3 * LANES);
  }

  /** One row times one float16 vector. */
  static void rowFloat16(float[] x, int xo, short[] w, int wo, int k, float[] c, int co) {
    FloatVector a = FloatVector.fromArray(FLOATS, c, co);
    for (int i = 0; i < k; i++) {
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      ShortVector aBits = ShortVector.fromArray(SHORTS, w, wo + 16 * i);
      IntVector aWide = (IntVector) aBits.convertShape(S2I, INTS, 0);
      IntVector aValue = aWide.lanewise(LSHL, 13).and(F16_VALUE);
      VectorMask<Integer> aSmall = aValue.lt(F16_NORMAL);
      VectorMask<Integer> aLarge = aValue.compare(GE, F16_INFINITY);
      aValue = aValue.add(F16_BIAS).add(F16_NORMAL, aSmall).add(F16_BIAS, aLarge);
      FloatVector aFloat = aValue.reinterpretAsFloats().sub(F16_LEAST, aSmall.cast(FLOATS));
      aValue = aFloat.reinterpretAsInts().or(aWide.and(F16_SIGN));
      a = value.fma(aValue.reinterpretAsFloats(), a);
    }
    a.intoArray(c, co);
  }

  /** Rows of sums to rows {@code stride} apart. */
  static void store(float[] sums, int so, int rows, int n, float[] out, int to, int stride) {
    for (int r = 0; r < rows; r++) {
      int from = so + r * SUMS;
      int at = to + r * stride;
      int j = 0;
      for (; j <= n - LANES; j += LANES) {
        FloatVector.fromArray(FLOATS, sums, from + j).intoArray(out, at + j);
      }
      for (; j < n; j++) {
        out[at + j] = sums[from + j];
      }
    }
  }

  /** {@link #store} with a bias added. */
  static void storeBiased(
      float[] sums,
      int so,
      int rows,
      int n,
      float[] bias,
      int bo,
      float[] out,
      int to,
      int stride) {
    for (int r = 0; r < rows; r++) {
      int from = so + r * SUMS;
      int at = to + r * stride;
      int j = 0;
      for (; j <= n - LANES; j += LANES) {
        FloatVector sum = FloatVector.fromArray(FLOATS, sums, from + j);
        sum.add(FloatVector.fromArray(FLOATS, bias, bo + j)).intoArray(out, at + j);
      }
      for (; j < n; j++) {
        out[at + j] = sums[from + j] + bias[bo + j];
      }
    }
  }

  /**
   * Widens bfloat16 values, each of which becomes the upper half of its lane; n is a multiple of
   * 16.
   */
  static void widen(short[] w, int wo, int n, float[] out, int to) {
    for (int i = 0; i < n; i += LANES) {
      ShortVector bits = ShortVector.fromArray(SHORTS, w, wo + i);
      IntVector wide = (IntVector) bits.convertShape(ZERO_EXTEND_S2I, INTS, 0);
      wide.lanewise(LSHL, 16).reinterpretAsFloats().intoArray(out, to + i);
    }
  }
}
