package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.BackendException;
import dev.diopter.kernels.Backends;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What goes wrong under a whole model becomes one clear exception, and leaves as much memory on the
 * device as there was before.
 */
@Tag("cuda")
class CudaModelFailuresTest {
  private static final String MODEL = "gpt2-tiny";
  private static final Prompt PROMPT = Prompt.ofIds(5, 9, 2, 44, 17, 30);
  private static final GenerationOptions TOKENS = GenerationOptions.greedy(6).ignoringEos();
  private static final int INVALID_VALUE = 1;
  private static final int ILLEGAL_ADDRESS = 700;
  private static final String LOST = "the GPU failed and has lost everything on it (";
  private static final HookPlan HOOKS =
      HookPlan.builder()
          .read("*", Selection.ALL.steps(Steps.ALL))
          .scale("blocks.1.hook_mlp_out", Selection.ALL.steps(Steps.ALL), 1.25f)
          .zero("blocks.0.attn.hook_z", Selection.ALL.heads(1).steps(Steps.ALL))
          .build();

  private Backend backend;
  private Model model;

  @BeforeAll
  static void requireFake() {
    FakeCuda.require();
  }

  @BeforeEach
  void open() {
    backend = Backends.open("cuda", 0);
    model = TestModels.open(MODEL, backend);
  }

  @AfterEach
  void close() {
    FakeCuda.reset();
    FakeCuda.set("EMU_MEM_MB", "");
    FakeCuda.set("EMU_ASYNC", "");
    model.close();
    assertNothingLeft();
  }

  private static void assertNothingLeft() {
    for (String kind :
        List.of("device", "host", "stream", "event", "module", "cublas", "context")) {
      assertThat(FakeCuda.live(kind)).as(kind).isZero();
    }
    assertThat(FakeCuda.count("LEAK")).isZero();
  }

  /** Pieces of device memory that somebody holds: what only waits for reuse is given back first. */
  private long held() {
    backend.expectWeights(0);
    return FakeCuda.live("device");
  }

  private int[] generated() {
    return model.generate(PROMPT, TOKENS, HOOKS, GenerationListener.NONE).ids();
  }

  private static void assertFails(ThrowingCallable action, String... parts) {
    assertThatThrownBy(action).isInstanceOf(BackendException.class).message().contains(parts);
  }

  @Test
  void run_noMemoryHalfWay_saysSoAndHoldsNothing() {
    model.run(PROMPT);
    long held = held();
    float[] logits = model.run(PROMPT).logits();
    for (int i = 0; i < 3; i++) {
      FakeCuda.set("EMU_MEM_MB", "3"); // the first piece of what is read takes 4 MB
      assertFails(
          () -> model.run(PROMPT, HOOKS), "the GPU has no room for 4.2 MB: ", "use a shorter");
      assertThat(held()).isEqualTo(held);
      assertThat(model.run(PROMPT).logits()).isEqualTo(logits);
      FakeCuda.set("EMU_MEM_MB", "");
      model.run(PROMPT, HOOKS);
      assertThat(held()).isEqualTo(held);
    }
  }

  @Test
  void open_weightsThatDoNotFit_isRefusedAndOthersWork() {
    long held = held();
    FakeCuda.set("EMU_MEM_MB", "1");
    for (int i = 0; i < 3; i++) {
      assertFails(
          () -> Model.open("demo-gpt2", new ModelOptions("cuda", 0)).close(),
          "the model does not fit the GPU: its weights need ");
      assertThat(held()).isEqualTo(held);
    }
    model.run(PROMPT);
    // Automatic choice goes on on the CPU.
    try (Model other = Model.open("demo-gpt2", ModelOptions.DEFAULT)) {
      assertThat(other.backend()).startsWith("cpu");
      assertThat(other.run(PROMPT).logits()).isNotEmpty();
    }
    FakeCuda.set("EMU_MEM_MB", "");
    try (Model other = Model.open("demo-gpt2", ModelOptions.DEFAULT)) {
      assertThat(other.backend()).startsWith("cuda");
    }
    assertThat(held()).isEqualTo(held);
  }

  /** Another program takes the memory after it was found to be enough. */
  @Test
  void open_memoryThatIsTakenMeanwhile_saysSoAndHoldsNothing() {
    long held = held();
    for (int i = 0; i < 3; i++) {
      assertFails(
          () -> TestModels.open(MODEL, full(Backends.open("cuda", 0), 3)),
          "the GPU has no room for ");
      FakeCuda.set("EMU_MEM_MB", "");
      assertThat(held()).isEqualTo(held);
    }
    model.run(PROMPT);
  }

