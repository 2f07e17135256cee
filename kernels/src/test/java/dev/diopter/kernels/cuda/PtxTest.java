package dev.diopter.kernels.cuda;

import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerCompile;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerCreate;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerDestroy;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetCompiledProgram;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetCompiledProgramSize;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetErrorLog;
import static jcuda.nvptxcompiler.JNvPTXCompiler.nvPTXCompilerGetErrorLogSize;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The checked-in PTX: NVIDIA's assembler of CUDA 12.0, which is inside JCuda's jar and needs no
 * GPU, makes machine code of it, and it is what nvcc makes of the source.
 */
class PtxTest {
  private static final Path SOURCES =
      Path.of(System.getProperty("diopter.root"), "kernels/src/main/cuda");
  private static final int FULL_STOP_OF_ELF = 0x7f;

  private static String ptx() throws IOException {
    try (var in = CudaDevice.class.getResourceAsStream("kernels.ptx")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** Machine code, or what the assembler says. */
  private static Object assemble(String text, String gpu) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    byte[] ended = Arrays.copyOf(bytes, bytes.length + 1);
    nvPTXCompilerHandle handle = new nvPTXCompilerHandle();
    CudaNatives.load(CudaNatives.folder(), () -> nvPTXCompilerCreate(handle, ended.length, ended));
    try {
      if (nvPTXCompilerCompile(handle, 1, new String[] {"--gpu-name=" + gpu}) != 0) {
        long[] size = {0};
        nvPTXCompilerGetErrorLogSize(handle, size);
        byte[] log = new byte[(int) size[0] + 1];
        nvPTXCompilerGetErrorLog(handle, log);
        return new String(log, StandardCharsets.UTF_8);
      }
      long[] size = {0};
      nvPTXCompilerGetCompiledProgramSize(handle, size);
      byte[] program = new byte[(int) size[0]];
      nvPTXCompilerGetCompiledProgram(handle, program);
      return program;
    } finally {
      nvPTXCompilerDestroy(handle);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sm_75", "sm_80", "sm_86", "sm_87", "sm_89", "sm_90"})
  @EnabledOnOs(value = OS.LINUX, architectures = "amd64")
  void ptx_everyGeneration_isAssembled(String gpu) throws IOException {
    Object program = assemble(ptx(), gpu);
    assertThat(program).as(() -> program.toString()).isInstanceOf(byte[].class);
    assertThat(((byte[]) program)[0]).isEqualTo((byte) FULL_STOP_OF_ELF);
    String names = new String((byte[]) program, StandardCharsets.ISO_8859_1);
    for (Kernel kernel : Kernel.values()) {
      assertThat(names).contains(".text." + kernel.symbol() + "\0");
    }
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, architectures = "amd64")
  void ptx_ofANewerVersion_wouldBeRefused() throws IOException {
    assertThat(assemble(ptx().replace(".version 8.0", ".version 9.0"), "sm_80").toString())
        .contains("Unsupported .version 9.0");
  }

  @Test
  void ptx_namesItsCompilerAndEveryKernel() throws IOException {
    String ptx = ptx();
    assertThat(ptx).contains("V13.0.88", ".version 8.0\n", ".target sm_75\n");
    String source = Files.readString(SOURCES.resolve("kernels.cu"));
    List<String> heads =
        source.lines().filter(line -> line.startsWith("extern \"C\" __global__ void ")).toList();
    assertThat(heads).hasSameSizeAs(Kernel.values());
    for (Kernel kernel : Kernel.values()) {
      assertThat(ptx).contains(".visible .entry " + kernel.symbol() + "(");
      assertThat(source).contains("__global__ void " + kernel.symbol() + "(");
    }
  }

  @Test
  void ptx_whereNvccIs_isWhatItMakes() throws Exception {
    String nvcc = nvcc();
    if (nvcc == null) {
      System.out.println("no nvcc 13.0.88 in NVCC or on the PATH: the PTX is not made again");
    }
    Assumptions.assumeTrue(nvcc != null, "no nvcc 13.0.88");
    Path made = Files.createTempFile("kernels", ".ptx");
    try {
      ProcessBuilder builder =
          new ProcessBuilder(SOURCES.resolve("make_ptx.sh").toString(), made.toString());
      builder.environment().put("NVCC", nvcc);
      assertThat(builder.inheritIO().start().waitFor()).isZero();
      assertThat(Files.readString(made)).isEqualTo(ptx());
    } finally {
      Files.delete(made);
    }
  }

  /** An nvcc of the pinned release; another one writes other PTX. */
  private static String nvcc() throws Exception {
    String named = System.getenv("NVCC");
    Stream<String> folders =
        Stream.of(System.getenv().getOrDefault("PATH", "").split(java.io.File.pathSeparator));
    List<String> candidates =
        named != null ? List.of(named) : folders.map(folder -> folder + "/nvcc").toList();
    for (String candidate : candidates) {
      if (Files.isExecutable(Path.of(candidate))) {
        Process process = new ProcessBuilder(candidate, "--version").start();
        String version = new String(process.getInputStream().readAllBytes());
        if (process.waitFor() == 0 && version.contains("V13.0.88")) {
          return candidate;
        }
      }
    }
    return null;
  }
}
