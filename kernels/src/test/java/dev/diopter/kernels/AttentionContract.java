package dev.diopter.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Attention of every backend: against loops in double, fused against step by step, and however the
 * keys are cut into blocks.
 */
public abstract class AttentionContract {
  protected Backend backend;
  private Random random;

  protected abstract Backend open();

  @BeforeEach
  void openBackend() {
    backend = open();
    random = Samples.random(77);
  }

  @AfterEach
  void closeBackend() {
    backend.close();
  }

  /** Rows of keys and values of one sequence, and the queries of its last rows. */
  private record Case(int heads, int kvHeads, int headDim, int keys, float[] k, float[] v) {
    int kvWidth() {
      return kvHeads * headDim;
    }

    int width() {
      return heads * headDim;
    }
  }

  private Case sequence(int heads, int kvHeads, int headDim, int keys) {
    int n = keys * kvHeads * headDim;
    return new Case(
        heads, kvHeads, headDim, keys, Samples.floats(random, n), Samples.floats(random, n));
  }

  /** The keys and values in blocks of the given lengths, each with some room to spare. */
  private KeyValueView view(Case c, int... lengths) {
    List<KeyValueBlock> blocks = new ArrayList<>();
    int from = 0;
    for (int length : lengths) {
      KeyValueBlock block =
          backend.allocateKeyValues(c.kvHeads, c.headDim, length + 1 + random.nextInt(3));
      // In two goes: the second begins inside a panel.
      int half = length / 2;
      store(c, block, from, 0, half);
      store(c, block, from, half, length);
      blocks.add(block);
      from += length;
    }
    return new KeyValueView(blocks, lengths);
  }

  private void store(Case c, KeyValueBlock block, int first, int from, int to) {
    if (to > from) {
      int w = c.kvWidth();
      float[] k = Arrays.copyOfRange(c.k, (first + from) * w, (first + to) * w);
      float[] v = Arrays.copyOfRange(c.v, (first + from) * w, (first + to) * w);
      backend.store(
          Samples.matrix(backend, random, k, to - from, w),
          Samples.matrix(backend, random, v, to - from, w),
          block,
          from);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1",
    "2, 2, 5, 1, 9",
    "2, 1, 8, 7, 7",
    "4, 2, 16, 33, 40",
    "3, 3, 64, 17, 17",
    "6, 2, 20, 5, 70",
    "8, 1, 33, 3, 35",
    "12, 12, 64, 1, 100"
  })
  void attention_anyShape_matchesDoubleAndItsSteps(
      int heads, int kvHeads, int headDim, int rows, int keys) {
    Case c = sequence(heads, kvHeads, headDim, keys);
    float[] queries = Samples.floats(random, (rows + 2) * c.width());
    AttentionSpan span = new AttentionSpan(1, rows, keys - rows, view(c, keys));
    Matrix q = Samples.matrix(backend, random, queries, rows + 2, c.width());
    float scale = (float) (1 / Math.sqrt(headDim));

    Buffer scores = backend.allocate(heads * rows * keys);
    Buffer pattern = backend.allocate(heads * rows * keys);
    Matrix mixed = Samples.empty(backend, random, rows + 2, c.width());
    Matrix fused = Samples.empty(backend, random, rows + 2, c.width());
    backend.scores(q, span, heads, scale, scores);
    backend.softmax(scores, span, heads, pattern);
    backend.mix(pattern, span, heads, mixed);
    backend.attention(q, List.of(span), heads, scale, fused);
    assertThat(Samples.bits(Samples.values(backend, fused)))
        .isEqualTo(Samples.bits(Samples.values(backend, mixed)));

    checkAgainstDouble(c, queries, rows, scale, scores, pattern, fused);
    // Rows outside of the span are left alone.
    assertThat(Samples.values(backend, fused.rows(0, 1))).containsOnly(Float.NaN);
    assertThat(Samples.values(backend, fused.rows(rows + 1, rows + 2))).containsOnly(Float.NaN);
    backend.softmax(scores, span, heads, scores);
    assertThat(Samples.values(backend, scores)).isEqualTo(Samples.values(backend, pattern));
  }

