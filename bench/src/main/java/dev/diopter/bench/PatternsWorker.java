package dev.diopter.bench;

import dev.diopter.engine.Model;
import dev.diopter.lens.patterns.FigureFunctions;
import dev.diopter.lens.patterns.FigureOptions;
import dev.diopter.lens.patterns.FigureRun;
import dev.diopter.lens.patterns.ModelFolder;
import dev.diopter.lens.patterns.PatternIndex;
import dev.diopter.lens.patterns.PatternRecorder;
import dev.diopter.lens.patterns.PatternStore;
import dev.diopter.lens.patterns.PromptTexts;
import dev.diopter.lens.patterns.RecorderOptions;
import dev.diopter.lens.patterns.RunListener;
import dev.diopter.lens.patterns.RunSummary;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Diopter's side of {@code bench/compare/patterns.py}: reads one job a line, does it once, and
 * answers one line of JSON with the time. Jobs: {@code activations TEXTS FOLDER LEVEL} and {@code
 * figures FOLDER}, each with its lists as the commands write them.
 */
public final class PatternsWorker {
  private static final String NAME = "m";

  private final Model model;
  private final int threads;

  private PatternsWorker(Model model, int threads) {
    this.model = model;
    this.threads = threads;
  }

  /** {@code PatternsWorker MODEL THREADS}. */
  public static void main(String[] args) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    int threads = Integer.parseInt(args[1]);
    try (Model model = BenchModel.open(args[0], threads)) {
      PatternsWorker worker = new PatternsWorker(model, threads);
      out.println("{\"ready\": \"" + model.backend() + "\"}");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String[] job = line.split(" ");
        long start = System.nanoTime();
        long done = job[0].equals("activations") ? worker.activations(job) : worker.figures(job);
        double millis = (System.nanoTime() - start) / 1e6;
        out.println(String.format(Locale.ROOT, "{\"ms\": %.3f, \"done\": %d}", millis, done));
      }
    }
  }

  private long activations(String[] job) {
    PatternStore store = new PatternStore(Path.of(job[2]));
    ModelFolder folder = store.model(NAME);
    RecorderOptions options =
        RecorderOptions.DEFAULT.bos(true).threads(threads).level(Integer.parseInt(job[3]));
    Path texts = Path.of(job[1]);
    RunSummary summary =
        new PatternRecorder(model, folder, options)
            .run(
                (sink, broken) -> PromptTexts.AS_THEY_ARE.read(texts, sink, broken),
                null,
                RunListener.NONE);
    PatternIndex.prompts(folder);
    PatternIndex.models(store);
    return checked(summary);
  }

  private long figures(String[] job) {
    PatternStore store = new PatternStore(Path.of(job[1]));
    FigureOptions options =
        FigureOptions.of(FigureFunctions.select(FigureFunctions.DEFAULT)).threads(threads);
    RunSummary summary = new FigureRun(store.model(NAME), options).run(RunListener.NONE);
    PatternIndex.prompts(store.model(NAME));
    PatternIndex.models(store);
    PatternIndex.figures(store, options);
    return checked(summary);
  }

  private static long checked(RunSummary summary) {
    if (!summary.isClean()) {
      throw new IllegalStateException("expected no failures, got " + summary.failures());
    }
    return summary.done();
  }
}
