package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.Backend;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WarmingKernelsTest {
  private static final long SEED = 31;

  @Test
  void results_whileVectorsTakeOver_keepTheirBits() {
    Map<String, int[]> expected;
    try (Backend backend = CpuBackend.create(KernelChoice.SCALAR, 1)) {
      expected = Battery.run(backend, SEED);
    }
    WarmingKernels kernels = new WarmingKernels(new ScalarKernels(), VectorKernels::new, 1000);
    try (Backend backend = new CpuBackend(new KernelSelection(kernels, null), 2, 0)) {
      assertThat(backend.describe()).contains("-bit vectors, 2 threads");
      long end = System.nanoTime() + 120_000_000_000L;
      boolean before;
      do {
        before = kernels.warm();
        Map<String, int[]> got = Battery.run(backend, SEED);
        expected.forEach((name, bits) -> assertThat(got.get(name)).as(name).isEqualTo(bits));
      } while (!before && System.nanoTime() < end);
      assertThat(before).isTrue();
    }
  }

  @Test
  void warmUp_littleWork_doesNotBegin() {
    WarmingKernels kernels =
        new WarmingKernels(new ScalarKernels(), VectorKernels::new, 1_000_000_000);
    try (Backend backend = new CpuBackend(new KernelSelection(kernels, null), 1, 0)) {
      Battery.run(backend, SEED);
    }
    assertThat(kernels.warm()).isFalse();
    assertThat(kernels.begun()).isFalse();
  }

  @Test
  void samples_everyKernel_areThere() {
    WarmUpSamples samples = new WarmUpSamples();
    for (int kernel = 0; kernel < WarmUpSamples.KERNELS; kernel++) {
      samples.run(kernel, new ScalarKernels());
    }
  }
}