  private void checkAgainstDouble(
      Case c, float[] q, int rows, float scale, Buffer scores, Buffer pattern, Matrix z) {
    float[] s = Samples.values(backend, scores);
    float[] p = Samples.values(backend, pattern);
    float[] zs = Samples.values(backend, z);
    for (int h = 0; h < c.heads; h++) {
      int kv = h * c.kvHeads / c.heads * c.headDim;
      for (int r = 0; r < rows; r++) {
        int visible = c.keys - rows + r + 1;
        int cell = (h * rows + r) * c.keys;
        int row = (r + 1) * c.width() + h * c.headDim;
        double[] exact = new double[visible];
        double sum = 0;
        for (int k = 0; k < visible; k++) {
          double dot = 0;
          double size = 0;
          for (int d = 0; d < c.headDim; d++) {
            double product = (double) q[row + d] * c.k[k * c.kvWidth() + kv + d];
            dot += product;
            size += Math.abs(product);
          }
          BackendContract.check(
              s[cell + k], dot * scale, (c.headDim + 2) * BackendContract.EPS * size * scale, r, k);
          exact[k] = Math.exp(dot * scale);
          sum += exact[k];
        }
        for (int k = 0; k < visible; k++) {
          exact[k] /= sum;
          BackendContract.check(p[cell + k], exact[k], 2e-6 * (1 + 10 * exact[k]), r, k);
        }
        for (int k = visible; k < c.keys; k++) {
          assertThat(s[cell + k]).isEqualTo(Float.NEGATIVE_INFINITY);
          assertThat(p[cell + k]).isZero();
        }
        for (int d = 0; d < c.headDim; d++) {
          double value = 0;
          for (int k = 0; k < visible; k++) {
            value += exact[k] * c.v[k * c.kvWidth() + kv + d];
          }
          BackendContract.check(zs[row + d], value, 2e-5, r, d);
        }
      }
    }
  }

  @Test
  void attention_prefixAndTail_equalsOneBlockToTheBit() {
    Case c = sequence(4, 2, 20, 70);
    int rows = 11;
    Matrix q = Samples.matrix(backend, random, rows, c.width());
    float[] whole = attend(c, q, new AttentionSpan(0, rows, 59, view(c, 70)));
    for (int[] lengths :
        new int[][] {
          {59, 11}, {1, 69}, {16, 54}, {13, 0, 20, 37}, {65, 5}, {0, 70}, {32, 16, 22}
        }) {
      float[] cut = attend(c, q, new AttentionSpan(0, rows, 59, view(c, lengths)));
      assertThat(Samples.bits(cut)).as(Arrays.toString(lengths)).isEqualTo(Samples.bits(whole));
    }
  }

  @Test
  void attention_rowsInOtherBatches_keepTheirBits() {
    Case c = sequence(2, 2, 24, 40);
    int rows = 40;
    KeyValueView view = view(c, 40);
    Matrix q = Samples.matrix(backend, random, rows, c.width());
    int[] whole = Samples.bits(attend(c, q, new AttentionSpan(0, rows, 0, view)));
    for (int size = 1; size <= 9; size++) {
      List<AttentionSpan> spans = new ArrayList<>();
      for (int r = 0; r < rows; r += size) {
        int n = Math.min(size, rows - r);
        spans.add(new AttentionSpan(r, n, r, view));
        spans.add(new AttentionSpan(r + n, 0, r + n, view));
      }
      Matrix z = Samples.empty(backend, random, rows, c.width());
      backend.attention(q, spans, c.heads, 0.2f, z);
      assertThat(Samples.bits(Samples.values(backend, z))).as("rows of %d", size).isEqualTo(whole);
    }
  }

  private float[] attend(Case c, Matrix q, AttentionSpan span) {
    Matrix z = Samples.empty(backend, random, q.rows(), c.width());
    backend.attention(q, List.of(span), c.heads, 0.2f, z);
    return Samples.values(backend, z);
  }

  @Test
  void mix_maskedCells_areNotRead() {
    Case c = sequence(2, 1, 16, 6);
    AttentionSpan span = new AttentionSpan(0, 5, 1, view(c, 6));
    float[] cells = Samples.floats(random, 2 * 5 * 6);
    float[] spoiled = cells.clone();
    for (int row = 0; row < 10; row++) {
      for (int k = 1 + row % 5 + 1; k < 6; k++) {
        cells[row * 6 + k] = 0;
        spoiled[row * 6 + k] = Float.NaN;
      }
    }
    Matrix z = Samples.empty(backend, random, 5, c.width());
    backend.mix(Samples.buffer(backend, spoiled), span, 2, z);
    float[] got = Samples.values(backend, z);
    backend.mix(Samples.buffer(backend, cells), span, 2, z);
    assertThat(got).isEqualTo(Samples.values(backend, z)).doesNotContain(Float.NaN);
  }