  /** A backend whose memory is full from the n-th packed matrix on. */
  private static Backend full(Backend backend, int from) {
    int[] packed = {0};
    return (Backend)
        Proxy.newProxyInstance(
            CudaModelFailuresTest.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("pack") && ++packed[0] == from) {
                FakeCuda.set("EMU_MEM_MB", "0");
              }
              try {
                return method.invoke(backend, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Test
  void generate_aKernelRefusedAtAnyStep_leavesTheModelAsItWas() {
    int[] ids = generated();
    long held = held();
    FakeCuda.reset();
    generated();
    long edits = FakeCuda.count("cuLaunchKernel edit_cells");
    assertThat(edits).isEqualTo(2L * ids.length);
    for (long skip = 0; skip < edits; skip += 3) {
      FakeCuda.fail("cuLaunchKernel edit_cells", skip, INVALID_VALUE);
      assertFails(this::generated, "the GPU refused: kernel edit_cells failed with");
      assertThat(held()).as("after %d edits", skip).isEqualTo(held);
      FakeCuda.fail("cuMemcpyDtoHAsync", skip, INVALID_VALUE);
      assertFails(this::generated, "copy from the device failed");
      assertThat(held()).isEqualTo(held);
      assertThat(generated()).isEqualTo(ids);
    }
  }

  @Test
  void generate_aFunctionThatThrows_leavesTheModelAsItWas() {
    int[] ids = generated();
    long held = held();
    for (int i = 0; i < 3; i++) {
      HookPlan breaking =
          HookPlan.builder()
              .function(
                  "blocks.0.hook_resid_post",
                  Selection.ALL.steps(Steps.ALL),
                  view -> {
                    throw new IllegalStateException("mine");
                  })
              .build();
      assertThatThrownBy(() -> model.generate(PROMPT, TOKENS, breaking, GenerationListener.NONE))
          .hasMessage("mine");
      assertThat(held()).isEqualTo(held);
    }
    assertThat(generated()).isEqualTo(ids);
  }

  @Test
  void illegalAddress_losesEveryModelUntilAllAreClosed() {
    for (String async : List.of("", "lazy")) {
      float[] logits = model.run(PROMPT).logits();
      Model second = TestModels.open("llama-gqa", "cuda", 0);
      FakeCuda.set("EMU_ASYNC", async);
      FakeCuda.fail("run gelu", 1, ILLEGAL_ADDRESS);
      assertFails(
          () -> model.run(PROMPT, HOOKS), LOST, "CUDA_ERROR_ILLEGAL_ADDRESS", "close every");
      assertFails(() -> model.run(PROMPT), LOST);
      assertFails(this::generated, LOST);
      assertFails(() -> second.run(PROMPT), LOST, "CUDA_ERROR_ILLEGAL_ADDRESS");
      // One that opens now would share what is lost.
      assertFails(
          () -> TestModels.open(MODEL, "cuda", 0),
          "the GPU cannot be used: ",
          "CUDA_ERROR_ILLEGAL_ADDRESS");
      try (Model cpu = TestModels.open(MODEL, "cpu", 1)) {
        assertThat(cpu.run(PROMPT).logits()).hasSameSizeAs(logits);
      }
      model.close();
      second.close();
      assertNothingLeft();
      open();
      assertThat(model.run(PROMPT).logits()).isEqualTo(logits);
    }
  }

  @Test
  void runs_thatFailAndThatDoNot_holdTheSameMemoryAfterwards() {
    String[] calls = {
      "cuLaunchKernel", "cublasGemmEx", "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuMemsetD32Async"
    };
    generated();
    long held = held();
    int failed = 0;
    for (int i = 0; i < 60; i++) {
      FakeCuda.fail(calls[i % calls.length], 7L * i % 40, INVALID_VALUE);
      try {
        if (i % 2 == 0) {
          model.run(PROMPT, HOOKS);
        } else {
          generated();
        }
      } catch (BackendException e) {
        failed++;
      }
      FakeCuda.reset();
      assertThat(held()).as("round " + i).isEqualTo(held);
    }
    assertThat(failed).isBetween(20, 59);
  }
}
