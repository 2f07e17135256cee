package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Buffer;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.PackedMatrix;
import dev.diopter.kernels.Samples;
import dev.diopter.kernels.Samples.Layout;
import dev.diopter.kernels.StorageType;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sizes at which the CPU backend's loops over blocks of keys, of rows and of inputs run more than
 * once, held against {@link Chains} bit for bit. {@link Battery} has some of them for every vector
 * width.
 */
class LargeShapesTest {
  private static final float SCALE = 0.3f;
  private static final int CELLS = 4000;

  @ParameterizedTest
  @EnumSource(
      value = KernelChoice.class,
      names = {"VECTOR", "SCALAR"})
  void attention_manyKeysInAnyBlocks_isTheStatedChains(KernelChoice choice) {
    Random random = Samples.random(11);
    int[][] heads = {{4, 4, 64}, {4, 2, 33}, {6, 1, 20}};
    try (Backend backend = CpuBackend.create(choice, 2, 0)) {
      for (int[] h : heads) {
        for (int keys : new int[] {127, 128, 129, 257, 385}) {
          for (int rows : new int[] {1, 4, 25}) {
            attention(backend, random, new Chains.Shape(rows, keys, h[0], h[1], h[2]));
          }
        }
      }
    }
  }

  private static void attention(Backend backend, Random random, Chains.Shape shape) {
    int rows = shape.rows();
    int keys = shape.keys();
    int heads = shape.heads();
    int width = heads * shape.headDim();
    float[] k = Samples.floats(random, keys * shape.kvHeads() * shape.headDim());
    float[] v = Samples.floats(random, k.length);
    float[] q = Samples.floats(random, rows * width);
    float[] scores = shape.scores(q, k, SCALE);
    float[] pattern = shape.pattern(scores);
    float[] mixed = shape.mix(pattern, v);
    for (int[] cut : CutKeys.cuts(random, keys)) {
      String name = shape + " " + Arrays.toString(cut);
      var view = CutKeys.view(backend, random, shape.kvHeads(), shape.headDim(), k, v, cut);
      AttentionSpan span = new AttentionSpan(0, rows, keys - rows, view);
      Matrix queries = Samples.matrix(backend, random, q, rows, width);
      Matrix z = Samples.empty(backend, random, rows, width);
      Buffer cells = backend.allocate(heads * rows * keys);
      backend.attention(queries, List.of(span), heads, SCALE, z);
      same("attention " + name, Samples.values(backend, z), mixed);
      backend.scores(queries, span, heads, SCALE, cells);
      same("scores " + name, Samples.values(backend, cells), scores);
      backend.softmax(cells, span, heads, cells);
      same("pattern " + name, Samples.values(backend, cells), pattern);
      Matrix again = Samples.empty(backend, random, rows, width);
      backend.mix(cells, span, heads, again);
      same("mix " + name, Samples.values(backend, again), mixed);
      backend.release(cells);
      List.of(queries, z, again).forEach(m -> backend.release(m.buffer()));
    }
  }

  /** Blocks of 23 to 44 groups of rows, and several bands of them. */
  @ParameterizedTest
  @ValueSource(ints = {300, 528, 529, 1057})
  void multiply_rowsOfManyGroups_isOneChain(int rows) {
    multiply(StorageType.F32, 1, rows);
  }

  @ParameterizedTest
  @CsvSource({"F32, 3", "BF16, 1", "BF16, 3", "F16, 1", "F16, 3"})
  void multiply_rowsOfManyGroupsByTypeAndHeads_isOneChainForEachHead(StorageType type, int heads) {
    multiply(type, heads, 529);
  }

  private static void multiply(StorageType type, int heads, int rows) {
    Random random = Samples.random(12 + rows);
    int in = 270;
    int out = 1030;
    Samples.Weights w = Samples.weights(random, type, Layout.ROWS_OF_INPUTS, in, out);
    float[] x = Samples.floats(random, rows * in);
    float[] bias = Samples.floats(random, out);
    float[] vectors = multiply(KernelChoice.VECTOR, w, heads, x, bias, random);
    float[] twin = multiply(KernelChoice.SCALAR, w, heads, x, bias, random);
    same("vectors and twin", vectors, twin);
    int width = in / heads;
    for (int c = 0; c < CELLS; c++) {
      int row = random.nextInt(rows);
      int o = random.nextInt(out);
      float sum = Chains.product(x, row * in, width, w.values(), out, 0, o);
      for (int h = 1; h < heads; h++) {
        sum += Chains.product(x, row * in + h * width, width, w.values(), out, h * width, o);
      }
      float expected = sum + bias[o];
      assertThat(vectors[row * out + o]).as("row %d, output %d", row, o).isEqualTo(expected);
    }
  }

  private static float[] multiply(
      KernelChoice choice, Samples.Weights w, int heads, float[] x, float[] bias, Random random) {
    int in = w.stored().in();
    int out = w.stored().out();
    int rows = x.length / in;
    try (Backend backend = CpuBackend.create(choice, 2, 0)) {
      PackedMatrix packed = backend.pack(List.of(w.stored()));
      Matrix inputs = Samples.matrix(backend, random, x, rows, in);
      Matrix outputs = Samples.empty(backend, random, rows, out);
      Buffer added = Samples.buffer(backend, bias);
      if (heads == 1) {
        backend.multiply(inputs, packed.all(), added, outputs);
      } else {
        backend.multiplyByHead(inputs, packed, heads, added, outputs);
      }
      return Samples.values(backend, outputs);
    }
  }

  private static void same(String name, float[] got, float[] expected) {
    int at = Arrays.mismatch(Samples.bits(got), Samples.bits(expected));
    assertThat(at).as("first element of %s that differs", name).isEqualTo(-1);
  }
}
