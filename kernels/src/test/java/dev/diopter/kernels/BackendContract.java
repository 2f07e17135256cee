package dev.diopter.kernels;

import static dev.diopter.kernels.Samples.SIZES;
import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.Samples.Layout;
import dev.diopter.kernels.Samples.Weights;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every backend does, against loops in double written here once more. Attention has its own.
 */
public abstract class BackendContract extends BackendErrorContract {
  /** A rounding error of float32. */
  static final double EPS = Math.ulp(1f) / 2;

  /**
   * Compares what the determinism contract makes equal.
   *
   * @param terms how many products were summed
   */
  protected void assertSame(float[] got, float[] want, int terms) {
    assertThat(Samples.bits(got)).isEqualTo(Samples.bits(want));
  }

  // ---- products

  @Test
  void multiply_everySize_matchesDoubleLoops() {
    for (int in : SIZES) {
      for (int out : SIZES) {
        Weights w = Samples.weights(random, StorageType.F32, Layout.ROWS_OF_INPUTS, in, out);
        PackedMatrix packed = backend.pack(List.of(w.stored()));
        for (int rows : SIZES) {
          checkProduct(packed.all(), w.values(), null, rows);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(StorageType.class)
  void multiply_everyLayout_matchesDoubleLoops(StorageType type) {
    for (Layout layout : Layout.values()) {
      for (int in : new int[] {1, 17, 300}) {
        for (int out : new int[] {1, 16, 37, 150}) {
          Weights w = Samples.weights(random, type, layout, in, out);
          PackedMatrix packed = backend.pack(List.of(w.stored()));
          float[] bias = Samples.floats(random, out);
          checkProduct(packed.all(), w.values(), bias, 1);
          checkProduct(packed.all(), w.values(), bias, 6);
        }
      }
    }
  }

  @Test
  void multiply_partsSideBySide_isOneMatrix() {
    StorageType[] f32 = {StorageType.F32, StorageType.F32, StorageType.F32};
    StorageType[] f16 = {StorageType.F16, StorageType.F16, StorageType.F16};
    StorageType[] mixed = {StorageType.F16, StorageType.F32, StorageType.BF16};
    for (StorageType[] types : new StorageType[][] {f32, f16, mixed}) {
      for (Layout layout : Layout.values()) {
        int in = 33;
        Weights a = Samples.weights(random, types[0], layout, in, 7);
        Weights b = Samples.weights(random, types[1], layout, in, 2);
        Weights c = Samples.weights(random, types[2], layout, in, 64);
        PackedMatrix packed = backend.pack(List.of(a.stored(), b.stored(), c.stored()));
        assertThat(packed.out()).isEqualTo(73);
        float[] values = Samples.sideBySide(List.of(a, b, c), in);
        checkProduct(packed.all(), values, Samples.floats(random, 73), 5);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(StorageType.class)
  void multiply_anySlice_matchesDoubleLoops(StorageType type) {
    int in = 150;
    int out = 83;
    Weights w = Samples.weights(random, type, Layout.ROWS_OF_OUTPUTS, in, out);
    PackedMatrix packed = backend.pack(List.of(w.stored()));
    float[] bias = Samples.floats(random, out);
    for (int i = 0; i < 100; i++) {
      int inFrom = random.nextInt(in);
      int inTo = inFrom + 1 + random.nextInt(in - inFrom);
      int outFrom = random.nextInt(out);
      int outTo = outFrom + 1 + random.nextInt(out - outFrom);
      WeightSlice slice = new WeightSlice(packed, inFrom, inTo, outFrom, outTo);
      checkProduct(slice, w.values(), bias, 1 + random.nextInt(9));
    }
  }

  private void checkProduct(WeightSlice slice, float[] w, float[] bias, int rows) {
    int out = slice.matrix().out();
    Matrix x = Samples.matrix(backend, random, rows, slice.in());
    Matrix y = Samples.empty(backend, random, rows, slice.out());
    backend.multiply(x, slice, bias == null ? null : Samples.buffer(backend, bias), y);
    float[] xs = Samples.values(backend, x);
    float[] ys = Samples.values(backend, y);
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < slice.out(); o++) {
        double sum = bias == null ? 0 : bias[slice.outFrom() + o];
        double size = Math.abs(sum);
        for (int i = 0; i < slice.in(); i++) {
          double weight = w[(slice.inFrom() + i) * out + slice.outFrom() + o];
          sum += xs[r * slice.in() + i] * weight;
          size += Math.abs(xs[r * slice.in() + i] * weight);
        }
        check(ys[r * slice.out() + o], sum, (slice.in() + 2) * EPS * size, r, o);
      }
    }
  }

  @Test
  void multiplyByHead_anySize_isTheSumOfItsHeads() {
    for (int heads : new int[] {1, 2, 3, 12}) {
      for (int width : new int[] {1, 5, 16, 64, 200}) {
        for (int rows : new int[] {1, 2, 4, 9}) {
          checkHeads(heads, width, 37, rows);
        }
      }
    }
  }

  private void checkHeads(int heads, int width, int out, int rows) {
    Weights w = Samples.weights(random, StorageType.F32, Layout.ROWS_OF_INPUTS, heads * width, out);
    PackedMatrix packed = backend.pack(List.of(w.stored()));
    Buffer bias = Samples.buffer(backend, Samples.floats(random, out));
    Matrix x = Samples.matrix(backend, random, rows, heads * width);
    Matrix results = Samples.empty(backend, random, rows, heads * out);
    for (int h = 0; h < heads; h++) {
      WeightSlice slice = packed.all().inputs(h * width, (h + 1) * width);
      Matrix part = results.columns(h * out, (h + 1) * out);
      backend.multiply(x.columns(h * width, (h + 1) * width), slice, null, part);
    }
    Matrix summed = Samples.empty(backend, random, rows, out);
    backend.sumHeads(results, heads, bias, summed);
    Matrix direct = Samples.empty(backend, random, rows, out);
    backend.multiplyByHead(x, packed, heads, bias, direct);
    assertSame(Samples.values(backend, direct), Samples.values(backend, summed), heads * width);
    backend.multiply(x, packed.all(), bias, summed);
    float[] whole = Samples.values(backend, summed);
    float[] got = Samples.values(backend, direct);
    for (int i = 0; i < got.length; i++) {
      check(got[i], whole[i], 1e-5 * heads * width, i / out, i % out);
    }
  }

  @Test
  void sumHeads_withAndWithoutBias_addsInOrder() {
    float[] cells = {1, 2, 10, 20, 100, 200, 3, 4, 30, 40, 300, 400};
    Matrix x = Samples.matrix(backend, random, cells, 2, 6);
    Matrix out = Samples.empty(backend, random, 2, 2);
    backend.sumHeads(x, 3, null, out);
    assertThat(Samples.values(backend, out)).containsExactly(111, 222, 333, 444);
    backend.sumHeads(x, 3, Samples.buffer(backend, new float[] {0.5f, 0.25f}), out);
    assertThat(Samples.values(backend, out)).containsExactly(111.5f, 222.25f, 333.5f, 444.25f);
  }

  @ParameterizedTest
  @EnumSource(
      value = StorageType.class,
      names = {"F16", "BF16"})
  void pack_every16BitValue_widensExactly(StorageType type) {
    short[] bits = new short[1 << 16];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = (short) i;
    }
    PackedMatrix packed = backend.pack(List.of(Samples.bits(type, bits)));
    float[] expected = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      // x * 1 + 0 is x, but for the sign of zero.
      expected[i] =
          0f
              + (type == StorageType.F16
                  ? Float.float16ToFloat(bits[i])
                  : Float.intBitsToFloat(bits[i] << 16));
    }
    Matrix out = Samples.empty(backend, random, 1, bits.length);
    backend.multiply(
        Samples.matrix(backend, random, new float[] {1}, 1, 1), packed.all(), null, out);
    assertThat(Samples.bits(Samples.values(backend, out))).isEqualTo(Samples.bits(expected));
    Matrix rows = Samples.empty(backend, random, 2, bits.length);
    Matrix ones = Samples.matrix(backend, random, new float[] {1, 1}, 2, 1);
    backend.multiply(ones, packed.all(), null, rows);
    assertThat(Samples.bits(Samples.values(backend, rows.rows(1, 2))))
        .isEqualTo(Samples.bits(expected));
    Matrix embedded = Samples.empty(backend, random, bits.length, 1);
    int[] ids = IntStream.range(0, bits.length).toArray();
    backend.embed(packed, backend.indices(ids), embedded);
    float[] columns = Samples.values(backend, embedded);
    for (int i = 0; i < bits.length; i++) {
      columns[i] = 0f + columns[i];
    }
    assertThat(Samples.bits(columns)).isEqualTo(Samples.bits(expected));
  }

  @ParameterizedTest
  @EnumSource(StorageType.class)
  void embed_anyIds_gathersColumns(StorageType type) {
    int width = 50;
    int vocabulary = 131;
    Weights table = Samples.weights(random, type, Layout.ROWS_OF_OUTPUTS, width, vocabulary);
    PackedMatrix packed = backend.pack(List.of(table.stored()));
    int[] ids = {130, 0, 17, 17, 16, 15, 64};
    Matrix out = Samples.empty(backend, random, ids.length, width);
    backend.embed(packed, backend.indices(ids), out);
    float[] got = Samples.values(backend, out);
    for (int r = 0; r < ids.length; r++) {
      for (int i = 0; i < width; i++) {
        assertThat(got[r * width + i]).isEqualTo(table.values()[i * vocabulary + ids[r]]);
      }
    }
  }

  // ---- norms

  @ParameterizedTest
  @EnumSource(NormKind.class)
  void norm_anyWidth_matchesDoubleAndItsThreeSteps(NormKind kind) {
    for (int n : SIZES) {
      checkNorm(kind, 5, n, true);
      checkNorm(kind, 2, n, false);
    }
    checkNorm(kind, 3, 768, true);
  }

  private void checkNorm(NormKind kind, int rows, int n, boolean biased) {
    Matrix x = Samples.matrix(backend, random, rows, n);
    float[] gains = Samples.floats(random, n);
    float[] biases = Samples.floats(random, n);
    Buffer gain = Samples.buffer(backend, gains);
    Buffer bias = biased ? Samples.buffer(backend, biases) : null;
    float eps = 1e-5f;
    Matrix scale = Samples.empty(backend, random, rows, 1);
    Matrix normalized = Samples.empty(backend, random, rows, n);
    Matrix steps = Samples.empty(backend, random, rows, n);
    backend.normScale(kind, x, eps, scale);
    backend.normalize(kind, x, scale, normalized);
    backend.affine(normalized, gain, bias, steps);
    Matrix whole = Samples.empty(backend, random, rows, n);
    backend.norm(kind, x, eps, gain, bias, whole);
    int[] bits = Samples.bits(Samples.values(backend, steps));
    assertThat(Samples.bits(Samples.values(backend, whole))).isEqualTo(bits);

    float[] xs = Samples.values(backend, x);
    float[] scales = Samples.values(backend, scale);
    float[] ys = Samples.values(backend, whole);
    for (int r = 0; r < rows; r++) {
      double mean = 0;
      for (int i = 0; i < n && kind == NormKind.LAYER; i++) {
        mean += xs[r * n + i] / (double) n;
      }
      double squares = 0;
      for (int i = 0; i < n; i++) {
        squares += Math.pow(xs[r * n + i] - mean, 2);
      }
      double divisor = Math.sqrt(squares / n + eps);
      check(scales[r], divisor, 4e-6 * (divisor + 1e-2), r, 0);
      for (int i = 0; i < n; i++) {
        double y = (xs[r * n + i] - mean) / divisor * gains[i] + (biased ? biases[i] : 0);
        // A row of one element has no spread: its rounding error is divided by the root of eps.
        check(ys[r * n + i], y, 1e-5 * (1 + Math.abs(y)) / Math.min(1, 3 * divisor), r, i);
      }
    }

    backend.norm(kind, x, eps, gain, bias, x);
    assertThat(Samples.bits(Samples.values(backend, x))).isEqualTo(bits);
    backend.affine(normalized, gain, bias, normalized);
    assertThat(Samples.bits(Samples.values(backend, normalized))).isEqualTo(bits);
  }

  @Test
  void normalize_inPlace_equalsNormalizeElsewhere() {
    Matrix x = Samples.matrix(backend, random, 3, 33);
    Matrix scale = Samples.matrix(backend, random, 3, 1);
    Matrix out = Samples.empty(backend, random, 3, 33);
    backend.normalize(NormKind.LAYER, x, scale, out);
    backend.normalize(NormKind.LAYER, x, scale, x);
    assertThat(Samples.values(backend, x)).isEqualTo(Samples.values(backend, out));
  }

  // ---- rotary

  @Test
  void rotate_anyPairs_matchesDouble() {
    for (int pairs : SIZES) {
      for (int rest : new int[] {0, 3}) {
        int headDim = 2 * pairs + rest;
        int heads = 3;
        double[] frequencies = new double[pairs];
        Arrays.setAll(frequencies, i -> Math.pow(10000, -(double) i / pairs));
        RotaryTable table = backend.rotary(frequencies);
        assertThat(table.pairs()).isEqualTo(pairs);
        int[] positions = {0, 1, 511, 256, 255, 100_000};
        int rows = positions.length;
        Matrix x = Samples.matrix(backend, random, rows, heads * headDim);
        Matrix out = Samples.empty(backend, random, rows, heads * headDim);
        backend.rotate(x, heads, table, backend.indices(positions), out);
        float[] xs = Samples.values(backend, x);
        float[] ys = Samples.values(backend, out);
        for (int i = 0; i < xs.length; i++) {
          int d = i % headDim;
          int position = positions[i / (heads * headDim)];
          double angle = d < 2 * pairs ? position * frequencies[d % pairs] : 0;
          double partner = 0;
          if (d < pairs) {
            partner = -xs[i + pairs];
          } else if (d < 2 * pairs) {
            partner = xs[i - pairs];
          }
          double y = xs[i] * Math.cos(angle) + partner * Math.sin(angle);
          check(ys[i], y, 4 * EPS * (Math.abs(xs[i]) + Math.abs(partner)), i, d);
        }
        backend.rotate(x, heads, table, backend.indices(positions), x);
        assertThat(Samples.values(backend, x)).isEqualTo(ys);
      }
    }
  }

  // ---- elementwise

  @Test
  void gelu_anyWidth_matchesDouble() {
    for (int n : SIZES) {
      Matrix x = Samples.matrix(backend, random, 3, n);
      Matrix out = Samples.empty(backend, random, 3, n);
      backend.gelu(x, out);
      float[] xs = Samples.values(backend, x);
      float[] ys = Samples.values(backend, out);
      for (int i = 0; i < xs.length; i++) {
        double v = xs[i];
        double u = Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v);
        check(ys[i], 0.5 * v * (1 + Math.tanh(u)), 1e-6 * Math.abs(v), i, 0);
      }
      backend.gelu(x, x);
      assertThat(Samples.values(backend, x)).isEqualTo(ys);
    }
  }

  @Test
  void siluTimes_anyWidth_matchesDouble() {
    for (int n : SIZES) {
      Matrix gate = Samples.matrix(backend, random, 3, n);
      Matrix up = Samples.matrix(backend, random, 3, n);
      Matrix out = Samples.empty(backend, random, 3, n);
      backend.siluTimes(gate, up, out);
      float[] gates = Samples.values(backend, gate);
      float[] ups = Samples.values(backend, up);
      float[] ys = Samples.values(backend, out);
      for (int i = 0; i < ys.length; i++) {
        double silu = gates[i] / (1 + Math.exp(-gates[i]));
        check(ys[i], silu * ups[i], 1e-6 * Math.abs(silu * ups[i]), i, 0);
      }
      Matrix again = Samples.matrix(backend, random, gates, 3, n);
      backend.siluTimes(again, up, again);
      assertThat(Samples.values(backend, again)).isEqualTo(ys);
      backend.siluTimes(gate, up, up);
      assertThat(Samples.values(backend, up)).isEqualTo(ys);
    }
  }

  @Test
  void add_anyWidth_isFloat32Addition() {
    for (int n : SIZES) {
      Matrix a = Samples.matrix(backend, random, 3, n);
      Matrix b = Samples.matrix(backend, random, 3, n);
      Matrix out = Samples.empty(backend, random, 3, n);
      backend.add(a, b, out);
      float[] as = Samples.values(backend, a);
      float[] bs = Samples.values(backend, b);
      float[] ys = Samples.values(backend, out);
      for (int i = 0; i < ys.length; i++) {
        assertThat(ys[i]).isEqualTo(as[i] + bs[i]);
      }
      backend.add(a, b, b);
      assertThat(Samples.values(backend, b)).isEqualTo(ys);
    }
  }

  @Test
  void uploadDownload_viewsWithGaps_touchNothingElse() {
    float[] cells = {1, 2, 3, 4, 5, 6};
    Buffer buffer = Samples.buffer(backend, new float[14]);
    Matrix view = new Matrix(buffer, 1, 3, 2, 4);
    backend.upload(cells, view);
    assertThat(Samples.values(backend, buffer))
        .containsExactly(0, 1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0, 0);
    float[] back = new float[6];
    backend.download(view, back);
    assertThat(back).isEqualTo(cells);
    backend.upload(new float[0], view.rows(1, 1));
    backend.download(view.rows(1, 1), new float[0]);
  }

  @Test
  void copyGatherRepeat_moveRows() {
    float[] cells = {1, 2, 3, 4, 5, 6};
    Matrix x = Samples.matrix(backend, random, cells, 3, 2);
    Matrix copy = Samples.empty(backend, random, 3, 2);
    backend.copy(x, copy);
    assertThat(Samples.values(backend, copy)).containsExactly(cells);
    Matrix gathered = Samples.empty(backend, random, 4, 2);
    backend.gather(x, backend.indices(new int[] {2, 0, 0, 1}), gathered);
    assertThat(Samples.values(backend, gathered)).containsExactly(5, 6, 1, 2, 1, 2, 3, 4);
    Matrix repeated = Samples.empty(backend, random, 3, 4);
    backend.repeat(x, 2, repeated);
    assertThat(Samples.values(backend, repeated))
        .containsExactly(1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6);
  }

  @Test
  void operations_noRows_doNothing() {
    PackedMatrix w =
        backend.pack(
            List.of(Samples.weights(random, StorageType.F32, Layout.SPREAD, 4, 4).stored()));
    Matrix none = Matrix.of(backend.allocate(16), 4, 4).rows(2, 2);
    Matrix column = none.columns(0, 1);
    Buffer gain = backend.allocate(4);
    IndexBuffer ids = backend.indices(new int[0]);
    backend.multiply(none, w.all(), null, none);
    backend.multiplyByHead(none, w, 2, null, none);
    backend.norm(NormKind.LAYER, none, 1e-5f, gain, gain, none);
    backend.normScale(NormKind.RMS, none, 1e-5f, column);
    backend.gelu(none, none);
    backend.add(none, none, none);
    backend.embed(w, ids, none);
    backend.gather(none, ids, none);
    backend.rotate(none, 2, backend.rotary(new double[] {1}), ids, none);
    backend.attention(none, List.of(), 2, 1, none);
  }

  static void check(float got, double want, double tolerance, int row, int column) {
    if (!(Math.abs(got - want) <= tolerance)) {
      throw new AssertionError(
          "expected %s within %s at %d, %d, got %s".formatted(want, tolerance, row, column, got));
    }
  }
}
