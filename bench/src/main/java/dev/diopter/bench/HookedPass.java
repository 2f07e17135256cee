package dev.diopter.bench;

import dev.diopter.cli.HookCost;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
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
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One pass with hooks of each kind, beside the same pass without. */
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
public class HookedPass {
  @Param({"gpt2-small"})
  public String model;

  @Param({"128"})
  public int tokens;

  @Param public HookCost hooks;

  private Model opened;
  private Prompt prompt;
  private float expected;

  /** Opens the model and notes the value that every pass must give. */
  @Setup
  public void open() {
    opened = BenchModel.open(model, 0);
    prompt = BenchModel.prompt(tokens);
    expected = opened.run(prompt).lastLogits()[7];
  }

  /** The pass; everything but the ablation must leave the logits as they are. */
  @Benchmark
  public RunResult pass() {
    RunResult result = pass(opened, prompt, hooks);
    float found = result.lastLogits()[7];
    if (hooks != HookCost.HEAD_ABLATION
        && Float.floatToRawIntBits(found) != Float.floatToRawIntBits(expected)) {
      throw new AssertionError("hooks changed the logits: expected " + expected + ", got " + found);
    }
    return result;
  }

  static RunResult pass(Model model, Prompt prompt, HookCost hooks) {
    RunRequest request = RunRequest.of(List.of(prompt)).plan(hooks.plan()).logits(Logits.LAST);
    return model.run(request).getFirst();
  }

  @TearDown
  public void close() {
    opened.close();
  }
}
