package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.lens.tuned.Translator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The ridge fits of all layers from one pass over the first chunks of the data. */
final class RidgePass {
  private final Model model;
  private final LensData data;
  private final TrainingOptions options;
  private final Threads threads;

  RidgePass(Model model, LensData data, TrainingOptions options, Threads threads) {
    this.model = model;
    this.data = data;
    this.options = options;
    this.threads = threads;
  }

  /** Translators of all layers. */
  List<Translator> fit(long chunkCount, TrainingListener listener) {
    int layers = model.config().layers();
    RidgeFit[] fits = new RidgeFit[layers];
    Arrays.setAll(fits, _ -> new RidgeFit(model.config().width()));
    int length = data.chunkSize();
    try (TokenChunks chunks = data.open()) {
      for (long done = 0; done < chunkCount; ) {
        int count = (int) Math.min(options.batch(), chunkCount - done);
        List<int[]> some = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          some.add(Objects.requireNonNull(chunks.next(), "the texts ended early"));
        }
        Streams streams = Streams.of(model, options.site(), some, threads);
        threads.forEach(
            layers,
            layer -> fits[layer].add(streams.layers()[layer], streams.finals(), streams.rows()));
        done += count;
        listener.ridge(done * length, chunkCount * length);
      }
    }
    Translator[] solved = new Translator[layers];
    threads.forEach(layers, layer -> solved[layer] = fits[layer].solve(options.ridgePenalty()));
    return List.of(solved);
  }
}
