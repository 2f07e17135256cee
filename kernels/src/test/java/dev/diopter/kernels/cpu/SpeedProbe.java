package dev.diopter.kernels.cpu;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Measures products on one thread against the fused multiply-adds that registers alone reach and
 * against a plain read of memory, in turns, best of many: {@code java --add-modules
 * jdk.incubator.vector ... SpeedProbe [threads]}. Not a test.
 */
public final class SpeedProbe {
  private static final VectorSpecies<Float> FLOATS = VectorShapes.FLOATS;
  private static final int LANES = FLOATS.length();
  private static final int[][] SHAPES = {{768, 768}, {768, 2304}, {768, 3072}, {3072, 768}};
  private static final int[] MANY = {32, 64, 128, 200, 512};
  private static final int[] FEW = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 20, 24, 32};

  /** Copies of a matrix that together exceed the second-level cache by far. */
  private static final long COLD_BYTES = 256L << 20;

  private static final int ROUNDS = 30;

  private SpeedProbe() {}

  /** Prints a table. */
  public static void main(String[] arguments) {
    int threads = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1;
    try (Backend backend = CpuBackend.create(KernelChoice.VECTOR, threads)) {
      double peak = peak();
      double read = read();
      say("%s, peak %.1f GFLOP/s, read %.1f GB/s (one thread)%n", backend.describe(), peak, read);
      for (StorageType type : new StorageType[] {StorageType.F32, StorageType.BF16}) {
        for (int[] shape : SHAPES) {
          PackedMatrix[] w = {pack(backend, type, shape[0], shape[1])};
          for (int rows : MANY) {
            double flops = 2.0 * rows * shape[0] * shape[1];
            double speed = flops / nanos(backend, w, rows);
            say("%s %d x %d x %d: %.2f of peak%n", type, rows, shape[0], shape[1], speed / peak);
          }
        }
      }
      for (StorageType type : StorageType.values()) {
        double one = 0;
        long bytes = 768L * 3072 * type.bytes();
        PackedMatrix[] w = new PackedMatrix[(int) (COLD_BYTES / bytes)];
        Arrays.setAll(w, _ -> pack(backend, type, 768, 3072));
        for (int rows : FEW) {
          double time = nanos(backend, w, rows);
          one = rows == 1 ? time : one;
          say(
              "%s %d rows: %.2f of one row's time, %.1f GB/s (%.2f of a read), %.2f of peak%n",
              type,
              rows,
              time / one,
              bytes / time,
              bytes / time / read,
              2.0 * rows * 768 * 3072 / time / peak);
        }
      }
      decode(backend);
    }
  }

  /** A hundred small products one after the other, as decoding has them. */
  private static void decode(Backend backend) {
    PackedMatrix w = pack(backend, StorageType.F32, 768, 768);
    Matrix x = new Matrix(backend.allocate(768), 0, 1, 768, 768);
    Matrix y = new Matrix(backend.allocate(768), 0, 1, 768, 768);
    double best = Double.MAX_VALUE;
    double all = 0;
    for (int i = 0; i < 10 * ROUNDS; i++) {
      long start = System.nanoTime();
      for (int j = 0; j < 100; j++) {
        backend.multiply(x, w.all(), null, y);
      }
      double time = System.nanoTime() - start;
      best = Math.min(best, time);
      all += time;
    }
    say("100 small products: best %.0f us, mean %.0f us%n", best / 1e3, all / ROUNDS / 1e4);
  }

  private static double nanos(Backend backend, PackedMatrix[] w, int rows) {
    int in = w[0].in();
    int out = w[0].out();
    int copies = w.length;
    Matrix x = new Matrix(backend.allocate(rows * in), 0, rows, in, in);
    Matrix y = new Matrix(backend.allocate(rows * out), 0, rows, out, out);
    double best = Double.MAX_VALUE;
    long until = System.nanoTime() + Long.getLong("probe.millis", 200) * 1_000_000;
    for (int round = 0; round < 5 || System.nanoTime() < until; round++) {
      long start = System.nanoTime();
      for (PackedMatrix matrix : w) {
        backend.multiply(x, matrix.all(), null, y);
      }
      best = Math.min(best, (double) (System.nanoTime() - start) / copies);
    }
    return best;
  }

  private static PackedMatrix pack(Backend backend, StorageType type, int in, int out) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate((long) in * out * type.bytes());
      return backend.pack(List.of(new StoredMatrix(data, type, 0, in, out, out, 1)));
    }
  }

  /** GFLOP/s of chains that never leave the registers. */
  private static double peak() {
    float[] x = new float[12 * LANES];
    int k = 100_000;
    double best = 0;
    for (int i = 0; i < 100; i++) {
      long start = System.nanoTime();
      chains(x, k);
      best = Math.max(best, 2.0 * 12 * LANES * k / (System.nanoTime() - start));
    }
    return best;
  }

  private static void chains(float[] x, int k) {
    FloatVector u = FloatVector.fromArray(FLOATS, x, 0);
    FloatVector v = FloatVector.fromArray(FLOATS, x, LANES);
    FloatVector a = u;
    FloatVector b = u.add(1);
    FloatVector c = u.add(2);
    FloatVector d = u.add(3);
    FloatVector e = u.add(4);
    FloatVector f = u.add(5);
    FloatVector g = u.add(6);
    FloatVector h = u.add(7);
    FloatVector l = u.add(8);
    FloatVector m = u.add(9);
    FloatVector n = u.add(10);
    FloatVector o = u.add(11);
    for (int i = 0; i < k; i++) {
      a = u.fma(v, a);
      b = u.fma(v, b);
      c = u.fma(v, c);
      d = u.fma(v, d);
      e = u.fma(v, e);
      f = u.fma(v, f);
      g = u.fma(v, g);
      h = u.fma(v, h);
      l = u.fma(v, l);
      m = u.fma(v, m);
      n = u.fma(v, n);
      o = u.fma(v, o);
    }
    FloatVector sum = a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(l).add(m).add(n);
    sum.add(o).mul(0).intoArray(x, 0);
  }

  /** GB/s of adding up an array larger than the caches. */
  private static double read() {
    float[] x = new float[(int) (COLD_BYTES / 4)];
    double best = 0;
    float sink = 0;
    for (int i = 0; i < ROUNDS; i++) {
      long start = System.nanoTime();
      sink += sum(x);
      best = Math.max(best, 4.0 * x.length / (System.nanoTime() - start));
    }
    return best + sink;
  }

  private static float sum(float[] x) {
    FloatVector a = FloatVector.zero(FLOATS);
    FloatVector b = FloatVector.zero(FLOATS);
    FloatVector c = FloatVector.zero(FLOATS);
    FloatVector d = FloatVector.zero(FLOATS);
    int quarter = x.length / 4;
    for (int i = 0; i < quarter; i += LANES) {
      a = a.add(FloatVector.fromArray(FLOATS, x, i));
      b = b.add(FloatVector.fromArray(FLOATS, x, i + quarter));
      c = c.add(FloatVector.fromArray(FLOATS, x, i + 2 * quarter));
      d = d.add(FloatVector.fromArray(FLOATS, x, i + 3 * quarter));
    }
    float[] out = new float[LANES];
    a.add(b).add(c).add(d).intoArray(out, 0);
    return out[0];
  }

  private static void say(String format, Object... values) {
    System.out.printf(Locale.ROOT, format, values);
  }
}
