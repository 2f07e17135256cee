package dev.diopter.kernels.cpu;

import static dev.diopter.kernels.cpu.VectorShapes.FLOATS;
import static dev.diopter.kernels.cpu.VectorShapes.LANES;
import static jdk.incubator.vector.VectorOperators.ADD;

import jdk.incubator.vector.FloatVector;

/** The two loops that {@link MachineLimits} times. */
final class FmaPeak {
  private static final int SUMS = 12; // independent chains: more than any x86 core has in flight

  private FmaPeak() {}

  /** Independent chains of {@link #run}. */
  static int sums() {
    return SUMS;
  }

  /** Fused multiply-adds on registers. */
  static float run(int rounds) {
    FloatVector x = FloatVector.broadcast(FLOATS, 0.999f);
    FloatVector y = FloatVector.broadcast(FLOATS, 1e-3f);
    FloatVector a = FloatVector.broadcast(FLOATS, 0f);
    FloatVector b = FloatVector.broadcast(FLOATS, 1f);
    FloatVector c = FloatVector.broadcast(FLOATS, 2f);
    FloatVector d = FloatVector.broadcast(FLOATS, 3f);
    FloatVector e = FloatVector.broadcast(FLOATS, 4f);
    FloatVector f = FloatVector.broadcast(FLOATS, 5f);
    FloatVector g = FloatVector.broadcast(FLOATS, 6f);
    FloatVector h = FloatVector.broadcast(FLOATS, 7f);
    FloatVector i = FloatVector.broadcast(FLOATS, 8f);
    FloatVector j = FloatVector.broadcast(FLOATS, 9f);
    FloatVector k = FloatVector.broadcast(FLOATS, 10f);
    FloatVector l = FloatVector.broadcast(FLOATS, 11f);
    for (int round = 0; round < rounds; round++) {
      a = a.fma(x, y);
      b = b.fma(x, y);
      c = c.fma(x, y);
      d = d.fma(x, y);
      e = e.fma(x, y);
      f = f.fma(x, y);
      g = g.fma(x, y);
      h = h.fma(x, y);
      i = i.fma(x, y);
      j = j.fma(x, y);
      k = k.fma(x, y);
      l = l.fma(x, y);
    }
    return a.add(b.add(c.add(d.add(e.add(f.add(g.add(h.add(i.add(j.add(k.add(l)))))))))))
        .reduceLanes(ADD);
  }

  /** Sums memory by eight chains. */
  static float read(float[] memory) {
    FloatVector a = FloatVector.zero(FLOATS);
    FloatVector b = FloatVector.zero(FLOATS);
    FloatVector c = FloatVector.zero(FLOATS);
    FloatVector d = FloatVector.zero(FLOATS);
    FloatVector e = FloatVector.zero(FLOATS);
    FloatVector f = FloatVector.zero(FLOATS);
    FloatVector g = FloatVector.zero(FLOATS);
    FloatVector h = FloatVector.zero(FLOATS);
    int step = 8 * LANES;
    for (int i = 0; i + step <= memory.length; i += step) {
      a = a.add(FloatVector.fromArray(FLOATS, memory, i + 0 * LANES));
      b = b.add(FloatVector.fromArray(FLOATS, memory, i + 1 * LANES));
      c = c.add(FloatVector.fromArray(FLOATS, memory, i + 2 * LANES));
      d = d.add(FloatVector.fromArray(FLOATS, memory, i + 3 * LANES));
      e = e.add(FloatVector.fromArray(FLOATS, memory, i + 4 * LANES));
      f = f.add(FloatVector.fromArray(FLOATS, memory, i + 5 * LANES));
      g = g.add(FloatVector.fromArray(FLOATS, memory, i + 6 * LANES));
      h = h.add(FloatVector.fromArray(FLOATS, memory, i + 7 * LANES));
    }
    return a.add(b.add(c.add(d.add(e.add(f.add(g.add(h))))))).reduceLanes(ADD);
  }
}
