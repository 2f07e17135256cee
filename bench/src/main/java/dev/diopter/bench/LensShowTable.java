package dev.diopter.bench;

import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.lens.trajectory.Trajectories;
import dev.diopter.lens.trajectory.TrajectoryOptions;
import dev.diopter.lens.trajectory.TrajectorySource;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.Translator;
import dev.diopter.lens.tuned.TunedLens;
import dev.diopter.lens.tuned.Unembedding;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Prints what a trajectory costs, in Markdown: all that {@code lens show} computes, beside the
 * plain pass and the products with the head that cannot be left out, one for each layer and one for
 * the output. The three take turns; the ratio is the median over the turns. Tuned lenses have
 * random translators, as the time does not depend on the numbers.
 */
public final class LensShowTable {
  private final int threads;
  private final int tokens;
  private final int rounds;

  private LensShowTable(int threads, int tokens, int rounds) {
    this.threads = threads;
    this.tokens = tokens;
    this.rounds = rounds;
  }

  /** {@code LensShowTable THREADS TOKENS ROUNDS MODEL...}. */
  public static void main(String[] args) {
    LensShowTable table =
        new LensShowTable(
            Integer.parseInt(args[0]), Integer.parseInt(args[1]), Integer.parseInt(args[2]));
    System.out.println(
        "| model | lens | plain pass ms | products with the head ms | show ms | show / (pass + products) | range |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (int i = 3; i < args.length; i++) {
      try (Model model = BenchModel.open(args[i], table.threads)) {
        table.print(model, LogitLens.of(model.config()));
        table.print(model, tuned(model));
      }
    }
  }

  private static Lens tuned(Model model) {
    Random random = new Random(1);
    int width = model.config().width();
    List<Translator> translators = new ArrayList<>();
    for (int layer = 0; layer < model.config().layers(); layer++) {
      translators.add(new Translator(normal(random, width * width), normal(random, width)));
    }
    return new TunedLens(
        LensConfig.of(model.name(), model.config(), LensSite.RESID_PRE, null), translators);
  }

  private static float[] normal(Random random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) (0.01 * random.nextGaussian());
    }
    return numbers;
  }

  private void print(Model model, Lens lens) {
    Prompt prompt = BenchModel.prompt(tokens);
    Unembedding unembedding = new Unembedding(model);
    float[] stream = normal(new Random(2), tokens * model.config().width());
    float[] logits = new float[Math.multiplyExact(tokens, unembedding.vocabulary())];
    Runnable pass = () -> model.run(prompt);
    Runnable products =
        () -> {
          for (int row = 0; row <= lens.layers(); row++) {
            unembedding.into(stream, logits);
          }
        };
    TrajectorySource source =
        new TrajectorySource(model, lens, prompt, TrajectoryOptions.DEFAULT.threads(threads));
    Runnable show = () -> Trajectories.of(source);
    List<Runnable> works = List.of(pass, products, show);
    double[][] seconds = new double[works.size()][rounds];
    double[] ratios = new double[rounds];
    for (int r = -Math.max(2, rounds / 3); r < rounds; r++) {
      for (int w = 0; w < works.size(); w++) {
        long start = System.nanoTime();
        works.get(w).run();
        double took = (System.nanoTime() - start) / 1e9;
        if (r >= 0) {
          seconds[w][r] = took;
        }
      }
      if (r >= 0) {
        ratios[r] = seconds[2][r] / (seconds[0][r] + seconds[1][r]);
      }
    }
    double[] sorted = ratios.clone();
    java.util.Arrays.sort(sorted);
    System.out.printf(
        Locale.ROOT,
        "| %s, %d tokens | %s | %.0f | %.0f | %.0f | **%.2f** | %.2f to %.2f |%n",
        model.name(),
        tokens,
        lens.kind(),
        1e3 * SideBySide.median(seconds[0]),
        1e3 * SideBySide.median(seconds[1]),
        1e3 * SideBySide.median(seconds[2]),
        SideBySide.median(ratios),
        sorted[0],
        sorted[rounds - 1]);
  }
}