  @Test
  void softmax_rowsOfMinusInfinity_becomeZeros() {
    float no = Float.NEGATIVE_INFINITY;
    float[] cells = {no, 5, 5, no, no, 5, no, 0, no};
    AttentionSpan span = span(3, 0);
    Buffer out = backend.allocate(9);
    backend.softmax(Samples.buffer(backend, cells), span, 1, out);
    assertThat(Samples.values(backend, out)).containsExactly(0, 0, 0, 0, 0, 0, 0, 1, 0);
  }

  @Test
  void softmax_hugeAndSpecialScores_behaveAsInDouble() {
    float[] cells = {1e30f, -1e30f, 1e30f, 100, 0, -100, Float.NaN, 1, 2};
    AttentionSpan span = span(1, 2);
    float[] first = softmax(Arrays.copyOfRange(cells, 0, 3), span);
    assertThat(first).containsExactly(0.5f, 0, 0.5f);
    float[] second = softmax(Arrays.copyOfRange(cells, 3, 6), span);
    assertThat(second[0]).isEqualTo(1);
    assertThat(second[1]).isCloseTo(3.783506e-44f, org.assertj.core.data.Offset.offset(3e-45f));
    assertThat(second[2]).isZero();
    assertThat(softmax(Arrays.copyOfRange(cells, 6, 9), span)).containsOnly(Float.NaN);
  }

  private float[] softmax(float[] cells, AttentionSpan span) {
    Buffer buffer = Samples.buffer(backend, cells);
    backend.softmax(buffer, span, 1, buffer);
    return Samples.values(backend, buffer);
  }

  private AttentionSpan span(int rows, int firstIndex) {
    KeyValueBlock block = backend.allocateKeyValues(1, 1, rows + firstIndex);
    return new AttentionSpan(
        0, rows, firstIndex, new KeyValueView(List.of(block), new int[] {rows + firstIndex}));
  }

  @Test
  void store_againAtTheSameEntry_replaces() {
    Case c = sequence(1, 1, 3, 20);
    Case d = sequence(1, 1, 3, 20);
    KeyValueView view = view(c, 20);
    store(d, view.blocks().getFirst(), 0, 0, 20);
    Matrix q = Samples.matrix(backend, random, 2, 3);
    AttentionSpan span = new AttentionSpan(0, 2, 18, view);
    float[] replaced = attend(d, q, span);
    assertThat(replaced).isEqualTo(attend(d, q, new AttentionSpan(0, 2, 18, view(d, 20))));
  }

  @Test
  void attention_shapesThatDoNotFit_nameBoth() {
    Case c = sequence(4, 2, 8, 5);
    KeyValueView view = view(c, 5);
    Matrix q = Samples.matrix(backend, random, 5, c.width());
    refuses(q, new AttentionSpan(0, 5, 1, view), 4, "expected a view of at least 6 keys, got 5");
    refuses(
        q, new AttentionSpan(1, 5, 0, view), 4, "expected a span inside 5 rows of q, got 5 from 1");
    refuses(q, new AttentionSpan(0, 5, 0, view), 3, "expected query heads divisible by 2, got 3");
    refuses(q, new AttentionSpan(0, 5, 0, view), 2, "expected q of 16 columns, got 32");
    KeyValueView long7 = new KeyValueView(view.blocks(), new int[] {99});
    refuses(q, new AttentionSpan(0, 5, 0, long7), 4, "got 99");
    KeyValueBlock block = backend.allocateKeyValues(2, 8, 4);
    Matrix rows = Samples.matrix(backend, random, 3, 16);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> backend.store(rows, rows, block, 2))
        .withMessage("expected entries inside a capacity of 4, got 3 from 2");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> backend.scores(q, new AttentionSpan(0, 5, 0, view), 4, 1, backend.allocate(99)))
        .withMessage("expected scores of at least 100 floats, got 99");
  }

  private void refuses(Matrix q, AttentionSpan span, int heads, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> backend.attention(q, List.of(span), heads, 1, q))
        .withMessageContaining(message);
  }
}
