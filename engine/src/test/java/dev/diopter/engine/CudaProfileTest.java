package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What a pass asks of the driver, counted by the fake one: how many kernels and products, what goes
 * up and down, who waits. The second of two equal passes is counted: the first one allocates.
 */
@Tag("cuda")
class CudaProfileTest {
  private static final Prompt PROMPT = Prompt.ofIds(5, 9, 2, 44, 17, 30);
  private static final int LAYERS = 2;
  private static Model model; // GPT-2, 2 layers, 3 heads

  @BeforeAll
  static void open() {
    FakeCuda.require();
    model = TestModels.open("gpt2-tiny", "cuda", 0);
  }

  @BeforeEach
  void eager() {
    FakeCuda.set("EMU_ASYNC", "");
  }

  @AfterAll
  static void close() {
    if (model != null) {
      model.close();
    }
  }

  private static void secondOf(RunRequest request) {
    model.run(request);
    FakeCuda.reset();
    model.run(request);
  }

  @Test
  void unhookedPass_waitsOnceAtItsEnd() {
    secondOf(RunRequest.of(PROMPT));
    // norm, bias of q k v, store, attention, bias, add; norm, bias, gelu, bias, add; and what the
    // last block needs of its rows is gathered twice
    assertThat(FakeCuda.count("cuLaunchKernel")).isEqualTo(2 + LAYERS * 11 + 2 + 2);
    assertThat(FakeCuda.count("cublasGemmEx")).isEqualTo(LAYERS * 4 + 1);
    assertThat(FakeCuda.count("cuLaunchKernel attention")).isEqualTo(LAYERS);
    // Ids, positions, and which row to unembed: nothing for a layer.
    assertThat(FakeCuda.count("cuMemcpyHtoDAsync")).isEqualTo(3);
    assertThat(FakeCuda.count("cuMemcpyDtoHAsync")).isEqualTo(1);
    assertThat(FakeCuda.count("cuStreamSynchronize")).isEqualTo(1);
    assertNothingElseWaits();
    assertThat(FakeCuda.count("cuMemcpyDtoDAsync")).isZero();
  }

  private static void assertNothingElseWaits() {
    for (String call :
        new String[] {
          "cuMemAlloc",
          "cuMemFree",
          "cuMemAllocHost",
          "cuCtxSynchronize",
          "cuEventSynchronize",
          "cuMemcpyHtoD",
          "cuMemcpyDtoH",
          "cuMemcpyHtoDAsync-pageable",
          "cuMemcpyDtoHAsync-pageable"
        }) {
      assertThat(FakeCuda.count(call)).as(call).isZero();
    }
  }

  @Test
  void passWithReads_bringsThemToTheHostTogether() {
    String[] hooks = {"blocks.*.hook_resid_post", "blocks.*.attn.hook_pattern", "hook_embed"};
    secondOf(RunRequest.of(PROMPT).plan(HookPlan.reading(hooks)));
    assertThat(FakeCuda.count("cuLaunchKernel copy_rows")).isEqualTo(2 * LAYERS + 1 + 1);
    assertThat(FakeCuda.count("cuLaunchKernel attention")).isZero();
    assertThat(FakeCuda.count("cuLaunchKernel softmax")).isEqualTo(LAYERS);
    // The logits, and all values.
    assertThat(FakeCuda.count("cuMemcpyDtoHAsync")).isEqualTo(2);
    assertThat(FakeCuda.count("cuStreamSynchronize")).isEqualTo(2);
    assertNothingElseWaits();
  }

  @Test
  void readOfSomeRowsOfAPattern_bringsNoOthers() {
    Selection last = Selection.ALL.positions(-1);
    secondOf(
        RunRequest.of(PROMPT)
            .plan(HookPlan.builder().read("blocks.1.attn.hook_pattern", last).build()));
    // 3 heads with a row of 6 keys each are rounded up to 64 floats; all rows would take 128.
    assertThat(FakeCuda.count("cuMemcpyDtoHAsync 256")).isEqualTo(1);
    assertThat(FakeCuda.count("cuLaunchKernel copy_rows")).isEqualTo(1 + 1);
  }

  @Test
  void passWithEdits_makesThemOnTheDevice() {
    HookPlan plan =
        HookPlan.builder()
            .zero("blocks.0.attn.hook_z", Selection.ALL.heads(1))
            .scale("blocks.1.hook_mlp_out", 2)
            .build();
    secondOf(RunRequest.of(PROMPT).plan(plan));
    assertThat(FakeCuda.count("cuLaunchKernel edit_cells")).isEqualTo(2);
    assertThat(FakeCuda.count("cuMemcpyHtoDAsync")).isEqualTo(3 + 2);
    // The logits, and whether an edit broke its rule.
    assertThat(FakeCuda.count("cuMemcpyDtoHAsync")).isEqualTo(2);
    assertThat(FakeCuda.count("cuStreamSynchronize")).isEqualTo(2);
    assertNothingElseWaits();
  }

  @Test
  void passWithAFunction_costsARoundTrip() {
    HookPlan plan =
        HookPlan.builder()
            .function("blocks.0.hook_mlp_out", Selection.ALL, view -> view.values()[0] = 1)
            .build();
    secondOf(RunRequest.of(PROMPT).plan(plan));
    assertThat(FakeCuda.count("cuMemcpyDtoHAsync")).isEqualTo(2);
    assertThat(FakeCuda.count("cuMemcpyHtoDAsync")).isEqualTo(3 + 1);
  }

  @Test
  void passes_ofManyShapes_giveTheirMemoryBack() {
    model.run(RunRequest.of(PROMPT));
    long device = FakeCuda.live("device");
    for (int i = 0; i < 20; i++) {
      model.run(RunRequest.of(PROMPT).plan(HookPlan.reading("*")));
      model.generate(PROMPT, GenerationOptions.greedy(3).ignoringEos());
    }
    long grown = FakeCuda.live("device");
    for (int i = 0; i < 20; i++) {
      model.run(RunRequest.of(PROMPT).plan(HookPlan.reading("*")));
      model.generate(PROMPT, GenerationOptions.greedy(3).ignoringEos());
    }
    assertThat(FakeCuda.live("device")).isEqualTo(grown).isGreaterThanOrEqualTo(device);
  }
}
