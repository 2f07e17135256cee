package dev.diopter.bench;

import dev.diopter.engine.Model;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.training.LensData;
import dev.diopter.lens.tuned.training.LensTraining;
import dev.diopter.lens.tuned.training.TrainingOptions;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Diopter's side of {@code bench/compare/lens_training.py}: for each line {@code train FILE LENGTH
 * CHUNKS STEPS} trains a lens for as many steps and one more, and answers one line of JSON with the
 * time of all but the first.
 */
public final class LensTrainingWorker {
  private LensTrainingWorker() {}

  /** {@code LensTrainingWorker MODEL THREADS}. */
  public static void main(String[] args) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    int threads = Integer.parseInt(args[1]);
    int layers;
    try (OpenModel stored = ModelStore.system().open(BenchModel.locate(args[0]))) {
      layers = stored.config().layers();
    }
    int own = LensTraining.backendThreads(threads, layers);
    try (Model model = BenchModel.open(args[0], own)) {
      out.println("{\"ready\": \"" + model.backend() + "\"}");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.println(train(model, threads, line.split(" ")));
      }
    }
  }

  private static String train(Model model, int threads, String[] job) {
    int length = Integer.parseInt(job[2]);
    int chunks = Integer.parseInt(job[3]);
    int steps = Integer.parseInt(job[4]);
    TrainingOptions options =
        TrainingOptions.DEFAULT.work(threads, chunks).budget(steps + 1, chunks * length);
    LensConfig config = LensConfig.of(model.name(), model.config(), LensSite.RESID_PRE, null);
    List<Long> times = new ArrayList<>();
    LensData data = LensData.of(model, List.of(Path.of(job[1])), length);
    LensTraining.Result result =
        new LensTraining(model, data, options, config, null)
            .run(step -> times.add(System.nanoTime()));
    return String.format(
        Locale.ROOT,
        "{\"ms\": %.3f, \"loss\": %.4f}",
        (times.getLast() - times.getFirst()) / 1e6,
        result.losses()[result.losses().length - 1]);
  }
}
