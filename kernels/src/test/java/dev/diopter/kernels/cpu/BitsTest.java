package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.Samples;
import dev.diopter.kernels.Samples.Layout;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.StoredMatrix;
import dev.diopter.kernels.WeightSlice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The determinism contract within one JVM, bit for bit. Other vector widths: {@link OtherJvmTest}.
 */
class BitsTest {
  private static final long SEED = 99;
  private static Map<String, int[]> expected = Map.of();

  @BeforeAll
  static void runTheTwin() {
    try (Backend backend = CpuBackend.create(KernelChoice.SCALAR, 1)) {
      expected = Battery.run(backend, SEED);
    }
  }

  @AfterAll
  static void forget() {
    expected = Map.of();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void results_vectorsOnAnyThreads_equalTheScalarTwin(int threads) {
    try (Backend backend = CpuBackend.create(KernelChoice.VECTOR, threads, 0)) {
      compare(Battery.run(backend, SEED));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void results_scalarOnAnyThreads_equalOneThread(int threads) {
    try (Backend backend = CpuBackend.create(KernelChoice.SCALAR, threads, 0)) {
      compare(Battery.run(backend, SEED));
    }
  }

  private static void compare(Map<String, int[]> got) {
    assertThat(got.keySet()).isEqualTo(expected.keySet());
    expected.forEach((name, bits) -> assertThat(got.get(name)).as(name).isEqualTo(bits));
  }

  /** The chain of fused multiply-adds, written down once more. */
  @ParameterizedTest
  @EnumSource(
      value = KernelChoice.class,
      names = {"VECTOR", "SCALAR"})
  void multiply_anySize_isOneChainOfFusedMultiplyAdds(KernelChoice choice) {
    Random random = Samples.random(5);
    try (Backend backend = CpuBackend.create(choice, 2)) {
      for (int in : Samples.SIZES) {
        for (int out : Samples.SIZES) {
          Samples.Weights w =
              Samples.weights(random, StorageType.F32, Layout.ROWS_OF_OUTPUTS, in, out);
          PackedMatrix packed = backend.pack(List.of(w.stored()));
          float[] bias = Samples.floats(random, out);
          int rows = Samples.SIZES[random.nextInt(Samples.SIZES.length)];
          Matrix x = Samples.matrix(backend, random, rows, in);
          Matrix y = Samples.empty(backend, random, rows, out);
          backend.multiply(x, packed.all(), Samples.buffer(backend, bias), y);
          float[] xs = Samples.values(backend, x);
          float[] chain = new float[rows * out];
          for (int r = 0; r < rows; r++) {
            for (int o = 0; o < out; o++) {
              float sum = 0;
              for (int i = 0; i < in; i++) {
                sum = Math.fma(xs[r * in + i], w.values()[i * out + o], sum);
              }
              chain[r * out + o] = sum + bias[o];
            }
          }
          assertThat(Samples.bits(Samples.values(backend, y)))
              .as("%d x %d x %d", rows, in, out)
              .isEqualTo(Samples.bits(chain));
        }
      }
    }
  }

  /** Blocks of rows, blocks of inputs and pairs of panels meet in larger sizes only. */
  @ParameterizedTest
  @EnumSource(StorageType.class)
  void multiply_rowsInAnyBatchAndSlice_keepTheirBits(StorageType type) {
    Random random = Samples.random(6);
    int in = 700;
    int out = 300;
    int rows = 41;
    try (Backend backend = CpuBackend.create(KernelChoice.VECTOR, 3, 0)) {
      PackedMatrix w =
          backend.pack(
              List.of(Samples.weights(random, type, Layout.ROWS_OF_INPUTS, in, out).stored()));
      Buffer bias = Samples.buffer(backend, Samples.floats(random, out));
      Matrix x = Samples.matrix(backend, random, rows, in);
      Matrix whole = Samples.empty(backend, random, rows, out);
      backend.multiply(x, w.all(), bias, whole);
      Matrix byHead = Samples.empty(backend, random, rows, out);
      backend.multiplyByHead(x, w, 7, bias, byHead);
      for (int size = 1; size <= 9; size++) {
        Matrix parts = Samples.empty(backend, random, rows, out);
        Matrix headParts = Samples.empty(backend, random, rows, out);
        for (int r = 0; r < rows; r += size) {
          int end = Math.min(rows, r + size);
          backend.multiply(x.rows(r, end), w.all(), bias, parts.rows(r, end));
          backend.multiplyByHead(x.rows(r, end), w, 7, bias, headParts.rows(r, end));
        }
        same(backend, whole, parts, "rows of " + size);
        same(backend, byHead, headParts, "heads, rows of " + size);
      }
      for (int i = 0; i < 60; i++) {
        int from = random.nextInt(out);
        int to = from + 1 + random.nextInt(out - from);
        int r = random.nextInt(rows);
        int end = r + 1 + random.nextInt(rows - r);
        WeightSlice slice = w.all().outputs(from, to);
        Matrix part = Samples.empty(backend, random, end - r, to - from);
        backend.multiply(x.rows(r, end), slice, bias, part);
        same(
            backend,
            whole.rows(r, end).columns(from, to),
            part,
            "outputs %d..%d".formatted(from, to));
      }
    }
  }

  /** More rows than one block and one band hold. */
  @Test
  void multiply_manyRows_equalTheSameRowsAlone() {
    Random random = Samples.random(7);
    int in = 9000;
    int out = 20;
    int rows = 530;
    try (Backend backend = CpuBackend.create(KernelChoice.VECTOR, 2)) {
      PackedMatrix w =
          backend.pack(
              List.of(
                  Samples.weights(random, StorageType.F32, Layout.ROWS_OF_INPUTS, in, out)
                      .stored()));
      Matrix x = Samples.matrix(backend, random, rows, in);
      Matrix whole = Samples.empty(backend, random, rows, out);
      backend.multiply(x, w.all(), null, whole);
      for (int r : new int[] {0, 255, 256, 511, 512, 529}) {
        Matrix alone = Samples.empty(backend, random, 1, out);
        backend.multiply(x.rows(r, r + 1), w.all(), null, alone);
        same(backend, whole.rows(r, r + 1), alone, "row " + r);
      }
    }
  }

  /** Panels in many arrays, as a matrix of gigabytes has them. */
  @ParameterizedTest
  @EnumSource(StorageType.class)
  void multiply_panelsInManyArrays_changesNothing(StorageType type) {
    Random random = Samples.random(8);
    int in = 20;
    int out = 16 * 11 + 3;
    List<StoredMatrix> parts =
        List.of(
            Samples.weights(random, type, Layout.ROWS_OF_INPUTS, in, 100).stored(),
            Samples.weights(random, type, Layout.ROWS_OF_OUTPUTS, in, out - 100).stored());
    try (WorkerPool pool = new WorkerPool(2, 0);
        Backend backend = CpuBackend.create(KernelChoice.VECTOR, 2, 0)) {
      PackedMatrix one = backend.pack(parts);
      for (int panels : new int[] {2, 4, 6}) {
        PackedMatrix many =
            CpuPacker.pack(parts, pool, (long) panels * in * Panels.WIDTH * type.bytes());
        for (int rows : new int[] {1, 3, 8}) {
          Matrix x = Samples.matrix(backend, random, rows, in);
          for (int from : new int[] {0, 16, 50}) {
            Matrix a = Samples.empty(backend, random, rows, out - from);
            Matrix b = Samples.empty(backend, random, rows, out - from);
            backend.multiply(x, one.all().outputs(from, out), null, a);
            backend.multiply(x, many.all().outputs(from, out), null, b);
            same(backend, a, b, "%d panels, %d rows from %d".formatted(panels, rows, from));
          }
        }
        int[] ids = {0, 99, 100, out - 1, 32, 31};
        Matrix a = Samples.empty(backend, random, ids.length, in);
        Matrix b = Samples.empty(backend, random, ids.length, in);
        backend.embed(one, backend.indices(ids), a);
        backend.embed(many, backend.indices(ids), b);
        same(backend, a, b, "embed from arrays of " + panels);
      }
    }
  }

  /** Only this thread may read a confined segment. */
  @Test
  void pack_confinedSegment_isReadByTheCaller() {
    try (Arena arena = Arena.ofConfined();
        Backend backend = CpuBackend.create(KernelChoice.VECTOR, 3, 0)) {
      int out = 500;
      MemorySegment data = arena.allocate(4L * out);
      for (int o = 0; o < out; o++) {
        data.setAtIndex(ValueLayout.JAVA_FLOAT, o, o);
      }
      StoredMatrix stored = new StoredMatrix(data, StorageType.F32, 0, 1, out, 1, 1);
      PackedMatrix packed = backend.pack(List.of(stored));
      Matrix embedded = Samples.empty(backend, Samples.random(1), 2, 1);
      backend.embed(packed, backend.indices(new int[] {499, 77}), embedded);
      assertThat(Samples.values(backend, embedded)).containsExactly(499, 77);
    }
  }

  /** 16 strided partial sums and the tree, written down once more. */
  @ParameterizedTest
  @EnumSource(
      value = KernelChoice.class,
      names = {"VECTOR", "SCALAR"})
  void normScale_anyWidth_reducesInTheStatedOrder(KernelChoice choice) {
    Random random = Samples.random(9);
    try (Backend backend = CpuBackend.create(choice, 1)) {
      for (int n : Samples.SIZES) {
        float[] x = Samples.floats(random, n);
        float[] sums = new float[16];
        float[] squares = new float[16];
        for (int i = 0; i < n; i++) {
          sums[i % 16] += x[i];
        }
        float mean = Chains.tree(sums) / n;
        for (int i = 0; i < n; i++) {
          squares[i % 16] = Math.fma(x[i] - mean, x[i] - mean, squares[i % 16]);
        }
        float scale = (float) Math.sqrt(Chains.tree(squares) / n + 1e-5f);
        Matrix out = Samples.empty(backend, random, 1, 1);
        backend.normScale(NormKind.LAYER, Samples.matrix(backend, random, x, 1, n), 1e-5f, out);
        assertThat(Samples.values(backend, out)).containsExactly(scale);
      }
    }
  }

  private static void same(Backend backend, Matrix a, Matrix b, String name) {
    int[] left = Samples.bits(Samples.values(backend, a));
    int[] right = Samples.bits(Samples.values(backend, b));
    if (!Arrays.equals(left, right)) {
      assertThat(right).as(name).isEqualTo(left);
    }
  }
}
