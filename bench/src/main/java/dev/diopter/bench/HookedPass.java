package dev.diopter.bench;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
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
  /** What is hooked. */
  public enum Hooks {
    NONE,
    ONE_READ,
    ALL_RESIDUALS,
    ALL_PATTERNS,
    RESIDUALS_AND_PATTERNS,
    EVERYTHING,
    NO_OP_EDIT,
    HEAD_ABLATION,
    CALLBACK_EVERYWHERE;

    HookPlan plan() {
      String residuals = "blocks.*.hook_resid_pre, blocks.*.hook_resid_post";
      String patterns = "blocks.*.attn.hook_pattern";
      HookPlan.Builder plan = HookPlan.builder();
      return switch (this) {
        case NONE -> HookPlan.NONE;
        case ONE_READ -> HookPlan.reading("blocks.5.hook_resid_post");
        case ALL_RESIDUALS -> HookPlan.reading(residuals);
        case ALL_PATTERNS -> HookPlan.reading(patterns);
        case RESIDUALS_AND_PATTERNS -> HookPlan.reading(residuals, patterns);
        case EVERYTHING -> HookPlan.reading("*");
        case NO_OP_EDIT ->
            plan.function("blocks.5.hook_resid_post", Selection.ALL, view -> {}).build();
        case HEAD_ABLATION -> plan.zero("blocks.5.attn.hook_z", Selection.ALL.heads(3)).build();
        case CALLBACK_EVERYWHERE -> plan.function("*", Selection.ALL, view -> {}).build();
      };
    }
  }

  @Param({"gpt2-small"})
  public String model;

  @Param({"128"})
  public int tokens;

  @Param public Hooks hooks;

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
    if (hooks != Hooks.HEAD_ABLATION
        && Float.floatToRawIntBits(found) != Float.floatToRawIntBits(expected)) {
      throw new AssertionError("hooks changed the logits: expected " + expected + ", got " + found);
    }
    return result;
  }

  static RunResult pass(Model model, Prompt prompt, Hooks hooks) {
    RunRequest request = RunRequest.of(List.of(prompt)).plan(hooks.plan()).logits(Logits.LAST);
    return model.run(request).getFirst();
  }

  @TearDown
  public void close() {
    opened.close();
  }
}
