package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** A decoding step makes small objects only: nothing that grows with the model's width. */
class DecodeAllocationTest {
  private static final int STEPS = 120;

  /** Views, lists and tasks of one block. */
  private static final long BYTES_PER_LAYER = 3_300;

  @Test
  void generate_stepsAfterTheFirst_allocateNoRowOfLogits() {
    ThreadMXBean counter = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Model model = Model.open("demo-gpt2", new ModelOptions("cpu", 1))) {
      long[] at = new long[STEPS];
      GenerationListener listener =
          (_, step, _) -> at[step] = counter.getCurrentThreadAllocatedBytes();
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 3; round++) {
        model.generate(
            Prompt.ofIds(new int[] {1, 2, 3}),
            GenerationOptions.greedy(STEPS).ignoringEos(),
            HookPlan.NONE,
            listener);
        for (int step = 2; step < STEPS; step++) {
          least = Math.min(least, at[step] - at[step - 1]);
        }
      }
      System.out.println("bytes of a decoding step: " + least);
      assertThat(least).isLessThan(model.config().layers() * BYTES_PER_LAYER);
    }
  }
}
