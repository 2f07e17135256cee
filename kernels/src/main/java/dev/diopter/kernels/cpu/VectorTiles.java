package dev.diopter.kernels.cpu;

import static dev.diopter.kernels.cpu.VectorShapes.FLOATS;
import static dev.diopter.kernels.cpu.VectorShapes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Products with panels: register tiles of twelve, eight or four rows by two vectors. Twenty-four
 * sums fit the 32 registers of AVX-512; eight keep the multipliers busy where there are 16, and
 * more would spill.
 */
final class VectorTiles {
  private static final int SUMS = Panels.SUMS;

  /** Whether a panel has room for both vectors of a tile. */
  private static final boolean NARROW = LANES < Panels.WIDTH;

  private VectorTiles() {}

  /**
   * Twelve interleaved rows, twelve of them a step apart, times the vectors at {@code w[wo + 16 k]}
   * and {@code w[wo + second + 16 k]}, whose sums are at {@code co} and {@code co + cSecond}. Both
   * may be the same place: they then compute the same.
   */
  static void tile12(
      float[] x, int xo, float[] w, int wo, int second, int k, float[] c, int co, int cSecond) {
    int next = NARROW ? LANES : second; // a constant leaves one address to keep
    int c1 = co + (NARROW ? LANES : cSecond);
    FloatVector a0 = FloatVector.fromArray(FLOATS, c, co);
    FloatVector a1 = FloatVector.fromArray(FLOATS, c, c1);
    FloatVector b0 = FloatVector.fromArray(FLOATS, c, co + SUMS);
    FloatVector b1 = FloatVector.fromArray(FLOATS, c, c1 + SUMS);
    FloatVector d0 = FloatVector.fromArray(FLOATS, c, co + 2 * SUMS);
    FloatVector d1 = FloatVector.fromArray(FLOATS, c, c1 + 2 * SUMS);
    FloatVector e0 = FloatVector.fromArray(FLOATS, c, co + 3 * SUMS);
    FloatVector e1 = FloatVector.fromArray(FLOATS, c, c1 + 3 * SUMS);
    FloatVector f0 = FloatVector.fromArray(FLOATS, c, co + 4 * SUMS);
    FloatVector f1 = FloatVector.fromArray(FLOATS, c, c1 + 4 * SUMS);
    FloatVector g0 = FloatVector.fromArray(FLOATS, c, co + 5 * SUMS);
    FloatVector g1 = FloatVector.fromArray(FLOATS, c, c1 + 5 * SUMS);
    FloatVector h0 = FloatVector.fromArray(FLOATS, c, co + 6 * SUMS);
    FloatVector h1 = FloatVector.fromArray(FLOATS, c, c1 + 6 * SUMS);
    FloatVector j0 = FloatVector.fromArray(FLOATS, c, co + 7 * SUMS);
    FloatVector j1 = FloatVector.fromArray(FLOATS, c, c1 + 7 * SUMS);
    FloatVector l0 = FloatVector.fromArray(FLOATS, c, co + 8 * SUMS);
    FloatVector l1 = FloatVector.fromArray(FLOATS, c, c1 + 8 * SUMS);
    FloatVector m0 = FloatVector.fromArray(FLOATS, c, co + 9 * SUMS);
    FloatVector m1 = FloatVector.fromArray(FLOATS, c, c1 + 9 * SUMS);
    FloatVector n0 = FloatVector.fromArray(FLOATS, c, co + 10 * SUMS);
    FloatVector n1 = FloatVector.fromArray(FLOATS, c, c1 + 10 * SUMS);
    FloatVector p0 = FloatVector.fromArray(FLOATS, c, co + 11 * SUMS);
    FloatVector p1 = FloatVector.fromArray(FLOATS, c, c1 + 11 * SUMS);
    for (int i = 0; i < k; i++) {
      FloatVector u = FloatVector.fromArray(FLOATS, w, wo + 16 * i);
      FloatVector v = FloatVector.fromArray(FLOATS, w, wo + next + 16 * i);
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + 12 * i]);
      a0 = value.fma(u, a0);
      a1 = value.fma(v, a1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 1]);
      b0 = value.fma(u, b0);
      b1 = value.fma(v, b1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 2]);
      d0 = value.fma(u, d0);
      d1 = value.fma(v, d1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 3]);
      e0 = value.fma(u, e0);
      e1 = value.fma(v, e1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 4]);
      f0 = value.fma(u, f0);
      f1 = value.fma(v, f1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 5]);
      g0 = value.fma(u, g0);
      g1 = value.fma(v, g1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 6]);
      h0 = value.fma(u, h0);
      h1 = value.fma(v, h1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 7]);
      j0 = value.fma(u, j0);
      j1 = value.fma(v, j1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 8]);
      l0 = value.fma(u, l0);
      l1 = value.fma(v, l1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 9]);
      m0 = value.fma(u, m0);
      m1 = value.fma(v, m1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 10]);
      n0 = value.fma(u, n0);
      n1 = value.fma(v, n1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 11]);
      p0 = value.fma(u, p0);
      p1 = value.fma(v, p1);
    }
    a0.intoArray(c, co);
    a1.intoArray(c, c1);
    b0.intoArray(c, co + SUMS);
    b1.intoArray(c, c1 + SUMS);
    d0.intoArray(c, co + 2 * SUMS);
    d1.intoArray(c, c1 + 2 * SUMS);
    e0.intoArray(c, co + 3 * SUMS);
    e1.intoArray(c, c1 + 3 * SUMS);
    f0.intoArray(c, co + 4 * SUMS);
    f1.intoArray(c, c1 + 4 * SUMS);
    g0.intoArray(c, co + 5 * SUMS);
    g1.intoArray(c, c1 + 5 * SUMS);
    h0.intoArray(c, co + 6 * SUMS);
    h1.intoArray(c, c1 + 6 * SUMS);
    j0.intoArray(c, co + 7 * SUMS);
    j1.intoArray(c, c1 + 7 * SUMS);
    l0.intoArray(c, co + 8 * SUMS);
    l1.intoArray(c, c1 + 8 * SUMS);
    m0.intoArray(c, co + 9 * SUMS);
    m1.intoArray(c, c1 + 9 * SUMS);
    n0.intoArray(c, co + 10 * SUMS);
    n1.intoArray(c, c1 + 10 * SUMS);
    p0.intoArray(c, co + 11 * SUMS);
    p1.intoArray(c, c1 + 11 * SUMS);
  }

  /** Eight rows of the twelve: {@link #tile12}. */
  static void tile8(
      float[] x, int xo, float[] w, int wo, int second, int k, float[] c, int co, int cSecond) {
    int next = NARROW ? LANES : second; // a constant leaves one address to keep
    int c1 = co + (NARROW ? LANES : cSecond);
    FloatVector a0 = FloatVector.fromArray(FLOATS, c, co);
    FloatVector a1 = FloatVector.fromArray(FLOATS, c, c1);
    FloatVector b0 = FloatVector.fromArray(FLOATS, c, co + SUMS);
    FloatVector b1 = FloatVector.fromArray(FLOATS, c, c1 + SUMS);
    FloatVector d0 = FloatVector.fromArray(FLOATS, c, co + 2 * SUMS);
    FloatVector d1 = FloatVector.fromArray(FLOATS, c, c1 + 2 * SUMS);
    FloatVector e0 = FloatVector.fromArray(FLOATS, c, co + 3 * SUMS);
    FloatVector e1 = FloatVector.fromArray(FLOATS, c, c1 + 3 * SUMS);
    FloatVector f0 = FloatVector.fromArray(FLOATS, c, co + 4 * SUMS);
    FloatVector f1 = FloatVector.fromArray(FLOATS, c, c1 + 4 * SUMS);
    FloatVector g0 = FloatVector.fromArray(FLOATS, c, co + 5 * SUMS);
    FloatVector g1 = FloatVector.fromArray(FLOATS, c, c1 + 5 * SUMS);
    FloatVector h0 = FloatVector.fromArray(FLOATS, c, co + 6 * SUMS);
    FloatVector h1 = FloatVector.fromArray(FLOATS, c, c1 + 6 * SUMS);
    FloatVector j0 = FloatVector.fromArray(FLOATS, c, co + 7 * SUMS);
    FloatVector j1 = FloatVector.fromArray(FLOATS, c, c1 + 7 * SUMS);
    for (int i = 0; i < k; i++) {
      FloatVector u = FloatVector.fromArray(FLOATS, w, wo + 16 * i);
      FloatVector v = FloatVector.fromArray(FLOATS, w, wo + next + 16 * i);
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + 12 * i]);
      a0 = value.fma(u, a0);
      a1 = value.fma(v, a1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 1]);
      b0 = value.fma(u, b0);
      b1 = value.fma(v, b1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 2]);
      d0 = value.fma(u, d0);
      d1 = value.fma(v, d1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 3]);
      e0 = value.fma(u, e0);
      e1 = value.fma(v, e1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 4]);
      f0 = value.fma(u, f0);
      f1 = value.fma(v, f1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 5]);
      g0 = value.fma(u, g0);
      g1 = value.fma(v, g1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 6]);
      h0 = value.fma(u, h0);
      h1 = value.fma(v, h1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 7]);
      j0 = value.fma(u, j0);
      j1 = value.fma(v, j1);
    }
    a0.intoArray(c, co);
    a1.intoArray(c, c1);
    b0.intoArray(c, co + SUMS);
    b1.intoArray(c, c1 + SUMS);
    d0.intoArray(c, co + 2 * SUMS);
    d1.intoArray(c, c1 + 2 * SUMS);
    e0.intoArray(c, co + 3 * SUMS);
    e1.intoArray(c, c1 + 3 * SUMS);
    f0.intoArray(c, co + 4 * SUMS);
    f1.intoArray(c, c1 + 4 * SUMS);
    g0.intoArray(c, co + 5 * SUMS);
    g1.intoArray(c, c1 + 5 * SUMS);
    h0.intoArray(c, co + 6 * SUMS);
    h1.intoArray(c, c1 + 6 * SUMS);
    j0.intoArray(c, co + 7 * SUMS);
    j1.intoArray(c, c1 + 7 * SUMS);
  }

  /** Four rows of the twelve: {@link #tile12}. */
  static void tile4(
      float[] x, int xo, float[] w, int wo, int second, int k, float[] c, int co, int cSecond) {
    int next = NARROW ? LANES : second; // a constant leaves one address to keep
    int c1 = co + (NARROW ? LANES : cSecond);
    FloatVector a0 = FloatVector.fromArray(FLOATS, c, co);
    FloatVector a1 = FloatVector.fromArray(FLOATS, c, c1);
    FloatVector b0 = FloatVector.fromArray(FLOATS, c, co + SUMS);
    FloatVector b1 = FloatVector.fromArray(FLOATS, c, c1 + SUMS);
    FloatVector d0 = FloatVector.fromArray(FLOATS, c, co + 2 * SUMS);
    FloatVector d1 = FloatVector.fromArray(FLOATS, c, c1 + 2 * SUMS);
    FloatVector e0 = FloatVector.fromArray(FLOATS, c, co + 3 * SUMS);
    FloatVector e1 = FloatVector.fromArray(FLOATS, c, c1 + 3 * SUMS);
    for (int i = 0; i < k; i++) {
      FloatVector u = FloatVector.fromArray(FLOATS, w, wo + 16 * i);
      FloatVector v = FloatVector.fromArray(FLOATS, w, wo + next + 16 * i);
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + 12 * i]);
      a0 = value.fma(u, a0);
      a1 = value.fma(v, a1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 1]);
      b0 = value.fma(u, b0);
      b1 = value.fma(v, b1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 2]);
      d0 = value.fma(u, d0);
      d1 = value.fma(v, d1);
      value = FloatVector.broadcast(FLOATS, x[xo + 12 * i + 3]);
      e0 = value.fma(u, e0);
      e1 = value.fma(v, e1);
    }
    a0.intoArray(c, co);
    a1.intoArray(c, c1);
    b0.intoArray(c, co + SUMS);
    b1.intoArray(c, c1 + SUMS);
    d0.intoArray(c, co + 2 * SUMS);
    d1.intoArray(c, c1 + 2 * SUMS);
    e0.intoArray(c, co + 3 * SUMS);
    e1.intoArray(c, c1 + 3 * SUMS);
  }

  /** Four rows as they lie, {@code xRow} apart, times two vectors as in {@link #tile12}. */
  static void tileRows(
      float[] x,
      int xo,
      int xRow,
      float[] w,
      int wo,
      int second,
      int k,
      float[] c,
      int co,
      int cSecond) {
    int next = NARROW ? LANES : second;
    int c1 = co + (NARROW ? LANES : cSecond);
    FloatVector a0 = FloatVector.fromArray(FLOATS, c, co);
    FloatVector a1 = FloatVector.fromArray(FLOATS, c, c1);
    FloatVector b0 = FloatVector.fromArray(FLOATS, c, co + SUMS);
    FloatVector b1 = FloatVector.fromArray(FLOATS, c, c1 + SUMS);
    FloatVector d0 = FloatVector.fromArray(FLOATS, c, co + 2 * SUMS);
    FloatVector d1 = FloatVector.fromArray(FLOATS, c, c1 + 2 * SUMS);
    FloatVector e0 = FloatVector.fromArray(FLOATS, c, co + 3 * SUMS);
    FloatVector e1 = FloatVector.fromArray(FLOATS, c, c1 + 3 * SUMS);
    int x1 = xo + xRow;
    int x2 = x1 + xRow;
    int x3 = x2 + xRow;
    for (int i = 0; i < k; i++) {
      FloatVector u = FloatVector.fromArray(FLOATS, w, wo + 16 * i);
      FloatVector v = FloatVector.fromArray(FLOATS, w, wo + next + 16 * i);
      FloatVector value = FloatVector.broadcast(FLOATS, x[xo + i]);
      a0 = value.fma(u, a0);
      a1 = value.fma(v, a1);
      value = FloatVector.broadcast(FLOATS, x[x1 + i]);
      b0 = value.fma(u, b0);
      b1 = value.fma(v, b1);
      value = FloatVector.broadcast(FLOATS, x[x2 + i]);
      d0 = value.fma(u, d0);
      d1 = value.fma(v, d1);
      value = FloatVector.broadcast(FLOATS, x[x3 + i]);
      e0 = value.fma(u, e0);
      e1 = value.fma(v, e1);
    }
    a0.intoArray(c, co);
    a1.intoArray(c, c1);
    b0.intoArray(c, co + SUMS);
    b1.intoArray(c, c1 + SUMS);
    d0.intoArray(c, co + 2 * SUMS);
    d1.intoArray(c, c1 + 2 * SUMS);
    e0.intoArray(c, co + 3 * SUMS);
    e1.intoArray(c, c1 + 3 * SUMS);
  }
}
