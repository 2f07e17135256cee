package dev.diopter.kernels.cpu;

import com.sun.management.ThreadMXBean;
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
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Random;

/**
 * Bytes that a round of operations allocates once compiled: vectors that are boxed would cost
 * megabytes.
 */
final class AllocationProbe {
  /** A round makes a few small objects for each of its operations; one boxed loop costs more. */
  static final long FEW = 8_000;

  private AllocationProbe() {}

  /** The least of many rounds, at most 20 seconds of them. */
  static long bytesOfARound() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Random random = new Random(1);
    try (Backend backend = CpuBackend.create(KernelChoice.VECTOR, 1)) {
      Round round = new Round(backend, random);
      long least = Long.MAX_VALUE;
      long end = System.nanoTime() + 20_000_000_000L;
      while (least > FEW && System.nanoTime() < end) {
        long before = threads.getCurrentThreadAllocatedBytes();
        round.run();
        least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
      }
      System.out.println("bytes of a round: " + least);
      return least;
    }
  }

  private static final class Round {
    private final Backend backend;
    private final PackedMatrix f32;
    private final PackedMatrix bf16;
    private final Matrix x;
    private final Matrix y;
    private final Buffer gain;
    private final List<AttentionSpan> spans;

    Round(Backend backend, Random random) {
      this.backend = backend;
      f32 = pack(StorageType.F32, random);
      bf16 = pack(StorageType.BF16, random);
      x = Matrix.of(Samples.buffer(backend, Samples.floats(random, 9 * 192)), 9, 192);
      y = Matrix.of(Samples.buffer(backend, Samples.floats(random, 9 * 192)), 9, 192);
      gain = Samples.buffer(backend, Samples.floats(random, 192));
      KeyValueBlock block = backend.allocateKeyValues(3, 64, 40);
      backend.store(x, x, block, 0);
      spans = List.of(new AttentionSpan(0, 9, 0, new KeyValueView(List.of(block), new int[] {9})));
    }

    private PackedMatrix pack(StorageType type, Random random) {
      return backend.pack(
          List.of(Samples.weights(random, type, Layout.ROWS_OF_INPUTS, 192, 192).stored()));
    }

    void run() {
      backend.multiply(x, f32.all(), gain, y);
      backend.multiply(x, bf16.all(), gain, y);
      backend.multiply(x.rows(0, 1), f32.all(), gain, y.rows(0, 1));
      backend.multiply(x.rows(0, 1), bf16.all(), gain, y.rows(0, 1));
      backend.multiplyByHead(x, f32, 3, gain, y);
      backend.norm(NormKind.LAYER, x, 1e-5f, gain, gain, y);
      backend.gelu(x, y);
      backend.siluTimes(x, x, y);
      backend.attention(x, spans, 3, 0.1f, y);
    }
  }
}
