package dev.diopter.kernels.cpu;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.NormKind;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.Samples;
import dev.diopter.kernels.Samples.Layout;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.WeightSlice;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Every operation on odd sizes and special values, with the bits of the results: two backends that
 * agree here are interchangeable.
 */
final class Battery {
  private final Backend backend;
  private final Random random;
  private final Map<String, int[]> results = new LinkedHashMap<>();

  private Battery(Backend backend, long seed) {
    this.backend = backend;
    this.random = new Random(seed);
  }

  /** Bits of each result by name; every NaN is one. The same seed means the same operands. */
  static Map<String, int[]> run(Backend backend, long seed) {
    Battery battery = new Battery(backend, seed);
    battery.products();
    battery.heads();
    battery.rows();
    battery.attention();
    battery.manyRows();
    battery.manyKeys();
    return battery.results;
  }

  /** Also in a JVM whose twin nobody asks. */
  private void keep(String name, Matrix matrix, float[] expected) {
    keep(name, matrix);
    int at = Arrays.mismatch(results.get(name), Samples.bits(expected));
    if (at >= 0) {
      throw new AssertionError(name + ": element " + at + " is not its chain");
    }
  }

  private void keep(String name, Matrix matrix) {
    results.put(name, Samples.bits(Samples.values(backend, matrix)));
  }

  private void products() {
    int[] inputs = {1, 5, 16, 100, 300};
    int[] outputs = {1, 15, 16, 33, 37, 64, 100};
    for (StorageType type : StorageType.values()) {
      for (int in : inputs) {
        for (int out : outputs) {
          Layout layout = Layout.values()[random.nextInt(3)];
          PackedMatrix w =
              backend.pack(List.of(Samples.weights(random, type, layout, in, out).stored()));
          int inFrom = random.nextInt(in);
          int inTo = inFrom + 1 + random.nextInt(in - inFrom);
          int outFrom = random.nextInt(out);
          int outTo = outFrom + 1 + random.nextInt(out - outFrom);
          WeightSlice slice = new WeightSlice(w, inFrom, inTo, outFrom, outTo);
          Buffer bias = Samples.buffer(backend, Samples.floats(random, out));
          int rows = 1 + random.nextInt(9) + (out == 37 ? 30 : 0);
          String name = "%s %d x %d, %d rows".formatted(type, in, out, rows);
          product("multiply " + name, w.all(), rows, bias);
          product("slice " + name, slice, rows, bias);
          product("row " + name, w.all(), 1, null);
          product("row slice " + name, slice, 1, bias);
        }
      }
    }
  }

  private void product(String name, WeightSlice w, int rows, Buffer bias) {
    Matrix x = Samples.matrix(backend, random, rows, w.in());
    Matrix out = Samples.empty(backend, random, rows, w.out());
    backend.multiply(x, w, bias, out);
    keep(name, out);
  }

  private void heads() {
    for (StorageType type : StorageType.values()) {
      for (int heads : new int[] {1, 3, 4}) {
        for (int rows : new int[] {1, 6}) {
          int in = heads * 35;
          PackedMatrix w =
              backend.pack(
                  List.of(Samples.weights(random, type, Layout.ROWS_OF_INPUTS, in, 51).stored()));
          Buffer bias = Samples.buffer(backend, Samples.floats(random, 51));
          Matrix x = Samples.matrix(backend, random, rows, in);
          Matrix out = Samples.empty(backend, random, rows, 51);
          backend.multiplyByHead(x, w, heads, bias, out);
          keep("by head %s %d, %d rows".formatted(type, heads, rows), out);
        }
      }
    }
  }

  private void rows() {
    for (int n : new int[] {1, 3, 15, 16, 17, 31, 33, 64, 100, 333}) {
      Buffer gain = Samples.buffer(backend, Samples.floats(random, n));
      Buffer bias = Samples.buffer(backend, Samples.floats(random, n));
      for (NormKind kind : NormKind.values()) {
        Matrix x = Samples.matrix(backend, random, 3, n);
        Matrix out = Samples.empty(backend, random, 3, n);
        Matrix scale = Samples.empty(backend, random, 3, 1);
        backend.norm(kind, x, 1e-5f, gain, bias, out);
        keep("norm %s %d".formatted(kind, n), out);
        backend.norm(kind, x, 1e-5f, gain, null, out);
        keep("norm without bias %s %d".formatted(kind, n), out);
        backend.normScale(kind, x, 1e-5f, scale);
        keep("scale %s %d".formatted(kind, n), scale);
        backend.normalize(kind, x, scale, out);
        keep("normalize %s %d".formatted(kind, n), out);
      }
      Matrix a = Samples.matrix(backend, random, anything(3 * n), 3, n);
      Matrix b = Samples.matrix(backend, random, anything(3 * n), 3, n);
      Matrix out = Samples.empty(backend, random, 3, n);
      backend.gelu(a, out);
      keep("gelu " + n, out);
      backend.siluTimes(a, b, out);
      keep("silu " + n, out);
      backend.add(a, b, out);
      keep("add " + n, out);
      backend.affine(a, gain, bias, out);
      keep("affine " + n, out);
      backend.affine(a, gain, null, out);
      keep("gain " + n, out);
      double[] frequencies = new double[n];
      Arrays.setAll(frequencies, i -> Math.pow(500, -i / (double) n));
      Matrix wide = Samples.matrix(backend, random, 3, 4 * n + 2);
      Matrix turned = Samples.empty(backend, random, 3, 4 * n + 2);
      int[] positions = {0, 77, 1234};
      backend.rotate(wide, 2, backend.rotary(frequencies), backend.indices(positions), turned);
      keep("rotate " + n, turned);
    }
  }

