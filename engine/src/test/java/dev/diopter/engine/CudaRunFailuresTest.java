package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.kernels.BackendException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A run whose work failed on the device fails itself, whatever it brings to the host. */
@Tag("cuda")
class CudaRunFailuresTest {
  private static final Prompt PROMPT = Prompt.ofIds(5, 9, 2, 44, 17, 30);
  private static final int INVALID_VALUE = 1;
  private static Model model;

  @BeforeAll
  static void open() {
    FakeCuda.require();
    model = TestModels.open("gpt2-tiny", "cuda", 0);
  }

  @AfterEach
  void reset() {
    FakeCuda.reset();
  }

  @AfterAll
  static void close() {
    if (model != null) {
      model.close();
    }
  }

  @Test
  void run_thatDownloadsNothing_tellsThatItFailed() {
    RunRequest keeping = RunRequest.of(PROMPT).logits(Logits.NONE).keepingKeyValues();
    FakeCuda.reset();
    model.run(keeping);
    long launches = FakeCuda.count("cuLaunchKernel");
    FakeCuda.fail("cuLaunchKernel", launches - 1, INVALID_VALUE);
    assertThatThrownBy(() -> model.run(keeping))
        .isInstanceOf(BackendException.class)
        .hasMessageContaining("the GPU refused: kernel ");
    FakeCuda.fail("cuLaunchKernel store", 0, INVALID_VALUE);
    assertThatThrownBy(() -> model.run(keeping)).hasMessageContaining("kernel store failed");
    assertThat(model.run(keeping)).hasSize(1);
  }

  @Test
  void run_thatFindsNoMemoryHalfWay_givesBackWhatItHad() {
    Prompt other = Prompt.ofIds(5, 9, 2, 44, 17, 30, 3);
    long clean = grown(other, false);
    assertThat(grown(Prompt.ofIds(5, 9, 2, 44, 17), true)).isEqualTo(clean).isPositive();
  }

  /** How many pieces of device memory a run of a new shape adds, behind one that failed or not. */
  private static long grown(Prompt prompt, boolean fails) {
    try (Model fresh = TestModels.open("gpt2-tiny", "cuda", 0)) {
      long before = FakeCuda.live("device");
      if (fails) {
        FakeCuda.fail("cuMemAlloc", 4, INVALID_VALUE);
        assertThatThrownBy(() -> fresh.run(prompt)).hasMessageContaining("cuMemAlloc");
      }
      fresh.run(prompt);
      return FakeCuda.live("device") - before;
    }
  }

  @Test
  void run_thatFailedTwice_leavesNothingToTheNext() {
    RunRequest keeping = RunRequest.of(PROMPT).logits(Logits.NONE).keepingKeyValues();
    FakeCuda.fail("cuLaunchKernel store", 0, INVALID_VALUE);
    FakeCuda.fail("cuLaunchKernel gelu", 0, INVALID_VALUE);
    assertThatThrownBy(() -> model.run(keeping)).hasMessageContaining("kernel store failed");
    FakeCuda.reset();
    assertThat(model.run(keeping)).hasSize(1);
  }
}
