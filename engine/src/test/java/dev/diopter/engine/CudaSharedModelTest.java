package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Threads that share a model on the cuda backend where device memory is tight: each run gives back
 * what others just left behind.
 */
@Tag("cuda")
class CudaSharedModelTest {
  private static final int THREADS = 3;
  private static final int SHAPES = 12;
  private static final int RUNS = 25;

  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  @AfterAll
  static void defaults() {
    FakeCuda.set("EMU_MEM_MB", "");
  }

  /** Prompts that are run together, and the logits that they give. */
  private record Case(RunRequest request, float[] wanted) {
    static Case make(Model model, Random random) {
      return make(model, random, 1 + random.nextInt(5), 8 + random.nextInt(24));
    }

    static Case make(Model model, Random random, int count, int length) {
      Prompt[] prompts = new Prompt[count];
      Arrays.setAll(prompts, i -> TestModels.randomPrompt(model, random, length));
      RunRequest request = RunRequest.of(prompts).logits(Logits.ALL);
      return new Case(request, model.run(request).getLast().logits());
    }

    void check(Model model) {
      assertThat(model.run(request).getLast().logits())
          .containsExactly(wanted, Offset.offset(1e-4f));
    }
  }

  @Test
  void run_onSeveralThreadsWithLittleMemory_givesWhatItGivesAlone() throws Exception {
    long seed = Long.getLong("diopter.seed", new Random().nextInt());
    System.out.println("CudaSharedModelTest seed " + seed);
    try (Model model = TestModels.open("gpt2-tiny", "cuda", 0)) {
      Random random = new Random(seed);
      List<Case> cases = new ArrayList<>();
      for (int length = 31; length > 27; length--) {
        cases.add(Case.make(model, random, 5, length)); // without large ones memory may suffice
      }
      while (cases.size() < SHAPES) {
        cases.add(Case.make(model, random));
      }
      FakeCuda.reset();
      FakeCuda.set("EMU_MEM_MB", "1");
      Throwable[] failed = new Throwable[THREADS];
      Thread[] threads = new Thread[THREADS];
      for (int i = 0; i < THREADS; i++) {
        int me = i;
        threads[i] =
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    Random own = new Random(seed + me);
                    for (int run = 0; run < RUNS; run++) {
                      cases.get(own.nextInt(SHAPES)).check(model);
                    }
                  } catch (Throwable e) {
                    failed[me] = e;
                  }
                });
      }
      for (Thread each : threads) {
        each.join();
      }
      assertThat(failed).as("seed %d", seed).containsOnlyNulls();
      assertThat(FakeCuda.count("cuMemFree")).isGreaterThan(100);
      assertThat(FakeCuda.count("ERROR")).isZero();
    }
  }
}
