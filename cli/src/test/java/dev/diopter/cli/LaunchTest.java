package dev.diopter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The Vector API, turned on from inside a JVM of its own. */
class LaunchTest {
  @Test
  void launch_withTheExport_turnsTheVectorApiOnWithoutAWarning() throws Exception {
    Result result = doctor("--add-exports=java.base/jdk.internal.module=ALL-UNNAMED");
    assertThat(result.output()).contains("Vector API on");
    assertThat(result.errors()).isEmpty();
  }

  @Test
  void launch_withoutTheExport_saysSoAndGoesOn() throws Exception {
    Result result = doctor("-Dnothing=0");
    assertThat(result.output()).contains("Vector API off");
    assertThat(result.errors()).contains("diopter: the Vector API is not available");
  }

  private record Result(String output, String errors) {}

  private static Result doctor(String option) throws IOException, InterruptedException {
    Process process = Processes.start(Path.of("").toAbsolutePath(), option, List.of("doctor"));
    String output = new String(process.getInputStream().readAllBytes());
    String errors = new String(process.getErrorStream().readAllBytes());
    assertThat(process.waitFor()).as(errors).isZero();
    return new Result(output, errors);
  }
}
