package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.AttentionSpan;
import dev.diopter.kernels.Backend;
import dev.diopter.kernels.KeyValueBlock;
import dev.diopter.kernels.KeyValueView;
import dev.diopter.kernels.Matrix;
import dev.diopter.kernels.Samples;
import dev.diopter.kernels.Samples.Layout;
import dev.diopter.kernels.Samples.Weights;
import dev.diopter.kernels.StorageType;
import dev.diopter.kernels.Tape;
import dev.diopter.kernels.reference.ReferenceBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Where one launch, one copy or one piece of memory is not enough; and lower precision. */
@Tag("cuda")
class CudaLimitsTest {
  private static final int HEAD_DIM = 4;
  private static final int HEADS = 2;

  /** The same work on cuda and on the reference backend. */
  private static void agree(Function<Backend, float[]> work) {
    try (Backend cuda = FakeDriver.open();
        Backend reference = new ReferenceBackend()) {
      float[] got = work.apply(cuda);
      float[] want = work.apply(reference);
      assertThat(got).hasSameSizeAs(want);
      for (int i = 0; i < want.length; i++) {
        assertThat(got[i]).isCloseTo(want[i], Offset.offset(2e-5f));
      }
    }
  }

  /** Attention of rows that see the last keys of a sequence, which lie in blocks of one length. */
  private static float[] attend(Backend backend, int keys, int blockLength, int... spanRows) {
    Random random = new Random(keys);
    int width = HEADS * HEAD_DIM;
    List<KeyValueBlock> blocks = new ArrayList<>();
    List<Integer> lengths = new ArrayList<>();
    for (int from = 0; from < keys; from += blockLength) {
      int n = Math.min(blockLength, keys - from);
      KeyValueBlock block = backend.allocateKeyValues(HEADS, HEAD_DIM, n);
      backend.store(
          Samples.matrix(backend, random, Samples.floats(random, n * width), n, width),
          Samples.matrix(backend, random, Samples.floats(random, n * width), n, width),
          block,
          0);
      blocks.add(block);
      lengths.add(n);
    }
    KeyValueView view =
        new KeyValueView(blocks, lengths.stream().mapToInt(Integer::intValue).toArray());
    List<AttentionSpan> spans = new ArrayList<>();
    int rows = 0;
    for (int n : spanRows) {
      spans.add(new AttentionSpan(rows, n, keys - n, view));
      rows += n;
    }
    Matrix q = Samples.matrix(backend, random, rows, width);
    Matrix z = Samples.empty(backend, random, rows, width);
    backend.attention(q, spans, HEADS, 0.5f, z);
    return Samples.values(backend, z);
  }

  @Test
  void attention_moreKeysThanSharedMemoryHolds_agrees() {
    agree(backend -> attend(backend, 13_000, 13_000, 2, 1));
  }

  @Test
  void attention_moreRowsThanTheirCellsMayTake_goesInParts() {
    try (Backend cuda = FakeDriver.open()) {
      attend(cuda, 70_000, 70_000, 150);
      assertThat(FakeDriver.count("cuLaunchKernel attention")).isEqualTo(2);
    }
  }

  @Test
  void attention_moreBlocksThanALaunchCanName_agrees() {
    agree(backend -> attend(backend, 300, 4, 3, 2));
  }

  @Test
  void attention_moreSpansThanALaunchCanName_agrees() {
    int[] spans = new int[70];
    java.util.Arrays.fill(spans, 1);
    agree(backend -> attend(backend, 9, 5, spans));
  }

  @Test
  void upload_moreThanTheStagingHolds_arrives() {
    try (Backend cuda = FakeDriver.open()) {
      FakeDriver.set("EMU_ASYNC", "lazy");
      int n = 3 * Staging.HALF / Float.BYTES + 5;
      float[] values = Samples.floats(new Random(1), n);
      var buffer = cuda.allocate(n);
      cuda.upload(values, 0, buffer, 0, n);
      float[] back = new float[n];
      cuda.download(buffer, 0, back, 0, n);
      assertThat(back).isEqualTo(values);
    }
  }

  @Test
  void tape_moreThanAPiece_keepsEveryValue() {
    try (Backend cuda = FakeDriver.open();
        Tape tape = cuda.tape()) {
      FakeDriver.set("EMU_ASYNC", "lazy");
      Random random = new Random(2);
      List<float[]> taken = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        float[] values = Samples.floats(random, 300_000 + i);
        Matrix row = Samples.matrix(cuda, random, values, 1, values.length);
        assertThat(tape.take(row)).isEqualTo(i);
        cuda.add(row, row, row);
        cuda.release(row.buffer());
        taken.add(values);
      }
      for (int i = 11; i >= 0; i--) {
        assertThat(tape.values(i)).isEqualTo(taken.get(i));
      }
    }
  }

  // ---- precision

  private static double worst(CudaPrecision precision, StorageType type) {
    FakeDriver.open().close();
    Random random = new Random(8);
    try (Backend cuda = CudaBackend.open(precision);
        Backend reference = new ReferenceBackend()) {
      assertThat(cuda.describe())
          .startsWith(precision.backend() + ": Fake CUDA device")
          .endsWith(precision.label());
      Weights w = Samples.weights(random, type, Layout.ROWS_OF_OUTPUTS, 64, 20);
      float[] x = Samples.floats(random, 3 * 64);
      float[][] results = new float[2][];
      for (int i = 0; i < 2; i++) {
        Backend backend = i == 0 ? cuda : reference;
        Matrix in = Samples.matrix(backend, new Random(3), x, 3, 64);
        Matrix out = Samples.empty(backend, random, 3, 20);
        backend.multiply(in, backend.pack(List.of(w.stored())).all(), null, out);
        results[i] = Samples.values(backend, out);
      }
      double worst = 0;
      for (int i = 0; i < results[1].length; i++) {
        worst = Math.max(worst, Math.abs(results[0][i] - results[1][i]));
      }
      return worst;
    }
  }

  @Test
  void products_float32_areTheDefault() {
    assertThat(worst(CudaPrecision.FLOAT32, StorageType.BF16)).isLessThan(2e-5);
  }

  @Test
  void products_lowerPrecision_isSeenAndBounded() {
    assertThat(worst(CudaPrecision.TF32, StorageType.F32)).isBetween(1e-4, 0.03);
    assertThat(worst(CudaPrecision.BFLOAT16, StorageType.F32)).isBetween(1e-3, 0.3);
    assertThat(worst(CudaPrecision.BFLOAT16, StorageType.BF16)).isBetween(1e-3, 0.3);
  }

  @Test
  void embed_bfloat16Table_isExactForBfloat16Weights() {
    FakeDriver.open().close();
    try (Backend cuda = CudaBackend.open(CudaPrecision.BFLOAT16)) {
      Weights w = Samples.weights(new Random(4), StorageType.BF16, Layout.SPREAD, 5, 7);
      Matrix out = Samples.empty(cuda, new Random(5), 1, 5);
      var packed = cuda.pack(List.of(w.stored()));
      assertThat(packed.bytes()).isEqualTo(70);
      cuda.embed(packed, cuda.indices(new int[] {6}), out);
      for (int i = 0; i < 5; i++) {
        assertThat(Samples.values(cuda, out)[i]).isEqualTo(w.values()[i * 7 + 6]);
      }
    }
  }
}
