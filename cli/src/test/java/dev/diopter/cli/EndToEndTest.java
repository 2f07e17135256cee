package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher's script and the JVM that it starts, on the classes under test: its own build would
 * take as long as all tests.
 */
class EndToEndTest {
  private static final long SECONDS = 60;

  @TempDir static Path root;

  /** A folder that looks like the repository after the launcher's build. */
  @BeforeAll
  static void makeBuild() throws IOException {
    Files.copy(Cli.root().resolve("diopter"), root.resolve("diopter"));
    for (String source : new String[] {"pom.xml", "cli/pom.xml", "cli/src/main/Main.java"}) {
      Path file = root.resolve(source);
      Files.createDirectories(file.getParent());
      Files.createFile(file);
    }
    Path builds = root.resolve("target/diopter");
    Path build = Files.createDirectories(builds.resolve("build-1"));
    Files.writeString(builds.resolve("current"), "build-1\n");
    Files.createFile(build.resolve("started"));
    FileTime later = FileTime.from(Instant.now().plusSeconds(3600));
    Files.setLastModifiedTime(build.resolve("started"), later);
    Manifest manifest = new Manifest();
    Attributes attributes = manifest.getMainAttributes();
    attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
    attributes.put(Attributes.Name.MAIN_CLASS, "dev.diopter.cli.Launch");
    attributes.put(Attributes.Name.CLASS_PATH, classPath());
    attributes.put(new Attributes.Name("Add-Exports"), "java.base/jdk.internal.module");
    attributes.put(new Attributes.Name("Enable-Native-Access"), "ALL-UNNAMED");
    try (OutputStream out = Files.newOutputStream(build.resolve("diopter.jar"))) {
      new JarOutputStream(out, manifest).close();
    }
  }

