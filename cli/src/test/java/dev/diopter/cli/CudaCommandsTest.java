package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The commands on the cuda backend over the fake driver of kernels' tests. */
@Tag("cuda")
class CudaCommandsTest {
  private static final String FAKE = "Fake CUDA device (CPU emulation for tests)";

  @BeforeAll
  static void requireFake() {
    boolean present =
        Files.exists(Path.of(System.getProperty("diopter.fakeCuda"), "libkernels.so"));
    if (System.getenv("DIOPTER_CI") != null) {
      assertThat(present).as("the fake CUDA driver is required here; g++ makes it").isTrue();
    }
    if (!present) {
      System.out.println("no fake CUDA driver (no g++ on x86-64 Linux): its tests are skipped");
    }
    Assumptions.assumeTrue(present, "no fake CUDA driver");
  }

  @Test
  void gpuSelftest_everyOperationAndModel_agreesAndReachesEveryKernel() throws Throwable {
    reset();
    JsonNode json = Cli.run("gpu-selftest", "--rows", "9", "--json").isClean().json();
    assertThat(json.path("device").stringValue()).startsWith("cuda: " + FAKE);
    assertThat(json.path("passed").booleanValue()).isTrue();
    List<String> names = new ArrayList<>();
    for (JsonNode one : json.path("operations")) {
      names.add(one.path("name").stringValue());
      assertThat(one.path("ok").booleanValue()).as(one.toString()).isTrue();
    }
    assertThat(names)
        .hasSize(33 + 2 * 8)
        .contains(
            "rotate", "attention, 13,000 keys", "cuda-tf32: embed", "cuda-bf16: multiply f32");
    assertThat(json.path("models")).hasSize(2 * 22);
    for (JsonNode one : json.path("models")) {
      assertThat(one.path("ok").booleanValue()).as(one.toString()).isTrue();
    }
    assertEveryKernelWasLaunched();
  }

  /** A kernel that the self-test forgets would be forgotten on every GPU. */
  private static void assertEveryKernelWasLaunched() throws Throwable {
    Path source = Path.of(System.getProperty("diopter.root"), "kernels/src/main/cuda/kernels.cu");
    List<String> kernels =
        Pattern.compile("__global__ void (\\w+)\\(")
            .matcher(Files.readString(source))
            .results()
            .map(kernel -> kernel.group(1))
            .toList();
    assertThat(kernels).hasSizeGreaterThanOrEqualTo(20);
    for (String kernel : kernels) {
      assertThat(count("cuLaunchKernel " + kernel)).as(kernel).isPositive();
    }
    for (String product : List.of("f32", "tf32", "bf16")) {
      assertThat(count("cublasGemmEx " + product)).as(product).isPositive();
    }
    // Staging that was full, keys of many parts put together, scores outside shared memory.
    for (String call : List.of("cuEventSynchronize", "cuMemcpyDtoDAsync", "attention cells")) {
      assertThat(count(call)).as(call).isPositive();
    }
  }

  @Test
  void gpuSelftest_page_canBePasted() {
    assertThat(Cli.run("gpu-selftest", "--rows", "5").isClean().out())
        .contains(FAKE, "largest error", "demo-llama, all hooks read", "All agree with the CPU.");
  }

  @Test
  void gpuSelftest_anOperationThatFails_isToldAmongTheRest() throws Throwable {
    fail("cuLaunchKernel gelu", 1);
    Cli.Ran page = Cli.run("gpu-selftest", "--rows", "5");
    assertThat(page.code()).isNotZero();
    assertThat(page.out().replaceAll("\\s+", " "))
        .contains("failed: the GPU refused: kernel gelu failed with CUDA_ERROR_INVALID_VALUE")
        .contains("repeat", "demo-llama, all hooks read", "1 do not agree.");
  }

  /** Lets the fake driver's next call of this name fail. */
  private static void fail(String name, int code) throws Throwable {
    ask(
        "emu_fail",
        FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT),
        name,
        0L,
        code);
  }

  /** Forgets the fake driver's counts. */
  private static void reset() throws Throwable {
    ask("emu_reset", FunctionDescriptor.ofVoid());
  }

  /** Calls of this name since then. */
  private static long count(String name) throws Throwable {
    return (long)
        ask("emu_count", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS), name);
  }

  @SuppressWarnings("restricted")
  private static Object ask(String function, FunctionDescriptor type, Object... arguments)
      throws Throwable {
    try (Arena arena = Arena.ofConfined()) {
      Object[] values = arguments.clone();
      if (values.length > 0) {
        values[0] = arena.allocateFrom((String) values[0]);
      }
      return Linker.nativeLinker()
          .downcallHandle(
              SymbolLookup.libraryLookup("libcuda.so.1", arena).findOrThrow(function), type)
          .invokeWithArguments(values);
    }
  }

  @Test
  void run_onCuda_givesTheSameTokensAndNamesItsPrecision() {
    String[] common = {"run", "demo-gpt2", "--bos", "The capital of France is", "--json"};
    for (String backend : List.of("cuda", "cuda-tf32", "cuda-bf16", "auto")) {
      List<String> arguments = new ArrayList<>(List.of(common));
      arguments.addAll(List.of("--backend", backend));
      JsonNode json = Cli.run(arguments.toArray(String[]::new)).isClean().json();
      assertThat(json.path("top").get(0).path("id").intValue()).isEqualTo(1017);
      String name = backend.equals("auto") ? "cuda" : backend;
      assertThat(json.path("backend").stringValue()).startsWith(name + ": " + FAKE);
      boolean lower = name.contains("-");
      assertThat(json.path("backend").stringValue().endsWith("lower precision, as asked"))
          .isEqualTo(lower);
    }
  }

  @Test
  void doctor_withADevice_namesIt() {
    assertThat(Cli.run("doctor").isClean().out().replaceAll("\\s+", " "))
        .contains("cuda " + FAKE + ", compute capability 8.0");
  }
}
