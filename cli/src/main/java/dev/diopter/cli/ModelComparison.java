package dev.diopter.cli;

import dev.diopter.engine.Activation;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Whole passes of one model on two backends. */
final class ModelComparison {
  private static final double BOUND = 2e-5;
  private static final int PROMPT = 48;
  private static final int NEW_TOKENS = 16;

  private ModelComparison() {}

  /**
   * What came of one kind of pass.
   *
   * @param what model and pass
   * @param error largest difference, divided by the value's scale
   * @param bound what the error may be
   * @param milliseconds of the pass, on the backend in question; not a number where it failed
   * @param failure what went wrong instead, or null
   */
  record Outcome(
      String what, double error, double bound, double milliseconds, @Nullable String failure) {
    boolean agrees() {
      return failure == null && error <= bound;
    }
  }

  /** Compares a backend with the CPU. What fails is an outcome too. */
  static List<Outcome> run(String name, String backend) {
    try {
      return compare(name, backend);
    } catch (RuntimeException e) {
      return List.of(failed(name, e));
    }
  }

  private static Outcome failed(String what, RuntimeException e) {
    return new Outcome(what, Double.NaN, BOUND, Double.NaN, String.valueOf(e.getMessage()));
  }

  private static Outcome attempt(String what, Function<String, Outcome> pass) {
    try {
      return pass.apply(what);
    } catch (RuntimeException e) {
      return failed(what, e);
    }
  }

  private static List<Outcome> compare(String name, String backend) {
    try (Model subject = Model.open(name, new ModelOptions(backend, 0));
        Model oracle = Model.open(name, new ModelOptions("cpu", 0))) {
      int vocabulary = subject.config().vocabulary();
      int length = Math.min(PROMPT, subject.config().contextLength() - NEW_TOKENS);
      Prompt prompt =
          Prompt.ofIds(IntStream.range(0, length).map(i -> (i * 97 + 5) % vocabulary).toArray());
      RunRequest plain = RunRequest.of(prompt).logits(Logits.ALL);
      HookPlan reads = HookPlan.builder().read("*").read("optional:*").build();
      int width = subject.config().width();
      float[] vector = new float[width];
      Arrays.fill(vector, 0.5f);
      HookPlan edits =
          HookPlan.builder()
              .add("blocks.0.hook_resid_mid", Selection.ALL.positions(-1), vector)
              .projectOut("blocks.1.hook_mlp_out", Selection.ALL, vector)
              .scale("blocks.0.attn.hook_pattern", Selection.ALL.heads(0), 0.5f)
              .build();
      return List.of(
          attempt(name + ", logits", what -> pass(what, subject, oracle, plain)),
          attempt(
              name + ", all hooks read", what -> pass(what, subject, oracle, plain.plan(reads))),
          attempt(name + ", edits", what -> pass(what, subject, oracle, plain.plan(edits))),
          attempt(
              "%s, %d tokens generated".formatted(name, NEW_TOKENS),
              what -> generation(what, subject, oracle, prompt)));
    }
  }

  private static Outcome pass(String what, Model subject, Model oracle, RunRequest request) {
    subject.run(request); // the first pass allocates
    long start = System.nanoTime();
    RunResult got = subject.run(request).getFirst();
    double milliseconds = (System.nanoTime() - start) / 1e6;
    RunResult want = oracle.run(request).getFirst();
    double error = error(got.logits(), want.logits());
    for (Activation value : want.activations().values()) {
      error = larger(error, error(got.activation(value.name()).values(), value.values()));
    }
    return new Outcome(what, error, BOUND, milliseconds, null);
  }

  /** Greedy tokens are the same or they are not: 0 or infinity. */
  private static Outcome generation(String what, Model subject, Model oracle, Prompt prompt) {
    GenerationOptions options = GenerationOptions.greedy(NEW_TOKENS).ignoringEos();
    long start = System.nanoTime();
    int[] got = subject.generate(prompt, options).ids();
    double milliseconds = (System.nanoTime() - start) / 1e6;
    int[] want = oracle.generate(prompt, options).ids();
    double error = Arrays.equals(got, want) ? 0 : Double.POSITIVE_INFINITY;
    return new Outcome(what, error, BOUND, milliseconds, null);
  }

  private static double error(float[] got, float[] want) {
    double scale = 1;
    for (float value : want) {
      scale = Float.isFinite(value) ? Math.max(scale, Math.abs(value)) : scale;
    }
    double worst = 0;
    for (int i = 0; i < want.length; i++) {
      boolean same = got[i] == want[i]; // masked scores are infinite on both sides
      worst = larger(worst, same ? 0 : Math.abs((double) got[i] - want[i]) / scale);
    }
    return worst;
  }

  /** The larger one; what is not a number wins. */
  private static double larger(double a, double b) {
    return Double.isNaN(a) || a > b ? a : b;
  }
}