  private static String classPath() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(entry -> Path.of(entry).toUri().toString())
        .collect(Collectors.joining(" "));
  }

  @Test
  void demo_childProcess_answersWithoutWarnings() throws Exception {
    Cli.Ran ran = start(Map.of(), "demo").isClean();
    assertThat(ran.out()).contains("␣Mary", "What next");
  }

  @Test
  void error_childProcess_exitsWithTheCodeAndALine() throws Exception {
    start(Map.of(), "run").failed(2);
    start(Map.of(), "run", "no-model", "text").failed(1);
  }

  @Test
  void run_promptThatIsNotAscii_arrivesWhole() throws Exception {
    assertThat(
            start(Map.of("LC_ALL", "C.UTF-8"), "run", "demo-gpt2", "--bos", "é", "--json")
                .isClean()
                .json()
                .path("ids"))
        .hasSize(3);
  }

  @Test
  void run_promptThatTheLocaleCannotRead_isRefusedAndNotChanged() throws Exception {
    Cli.Ran ran = start(Map.of("LC_ALL", "C"), "run", "demo-gpt2", "--bos", "é", "--json");
    if (ran.code() != 0) { // A launcher that sets the locale right is as good.
      assertThat(ran.failed(2).err()).contains("LC_ALL");
    }
  }

  /** On the fake driver of kernels' tests, with hardly any memory. */
  @Test
  void run_gpuThatIsTooSmall_isPassedOverByAutoAndAnErrorByName() throws Exception {
    Path fake = Path.of(System.getProperty("diopter.fakeCuda"));
    boolean present = Files.exists(fake.resolve("libkernels.so"));
    if (System.getenv("DIOPTER_CI") != null) {
      assertThat(present).as("the fake CUDA driver is required here; g++ makes it").isTrue();
    }
    Assumptions.assumeTrue(present, "no fake CUDA driver (no g++ on x86-64 Linux)");
    Map<String, String> small =
        Map.of(
            "LD_LIBRARY_PATH",
            fake.toString(),
            "EMU_KERNELS",
            fake.resolve("libkernels.so").toString(),
            "EMU_MEM_MB",
            "4");
    String[] words = {"run", "demo-gpt2", "--bos", "hi", "--json"};
    Cli.Ran automatic = start(small, words);
    assertThat(automatic.code()).isZero();
    assertThat(automatic.json().path("backend").stringValue()).startsWith("cpu: ");
    assertThat(automatic.err().lines())
        .singleElement()
        .asString()
        .startsWith("diopter: warning: computing on the CPU: the model does not fit the GPU: ");
    String[] quiet = Arrays.copyOf(words, words.length + 1);
    quiet[words.length] = "--quiet";
    start(small, quiet).isClean();
    String[] named = Arrays.copyOf(words, words.length + 2);
    named[words.length] = "--backend";
    named[words.length + 1] = "cuda";
    assertThat(start(small, named).failed(1).err()).contains("does not fit the GPU");
  }

  @Test
  void run_driverWithoutCublas_isToldInOneLine(@TempDir Path libraries) throws Exception {
    Path fake = Path.of(System.getProperty("diopter.fakeCuda"), "libcuda.so.1");
    Assumptions.assumeTrue(Files.exists(fake), "no fake CUDA driver (no g++ on x86-64 Linux)");
    Files.copy(fake, libraries.resolve("libcuda.so.1"));
    Map<String, String> environment =
        Map.of("LD_LIBRARY_PATH", libraries.toString(), "DIOPTER_CUDA_LIBS", "");
    Cli.Ran ran = start(environment, "run", "demo-gpt2", "--bos", "hi", "--json").isDone();
    assertThat(ran.json().path("backend").stringValue()).startsWith("cpu: ");
    assertThat(ran.err())
        .isEqualTo(
            "diopter: warning: computing on the CPU: no cuBLAS 12: libcublas.so.12 was not found;"
                + " diopter doctor says what to do\n");
    start(environment, "run", "demo-gpt2", "--bos", "hi", "--quiet").isClean();
  }

  /**
   * The bound for a model of S stored bytes is 1.3 S + 300 MB of resident memory at its highest, as
   * the kernel counts it.
   */
  @Test
  @EnabledOnOs(OS.LINUX)
  void run_realModel_staysWithinItsMemory() throws Exception {
    Path model = Path.of(System.getProperty("diopter.realModel"));
    boolean present = Files.exists(model.resolve("model.safetensors"));
    if (System.getenv("DIOPTER_CI") != null) {
      assertThat(present).as("the real model is required here: %s", model).isTrue();
    }
    Assumptions.assumeTrue(
        present, "no real model in " + model + ": python3 fixtures/real-model/smollm2.py makes it");
    double bound = 1.3 * Files.size(model.resolve("model.safetensors")) + 300e6;
    ProcessBuilder builder =
        new ProcessBuilder(
            root.resolve("diopter").toString(),
            "run",
            model.toString(),
            "The capital of France is");
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    Process process = builder.start();
    long highest = 0;
    do {
      highest = Math.max(highest, highWaterMark(process.pid()));
    } while (!process.waitFor(2, TimeUnit.MILLISECONDS));
    assertThat(process.exitValue()).isZero();
    System.out.printf(
        "peak memory with the real model: %.0f MB, bound %.0f MB%n", highest / 1e6, bound / 1e6);
    assertThat(highest).isGreaterThan((long) 270e6).isLessThan((long) bound);
  }

  /** The process replaces itself by the JVM, so that its number stays. */
  private static long highWaterMark(long pid) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(pid), "status"))) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
          .findAny()
          .orElse(0);
    } catch (NoSuchFileException | UncheckedIOException e) {
      return 0; // It has just ended.
    }
  }

  private static Cli.Ran start(Map<String, String> environment, String... words) throws Exception {
    String[] command = new String[words.length + 1];
    command[0] = root.resolve("diopter").toString();
    System.arraycopy(words, 0, command, 1, words.length);
    Path out = Files.createTempFile(root, "out", "");
    Path err = Files.createTempFile(root, "err", "");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().putAll(environment);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Process process = builder.start();
    process.getOutputStream().close();
    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("the launcher took more than " + SECONDS + " s");
    }
    return new Cli.Ran(process.exitValue(), Files.readString(out), Files.readString(err));
  }
}
