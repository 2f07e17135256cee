package dev.diopter.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What a machine may lack, each in a process of its own: the first missing piece is named with what
 * to do, automatic choice takes the CPU with one line, and asking for cuda by name fails.
 */
@Tag("cuda")
class ProbeTest {
  private static final String DRIVER_ADVICE = "install NVIDIA's driver, release 525 or newer";
  @TempDir private Path folder;
  private Path libraries;
  private Path natives;

  /** What one process said. */
  private record Said(Map<String, String> lines, String errors) {
    String get(String name) {
      return lines.get(name);
    }
  }

  @BeforeEach
  void prepare() throws Exception {
    FakeDriver.require();
    libraries = Files.createDirectory(folder.resolve("libraries"));
    natives = folder.resolve("natives");
  }

  private void has(String... names) throws Exception {
    for (String name : names) {
      Files.copy(FakeDriver.folder().resolve(name), libraries.resolve(name));
    }
  }

  private Process start(Map<String, String> environment, String... flags) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-ea",
            "--enable-native-access=ALL-UNNAMED",
            "-Ddiopter.kernels=scalar"));
    if (natives != null) {
      command.add("-Ddiopter.cuda.natives=" + natives);
    }
    command.addAll(List.of(flags));
    String classes =
        Stream.of(
                place(CudaBackend.class.getResource("CudaBackend.class")),
                place(ProbeMain.class.getResource("ProbeMain.class")),
                place(JCudaDriver.class.getResource("JCudaDriver.class")),
                place(JCublas2.class.getResource("JCublas2.class")),
                place(getClass().getResource("/lib/libJCudaDriver-12.6.0-linux-x86_64.so")),
                place(getClass().getResource("/lib/libJCublas2-12.6.0-linux-x86_64.so")))
            .collect(Collectors.joining(File.pathSeparator));
    command.addAll(List.of("-cp", classes, ProbeMain.class.getName()));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("LD_LIBRARY_PATH", libraries.toString());
    builder.environment().remove("DIOPTER_CUDA_LIBS");
    builder.environment().putAll(environment);
    return builder.start();
  }

  private static Said said(Process process) throws Exception {
    Map<String, String> lines = new LinkedHashMap<>();
    try (var reader = process.inputReader()) {
      reader.lines().map(line -> line.split("=", 2)).forEach(l -> lines.put(l[0], l[1]));
    }
    String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(errors).isZero();
    return new Said(lines, errors);
  }

  private Said run(String... environment) throws Exception {
    Map<String, String> variables = new LinkedHashMap<>();
    for (int i = 0; i < environment.length; i += 2) {
      variables.put(environment[i], environment[i + 1]);
    }
    return said(start(variables));
  }

  private static String place(URL resource) throws Exception {
    if (resource.openConnection() instanceof JarURLConnection jar) {
      return Path.of(jar.getJarFileURL().toURI()).toString();
    }
    String text = resource.toString();
    int end = text.indexOf("/dev/diopter/");
    return Path.of(URI.create(text.substring(0, end))).toString();
  }

  private static void assertLacks(Said said, String detail, String advice) {
    assertThat(said.get("usable")).isEqualTo("false");
    assertThat(said.get("detail")).contains(detail);
    assertThat(said.get("advice")).contains(advice);
    assertThat(said.get("auto")).isEqualTo("cpu");
    assertThat(said.get("again")).isEqualTo("cpu");
    assertThat(said.get("cuda")).isEqualTo(said.get("detail") + "; " + said.get("advice"));
    assertThat(said.errors.lines().filter(line -> line.contains("computing on the CPU")))
        .singleElement()
        .asString()
        .startsWith(said.get("mendable").equals("true") ? "WARNING: " : "INFO: ")
        .contains("computing on the CPU: " + said.get("detail"));
  }

  @Test
  void nothing_noDriver_isFoundWithoutJcuda() throws Exception {
    Path log = folder.resolve("classes.log");
    Said said = said(start(Map.of(), "-Xlog:class+load:file=" + log));
    Assumptions.assumeFalse(
        said.get("usable").equals("true") || !said.get("detail").contains("no NVIDIA driver"),
        "this machine has a driver of its own");
    assertLacks(said, "no NVIDIA driver: libcuda.so.1 was not found", DRIVER_ADVICE);
    assertThat(said.get("mendable")).isEqualTo("false");
    assertThat(Files.readAllLines(log).stream().filter(line -> line.contains(" jcuda."))).isEmpty();
    assertThat(natives).doesNotExist();
  }

  @Test
  void driverWithoutADevice_isNamed() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    Said said = run("EMU_DEVICES", "0");
    assertLacks(said, "the NVIDIA driver sees no GPU", "CUDA_VISIBLE_DEVICES");
    assertThat(said.get("mendable")).isEqualTo("false");
  }

  @Test
  void driverThatCountsNoDevice_isNamed() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    assertLacks(run("EMU_COUNT", "0"), "the NVIDIA driver sees no GPU", "CUDA_VISIBLE_DEVICES");
  }

  @ParameterizedTest
  @CsvSource({
    "34, CUDA_ERROR_STUB_LIBRARY, the CUDA toolkit's stub",
    "802, CUDA_ERROR_SYSTEM_NOT_READY, see what nvidia-smi says",
    "803, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, restart the machine",
    "804, CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, compatibility package",
    "999, CUDA_ERROR_UNKNOWN, see what nvidia-smi says"
  })
  void driverThatDoesNotStart_isNamedWithItsError(String code, String name, String advice)
      throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    assertLacks(
        run("EMU_INIT", code), "the NVIDIA driver does not start: cuInit says " + name, advice);
  }

  @Test
  void driverThatIsNoLibrary_isNamed() throws Exception {
    has("libcublas.so.12");
    Files.writeString(libraries.resolve("libcuda.so.1"), "not a library");
    assertLacks(
        run(),
        "the NVIDIA driver cannot be loaded: " + libraries.resolve("libcuda.so.1"),
        DRIVER_ADVICE);
  }

  @ParameterizedTest
  @CsvSource({"Linux, aarch64", "Mac OS X, aarch64", "Mac OS X, x86_64", "Windows 11, aarch64"})
  void platformWithoutJcudasLibraries_isNamedAndComputesOnTheCpu(String system, String processor)
      throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    Path log = folder.resolve("classes.log");
    Said said =
        said(
            start(
                Map.of(),
                "-Dos.name=" + system,
                "-Dos.arch=" + processor,
                "-Xlog:class+load:file=" + log));
    assertLacks(
        said,
        "JCuda has no libraries for %s on %s".formatted(system, processor),
        "the CUDA backend needs Linux or Windows on x86-64");
    assertThat(Files.readAllLines(log).stream().filter(line -> line.contains(" jcuda."))).isEmpty();
  }

  @Test
  void gpuOfPascal_isTooOld() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    assertLacks(
        run("EMU_CC", "61"),
        "Fake CUDA device (CPU emulation for tests) has compute capability 6.1, 7.5 (Turing) is needed",
        "CUDA_VISIBLE_DEVICES");
  }

  @Test
  void driverOfCuda11_isTooOld() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    assertLacks(
        run("EMU_DRIVER", "11080"),
        "the NVIDIA driver is too old: it supports CUDA 11.8, 12.0 is needed",
        DRIVER_ADVICE);
  }

  /** Copies a library of the fake with a name in it changed to one of the same length. */
  private void hasWith(String library, String name, String changed) throws Exception {
    String text =
        Files.readString(FakeDriver.folder().resolve(library), StandardCharsets.ISO_8859_1);
    assertThat(text).contains(name + "\0");
    Files.writeString(
        libraries.resolve(library),
        text.replace(name + "\0", changed + "\0"),
        StandardCharsets.ISO_8859_1);
  }

  @Test
  void driverWithoutAFunction_isFoundBeforeItIsCalled() throws Exception {
    has("libcublas.so.12");
    hasWith("libcuda.so.1", "cuMemsetD32Async", "cuMemsetD32Gone!");
    assertLacks(
        run(),
        "the NVIDIA driver is too old or damaged: libcuda.so.1 lacks cuMemsetD32Async",
        DRIVER_ADVICE);
  }

  @Test
  void noCublas_isNamed() throws Exception {
    has("libcuda.so.1");
    Said said = run();
    assertLacks(said, "no cuBLAS 12: libcublas.so.12 was not found", "install cuBLAS 12");
    assertThat(said.get("mendable")).isEqualTo("true");
  }

  @Test
  void cublasOfCuda13Alone_isNamed() throws Exception {
    has("libcuda.so.1");
    Files.copy(
        FakeDriver.folder().resolve("libcublas.so.12"), libraries.resolve("libcublas.so.13"));
    assertLacks(
        run(),
        "no cuBLAS 12: this machine has that of CUDA 13 (libcublas.so.13), which JCuda 12 cannot use",
        "it can be installed beside CUDA 13");
  }

  @Test
  void cublasWithoutAFunction_isFoundBeforeItIsCalled() throws Exception {
    has("libcuda.so.1");
    hasWith("libcublas.so.12", "cublasGemmEx", "cublasGone!!");
    assertLacks(
        run(), "cuBLAS is damaged: libcublas.so.12 lacks cublasGemmEx", "install cuBLAS 12");
  }

  @Test
  void cublasThatIsNoLibrary_isNamed() throws Exception {
    has("libcuda.so.1");
    Files.writeString(libraries.resolve("libcublas.so.12"), "half a download");
    assertLacks(
        run(),
        "cuBLAS 12 cannot be loaded: " + libraries.resolve("libcublas.so.12"),
        "install cuBLAS 12");
  }

  /** As where a link gives the library of CUDA 13 the name of CUDA 12's. */
  @Test
  void cublasOfCuda13UnderTheNameOf12_isNamed() throws Exception {
    has("libcuda.so.1");
    hasWith("libcublas.so.12", "libcublas.so.12", "libcublas.so.13");
    assertLacks(run(), "JCuda's libraries cannot be loaded: ", "install cuBLAS 12");
  }

  @Test
  void cublasInANamedFolder_isFound() throws Exception {
    has("libcuda.so.1");
    String kernels = FakeDriver.folder().resolve("libkernels.so").toString();
    Said said = run("DIOPTER_CUDA_LIBS", FakeDriver.folder().toString(), "EMU_KERNELS", kernels);
    assertThat(said.get("usable")).isEqualTo("true");
    assertThat(said.get("auto")).isEqualTo("cuda");
    assertLacks(
        run("DIOPTER_CUDA_LIBS", folder.toString()),
        "DIOPTER_CUDA_LIBS: no libcublas.so.12 can be loaded from " + folder,
        "install cuBLAS 12");
  }

  @Test
  void unpackFolder_thatOthersMayWrite_isRefused() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    Files.createDirectory(natives);
    Files.setPosixFilePermissions(natives, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertLacks(
        run(),
        "JCuda's libraries cannot be unpacked: %s can be written by other users".formatted(natives),
        "-Ddiopter.cuda.natives=FOLDER");
    assertThat(natives).isEmptyDirectory();
  }

  @Test
  void unpackFolder_thatIsALinkOrCannotBeMade_isRefused() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    Files.createSymbolicLink(natives, Files.createDirectory(folder.resolve("elsewhere")));
    assertLacks(run(), natives + " is not a folder", "-Ddiopter.cuda.natives=FOLDER");
    natives = Files.createFile(folder.resolve("file")).resolve("natives");
    assertLacks(run(), "JCuda's libraries cannot be unpacked: ", "-Ddiopter.cuda.natives=FOLDER");
  }

  @Test
  void unpackFolder_withoutAHome_saysWhatIsMissing() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    natives = null;
    assertLacks(
        said(start(Map.of("XDG_CACHE_HOME", ""), "-Duser.home=?")),
        "JCuda's libraries cannot be unpacked: neither XDG_CACHE_HOME nor a home folder says where",
        "-Ddiopter.cuda.natives=FOLDER");
  }

  @ParameterizedTest
  @CsvSource({
    "-Dprobe.noTemporaryFolder=true, null",
    "-Djava.io.tmpdir=/there/is/none, /there/is/none"
  })
  void temporaryFolder_thatIsNotThere_isNotNeeded(String flag, String left) throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    String kernels = FakeDriver.folder().resolve("libkernels.so").toString();
    Said said = said(start(Map.of("EMU_KERNELS", kernels), flag));
    assertThat(said.get("usable")).as(said.errors).isEqualTo("true");
    assertThat(said.get("temporary")).isEqualTo(left);
  }

  @Test
  void unpackFolder_withAWrongLibrary_isPutRight() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    Files.createDirectory(
        natives,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path planted = natives.resolve("libJCudaDriver-12.6.0-linux-x86_64.so");
    Files.writeString(planted, "not a library");
    String kernels = FakeDriver.folder().resolve("libkernels.so").toString();
    assertThat(run("EMU_KERNELS", kernels).get("usable")).isEqualTo("true");
    assertThat(Files.size(planted)).isGreaterThan(100_000);
    try (Stream<Path> files = Files.list(natives)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "libJCudaDriver-12.6.0-linux-x86_64.so", "libJCublas2-12.6.0-linux-x86_64.so");
    }
  }

  @Test
  void unpackFolder_ofSeveralProcessesAtOnce_servesAll() throws Exception {
    has("libcuda.so.1", "libcublas.so.12");
    String kernels = FakeDriver.folder().resolve("libkernels.so").toString();
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(start(Map.of("EMU_KERNELS", kernels)));
    }
    for (Process process : processes) {
      Said said = said(process);
      assertThat(said.get("detail")).isEqualTo("Fake CUDA device (CPU emulation for tests)");
      assertThat(said.get("cuda"))
          .isEqualTo(
              "cuda: Fake CUDA device (CPU emulation for tests), compute capability 8.0, driver for"
                  + " CUDA 12.6, cuBLAS 12.6.0, float32 matrix products");
    }
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(natives)))
        .isEqualTo("rwx------");
  }
}
