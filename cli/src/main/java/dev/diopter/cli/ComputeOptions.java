package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.UsageException;
import dev.diopter.kernels.Backends;
import dev.diopter.lens.tuned.training.LensTraining;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** On what a model computes. */
final class ComputeOptions {
  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description = "What computes: auto (default), cpu, cuda, cuda-tf32, cuda-bf16 or reference.")
  private String backend = "auto";

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute; all cores unless given. Results do not depend on it.")
  private int threads;

  /** Fails where a value cannot be. */
  void validate() {
    if (!Backends.NAMES.contains(backend)) {
      throw new UsageException(
          "--backend: expected one of %s, got '%s'"
              .formatted(String.join(", ", Backends.NAMES), backend));
    }
    requireThreads(threads);
  }

  /** Fails where there cannot be so many threads. */
  static void requireThreads(int threads) {
    if (threads < 0 || threads > Backends.MOST_THREADS) {
      throw new UsageException(
          "--threads: expected 1 to %d, or 0 for all cores, got %d"
              .formatted(Backends.MOST_THREADS, threads));
    }
  }

  /** Threads for work beside the model's: as many as it has. */
  int threads() {
    return orAllCores(threads);
  }

  /** A number of threads, where 0 is all cores. */
  static int orAllCores(int threads) {
    return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
  }

  /** Runs a request for one prompt. */
  static RunResult run(Model model, RunRequest request, Screen screen, OutputOptions output) {
    long start = System.nanoTime();
    int length = request.prompts().getFirst().length();
    try (Progress _ = Progress.start(screen, output, "running %d tokens".formatted(length))) {
      RunResult result = model.run(request).getFirst();
      output.detail(
          "ran %d tokens in %s".formatted(length, Numbers.duration(System.nanoTime() - start)));
      return result;
    }
  }

  /** Opens a model whose weights are used as they are stored. */
  Model open(String name, Screen screen, OutputOptions output) {
    return open(name, WeightProcessing.NONE, screen, output);
  }

  /** Opens a model. */
  Model open(String name, WeightProcessing processing, Screen screen, OutputOptions output) {
    return loaded(
        name,
        screen,
        output,
        () -> Model.open(name, new ModelOptions(backend, threads, processing)));
  }

  /** Opens a model that leaves most of the threads to work beside it, on as many as layers. */
  Model openBesideLayers(
      String name, WeightProcessing processing, Screen screen, OutputOptions output) {
    return loaded(
        name,
        screen,
        output,
        () -> {
          try (OpenModel stored = ModelStore.system().open(name, processing)) {
            int own = LensTraining.backendThreads(threads(), stored.config().layers());
            return Model.open(stored, new ModelOptions(backend, own));
          }
        });
  }

  private static Model loaded(
      String name, Screen screen, OutputOptions output, Supplier<Model> open) {
    long start = System.nanoTime();
    try (Progress _ = Progress.start(screen, output, "loading " + name)) {
      Model model = open.get();
      output.detail(
          "loaded %s on %s in %s"
              .formatted(
                  model.name(), model.backend(), Numbers.duration(System.nanoTime() - start)));
      return model;
    }
  }
}
