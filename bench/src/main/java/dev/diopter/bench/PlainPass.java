package dev.diopter.bench;

import dev.diopter.engine.KeyValueStore;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Passes without hooks: a prompt by its length, and one token by the length of what it attends to.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 3)
@Fork(
    value = 3,
    jvmArgsPrepend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "-Xmx4g"
    })
@SuppressWarnings("NullAway.Init") // JMH fills parameters and calls the set-up.
public class PlainPass {
  @Param({"gpt2-small", "llama-110m", "llama-110m-bf16"})
  public String model;

  /** Tokens of the prompt, or of the context that one new token attends to. */
  @Param({"1", "32", "128", "512"})
  public int tokens;

  private Model opened;
  private Prompt prompt;
  private Prompt next;
  private List<KeyValueStore> context;

  @Setup
  public void open() {
    opened = BenchModel.open(model, 0);
    prompt = BenchModel.prompt(tokens);
    next = Prompt.ofIds(11);
    RunResult kept = opened.run(RunRequest.of(prompt).keepingKeyValues()).getFirst();
    context = List.of(Objects.requireNonNull(kept.keyValues()));
  }

  /** The whole prompt, last row of logits. */
  @Benchmark
  public RunResult prefill() {
    return opened.run(prompt);
  }

  /** One token behind the kept context. */
  @Benchmark
  public RunResult decode() {
    return opened.run(RunRequest.of(next).after(context)).getFirst();
  }

  @TearDown
  public void close() {
    opened.close();
  }
}
