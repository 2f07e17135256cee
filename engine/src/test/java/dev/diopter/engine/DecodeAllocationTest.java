package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.diopter.kernels.cpu.CpuBackend;
import dev.diopter.kernels.cpu.KernelChoice;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a decoding step allocates on all threads: views and tasks, no array that grows with the
 * model's width or vocabulary. Scalar kernels, since vectors that are not compiled yet are objects.
 */
class DecodeAllocationTest {
  private static final int STEPS = 100;

  /** The bytes of a step that other threads of the JVM disturbed are found by its other rounds. */
  private static final int ROUNDS = 6;

  /**
   * Views, lists and tasks of one block, and less to spare than one row of the residual stream in
   * each block or one row of logits would take.
   */
  private static final long BYTES_PER_LAYER = 3_300;

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void generate_stepsAfterTheFirst_allocateViewsAndTasksOnly(int threads) {
    ThreadMXBean counter = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    CpuBackend backend = CpuBackend.create(KernelChoice.SCALAR, threads);
    try (Model model = TestModels.open("demo-gpt2", backend)) {
      long[] at = new long[STEPS];
      GenerationListener listener =
          (_, step, _) -> at[step] = counter.getTotalThreadAllocatedBytes();
      long[] least = new long[STEPS - 2];
      Arrays.fill(least, Long.MAX_VALUE);
      for (int round = 0; round < ROUNDS; round++) {
        model.generate(
            Prompt.ofIds(new int[] {1, 2, 3}),
            GenerationOptions.greedy(STEPS).ignoringEos(),
            HookPlan.NONE,
            listener);
        for (int step = 2; step < STEPS; step++) {
          least[step - 2] = Math.min(least[step - 2], at[step] - at[step - 1]);
        }
      }
      Arrays.sort(least);
      long median = least[least.length / 2];
      long most = least[least.length - 1];
      System.out.println("bytes of a decoding step: median %d, most %d".formatted(median, most));
      long bound = model.config().layers() * BYTES_PER_LAYER;
      assertThat(median).isLessThan(bound);
      assertThat(most).isLessThan(bound);
    }
  }
}
