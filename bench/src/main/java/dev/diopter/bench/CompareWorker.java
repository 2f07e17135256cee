package dev.diopter.bench;

import dev.diopter.cli.HookCost;
import dev.diopter.engine.GenerationListener;
import dev.diopter.engine.GenerationOptions;
import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/**
 * Diopter's side of {@code bench/compare}: reads one job a line from standard input, does it once,
 * and answers one line of JSON with the time and with numbers to compare. Jobs: {@code prefill N}
 * (last row of logits), {@code rows N} (all rows), {@code decode N M}, {@code cache N}, and {@code
 * hooks N KIND} with a name of {@link HookCost}.
 */
public final class CompareWorker {
  private final Model model;

  private CompareWorker(Model model) {
    this.model = model;
  }

  /** {@code CompareWorker MODEL THREADS}. */
  public static void main(String[] args) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (Model model = BenchModel.open(args[0], Integer.parseInt(args[1]))) {
      CompareWorker worker = new CompareWorker(model);
      out.println("{\"ready\": \"" + model.backend() + "\"}");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.println(worker.answer(line.split(" ")));
      }
    }
  }

  private String answer(String[] job) {
    Prompt prompt = BenchModel.prompt(Integer.parseInt(job[1]));
    return switch (job[0]) {
      case "prefill" -> run(RunRequest.of(prompt));
      case "rows" -> run(RunRequest.of(prompt).logits(Logits.ALL));
      case "cache" -> cache(RunRequest.of(prompt).plan(HookPlan.reading("*")).logits(Logits.NONE));
      case "hooks" -> run(RunRequest.of(prompt).plan(HookCost.valueOf(job[2]).plan()));
      case "decode" -> decode(prompt, Integer.parseInt(job[2]));
      default -> throw new IllegalArgumentException("expected a job, got " + job[0]);
    };
  }

  private String run(RunRequest request) {
    long start = System.nanoTime();
    RunResult result = model.run(request).getFirst();
    double ms = (System.nanoTime() - start) / 1e6;
    return json(ms, result.lastLogits());
  }

  /** Every default point, among them all rows of logits. */
  private String cache(RunRequest request) {
    long start = System.nanoTime();
    RunResult result = model.run(request).getFirst();
    double ms = (System.nanoTime() - start) / 1e6;
    float[] logits = result.activation("unembed.hook_out").values();
    int vocabulary = model.config().vocabulary();
    return json(ms, Arrays.copyOfRange(logits, logits.length - vocabulary, logits.length));
  }

  /** Milliseconds a token, the pass over the prompt not counted. */
  private String decode(Prompt prompt, int tokens) {
    long[] times = new long[tokens];
    GenerationListener clock = (sequence, step, id) -> times[step] = System.nanoTime();
    int[] ids =
        model
            .generate(prompt, GenerationOptions.greedy(tokens).ignoringEos(), HookPlan.NONE, clock)
            .ids();
    double ms = (times[tokens - 1] - times[0]) / 1e6 / (tokens - 1);
    return String.format(
        Locale.ROOT,
        "{\"ms\": %.4f, \"numbers\": [%d, %d, %d]}",
        ms,
        ids[0],
        ids[1],
        ids[tokens - 1]);
  }

  private static String json(double ms, float[] logits) {
    return String.format(
        Locale.ROOT,
        "{\"ms\": %.4f, \"numbers\": [%.6f, %.6f, %.6f]}",
        ms,
        logits[0],
        logits[7],
        logits[logits.length - 1]);
  }
}