  private void attention() {
    int[][] shapes = {{1, 1, 3, 1, 1}, {2, 2, 16, 5, 5}, {4, 2, 33, 18, 50}, {6, 2, 64, 1, 70}};
    for (int[] shape : shapes) {
      int heads = shape[0];
      int kvHeads = shape[1];
      int headDim = shape[2];
      int rows = shape[3];
      int keys = shape[4];
      KeyValueBlock block = backend.allocateKeyValues(kvHeads, headDim, keys + 3);
      backend.store(
          Samples.matrix(backend, random, keys, kvHeads * headDim),
          Samples.matrix(backend, random, keys, kvHeads * headDim),
          block,
          0);
      AttentionSpan span =
          new AttentionSpan(
              0, rows, keys - rows, new KeyValueView(List.of(block), new int[] {keys}));
      Matrix q = Samples.matrix(backend, random, rows, heads * headDim);
      Matrix z = Samples.empty(backend, random, rows, heads * headDim);
      backend.attention(q, List.of(span), heads, 0.3f, z);
      keep("attention " + Arrays.toString(shape), z);
      Buffer cells = backend.allocate(heads * rows * keys);
      Matrix all = Matrix.of(cells, heads * rows, keys);
      backend.scores(q, span, heads, 0.3f, cells);
      keep("scores " + Arrays.toString(shape), all);
      backend.softmax(cells, span, heads, cells);
      keep("pattern " + Arrays.toString(shape), all);
      backend.mix(cells, span, heads, z);
      keep("mix " + Arrays.toString(shape), z);
      Buffer odd = Samples.buffer(backend, anything(heads * rows * keys));
      backend.softmax(odd, span, heads, cells);
      keep("softmax of anything " + Arrays.toString(shape), all);
    }
  }

  /** More groups of rows than the smallest blocks hold, over many pairs of panels. */
  private void manyRows() {
    int in = 7;
    int out = 650;
    for (StorageType type : StorageType.values()) {
      Samples.Weights w = Samples.weights(random, type, Layout.ROWS_OF_INPUTS, in, out);
      PackedMatrix packed = backend.pack(List.of(w.stored()));
      for (int rows : new int[] {300, 529}) {
        float[] x = Samples.floats(random, rows * in);
        float[] expected = new float[rows * out];
        for (int i = 0; i < expected.length; i++) {
          expected[i] = Chains.product(x, i / out * in, in, w.values(), out, 0, i % out);
        }
        Matrix y = Samples.empty(backend, random, rows, out);
        backend.multiply(Samples.matrix(backend, random, x, rows, in), packed.all(), null, y);
        keep("multiply %s, %d rows".formatted(type, rows), y, expected);
      }
    }
  }

  /** More keys than are taken at a time, in several blocks. */
  private void manyKeys() {
    for (int keys : new int[] {129, 257}) {
      for (int rows : new int[] {1, 4, 25}) {
        Chains.Shape shape = new Chains.Shape(rows, keys, 4, 2, 33);
        float[] k = Samples.floats(random, keys * 2 * 33);
        float[] v = Samples.floats(random, k.length);
        float[] q = Samples.floats(random, rows * 4 * 33);
        float[] expected = shape.mix(shape.pattern(shape.scores(q, k, 0.3f)), v);
        int[] four = CutKeys.four(random, keys);
        for (int[] cut : new int[][] {{127, keys - 127}, four}) {
          KeyValueView view = CutKeys.view(backend, random, 2, 33, k, v, cut);
          AttentionSpan span = new AttentionSpan(0, rows, keys - rows, view);
          Matrix z = Samples.empty(backend, random, rows, 4 * 33);
          Matrix queries = Samples.matrix(backend, random, q, rows, 4 * 33);
          backend.attention(queries, List.of(span), 4, 0.3f, z);
          keep("attention %d rows, keys %s".formatted(rows, Arrays.toString(cut)), z, expected);
        }
      }
    }
  }

  /** Values of every magnitude, with infinities, zeros, subnormals and NaN among them. */
  private float[] anything(int n) {
    float[] special = {
      0f,
      -0f,
      1f,
      -1f,
      Float.MIN_VALUE,
      -Float.MIN_NORMAL,
      Float.MAX_VALUE,
      Float.NaN,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      -87.5f,
      -103.9f,
      88.7f,
      -110.5f
    };
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] =
          switch (random.nextInt(20)) {
            case 0 -> special[random.nextInt(special.length)];
            case 1, 2, 3 -> Float.intBitsToFloat(random.nextInt());
            default -> (float) random.nextGaussian() * 30;
          };
    }
    return values;
  }
}
