package dev.diopter.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.diopter.kernels.Backend;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What depends on the JVM's flags: each vector width, which is a constant of a JVM, and the ways to
 * have no vectors.
 */
class OtherJvmTest {
  private static final long SEED = 4711;
  private static final String MODULE = "--add-modules=jdk.incubator.vector";

  @ParameterizedTest
  @ValueSource(ints = {128, 256, 512})
  void results_vectorWidthForced_equalTheScalarTwinToTheBit(int bits) throws Exception {
    Map<String, String> other =
        run("" + SEED, MODULE, "-Ddiopter.vectorBits=" + bits, "-Ddiopter.kernels=vector");
    assertThat(other.remove("backend")).isEqualTo("cpu: %d-bit vectors, 2 threads".formatted(bits));
    assertThat(other).isEqualTo(scalar());
  }

  @Test
  void results_withoutTheIncubatorModule_comeFromTheScalarTwin() throws Exception {
    Map<String, String> other = run("" + SEED);
    assertThat(other.remove("backend"))
        .isEqualTo(
            "cpu: scalar kernels (the JVM runs without --add-modules jdk.incubator.vector),"
                + " 2 threads");
    assertThat(other).isEqualTo(scalar());
  }

  @Test
  void open_withoutC2_takesTheScalarTwin() throws Exception {
    assertThat(run("open", MODULE, "-XX:TieredStopAtLevel=1").get("backend"))
        .contains("scalar kernels", "has no C2 compiler");
  }

  @Test
  void open_vectorsAskedForAndNotThere_isAnError() throws Exception {
    assertThat(run("open", "-Ddiopter.kernels=vector").get("error"))
        .isEqualTo(
            "vector kernels are not available: the JVM runs without --add-modules"
                + " jdk.incubator.vector");
  }

  @Test
  void open_withoutFusedMultiplyAdd_isAClearError() throws Exception {
    assertThat(run("open", MODULE, "-XX:+IgnoreUnrecognizedVMOptions", "-XX:-UseFMA").get("error"))
        .contains("needs fused multiply-add");
  }

  @Test
  void open_badProperties_areErrors() throws Exception {
    assertThat(run("open", MODULE, "-Ddiopter.vectorBits=384").get("error"))
        .isEqualTo("expected diopter.vectorBits of 128, 256 or 512, got 384");
    assertThat(run("open", MODULE, "-Ddiopter.kernels=fast").get("error"))
        .isEqualTo("expected diopter.kernels of auto, vector or scalar, got fast");
  }

  private static Map<String, String> scalar() {
    Map<String, String> hashes = new LinkedHashMap<>();
    try (Backend backend = CpuBackend.create(KernelChoice.SCALAR, 1)) {
      Battery.run(backend, SEED)
          .forEach((name, bits) -> hashes.put(name, "" + Arrays.hashCode(bits)));
    }
    return hashes;
  }

  private static Map<String, String> run(String argument, String... flags) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-ea"));
    command.addAll(List.of(flags));
    command.addAll(
        List.of(
            "-cp",
            place(CpuBackend.class) + java.io.File.pathSeparator + place(BatteryMain.class)));
    command.addAll(List.of(BatteryMain.class.getName(), argument));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    Map<String, String> lines = new LinkedHashMap<>();
    try (var reader = process.inputReader()) {
      reader.lines().map(line -> line.split("=", 2)).forEach(l -> lines.put(l[0], l[1]));
    } catch (IOException e) {
      process.destroyForcibly();
      throw e;
    }
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return lines;
  }

  private static Path place(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }
}
