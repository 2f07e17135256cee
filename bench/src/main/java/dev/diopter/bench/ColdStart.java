package dev.diopter.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Wall time of whole processes: the launcher with a bundled model from nothing to its table, and a
 * bare JVM for comparison. Run it from the repository's root, or name that with {@code
 * -Ddiopter.root}. The first run, which may build the launcher, does not count.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2)
@Measurement(iterations = 10)
@Fork(1)
public class ColdStart {
  private static final String ROOT = System.getProperty("diopter.root", ".");

  @Param({"demo-gpt2"})
  public String model = "demo-gpt2";

  /** {@code ./diopter run MODEL TEXT}. */
  @Benchmark
  public void run() throws IOException, InterruptedException {
    Path launcher = Path.of(ROOT, "diopter").toAbsolutePath();
    finish(List.of(launcher.toString(), "run", model, "The cat sat on the"));
  }

  /** {@code java -version}. */
  @Benchmark
  public void bareJvm() throws IOException, InterruptedException {
    finish(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-version"));
  }

  private static void finish(List<String> command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    int status = builder.start().waitFor();
    if (status != 0) {
      throw new IllegalStateException("expected status 0, got " + status + " of " + command);
    }
  }
}
