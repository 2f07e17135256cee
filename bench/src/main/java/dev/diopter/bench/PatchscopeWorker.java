package dev.diopter.bench;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.PromptOptions;
import dev.diopter.lens.patchscope.Cell;
import dev.diopter.lens.patchscope.Layer;
import dev.diopter.lens.patchscope.Patch;
import dev.diopter.lens.patchscope.Patchscope;
import dev.diopter.lens.patchscope.Source;
import dev.diopter.lens.patchscope.Sweep;
import dev.diopter.lens.patchscope.Target;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Diopter's side of {@code bench/compare/patchscope.py}: reads one job a line, a source and a
 * target as text, the ids of both and a number of layers, with tabs between them, runs the grid of
 * the first layers, clean passes included, and answers one line of JSON with the time and the
 * logits.
 */
public final class PatchscopeWorker {
  private PatchscopeWorker() {}

  /** {@code PatchscopeWorker MODEL THREADS}. */
  public static void main(String[] args) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (Model model = BenchModel.open(args[0], Integer.parseInt(args[1]))) {
      out.println("{\"ready\": \"" + model.backend() + "\"}");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.println(answer(model, line.split("\t")));
      }
    }
  }

  private static String answer(Model model, String[] job) {
    long start = System.nanoTime();
    Prompt source = model.prompt(job[0], PromptOptions.DEFAULT);
    Prompt target = model.prompt(job[1], PromptOptions.DEFAULT);
    Patch patch =
        Patch.of(Source.of(model, source).at(-1), Target.of(model, target).at(-1).newTokens(1));
    List<Layer> layers = IntStream.range(0, Integer.parseInt(job[4])).mapToObj(Layer::of).toList();
    List<Cell> cells = Patchscope.of(Sweep.of(patch).grid(layers, layers)).run();
    double millis = (System.nanoTime() - start) / 1e6;
    requireIds(job[2], source);
    requireIds(job[3], target);
    StringJoiner values = new StringJoiner(", ", "[", "]");
    for (Cell cell : cells) {
      for (float logit : cell.logits()) {
        values.add(Float.toString(logit));
      }
    }
    return String.format(Locale.ROOT, "{\"ms\": %.4f, \"values\": %s}", millis, values);
  }

  private static void requireIds(String expected, Prompt prompt) {
    String found =
        Arrays.stream(prompt.ids()).mapToObj(Integer::toString).collect(Collectors.joining(","));
    if (!found.equals(expected)) {
      throw new IllegalStateException("expected the ids %s, got %s".formatted(expected, found));
    }
  }
}
