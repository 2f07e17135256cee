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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Whole passes of one model on two backends. */
final class ModelComparison {
  private static final double BOUND = 2e-5;
  private static final int PROMPT = 32;
  private static final int EDITED_PROMPT = 12;
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
      Prompt prompt = prompt(length, vocabulary, 5);
      RunRequest plain = RunRequest.of(prompt).logits(Logits.ALL);
      HookPlan reads = HookPlan.builder().read("*").read("optional:*").build();
      List<Outcome> outcomes = new ArrayList<>();
      outcomes.add(attempt(name + ", logits", what -> pass(what, subject, oracle, plain)));
      outcomes.add(
          attempt(
              name + ", all hooks read", what -> pass(what, subject, oracle, plain.plan(reads))));
      RunRequest edited = RunRequest.of(prompt(EDITED_PROMPT, vocabulary, 5)).logits(Logits.ALL);
      for (ComparedEdits.Named edit :
          ComparedEdits.of(oracle, prompt(EDITED_PROMPT, vocabulary, 11))) {
        outcomes.add(
            attempt(
                name + ", " + edit.name(),
                what -> compared(what, subject, oracle, edited.plan(edit.plan()))));
      }
      outcomes.add(
          attempt(
              "%s, %d tokens generated".formatted(name, NEW_TOKENS),
              what -> generation(what, subject, oracle, prompt)));
      return outcomes;
    }
  }

  private static Prompt prompt(int length, int vocabulary, int first) {
    return Prompt.ofIds(
        IntStream.range(0, length).map(i -> (i * 97 + first) % vocabulary).toArray());
  }

  private static Outcome pass(String what, Model subject, Model oracle, RunRequest request) {
    subject.run(request); // the first pass allocates
    return compared(what, subject, oracle, request);
  }

  private static Outcome compared(String what, Model subject, Model oracle, RunRequest request) {
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
