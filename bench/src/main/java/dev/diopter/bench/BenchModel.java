package dev.diopter.bench;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Opens the models of the benchmarks: a random checkpoint of a published size, made on first use,
 * or any name that users can give.
 */
final class BenchModel {
  private BenchModel() {}

  /**
   * Where random checkpoints lie: the system property {@code diopter.bench.models}, else {@code
   * target/bench-models}.
   */
  static Path folder() {
    return Path.of(System.getProperty("diopter.bench.models", "target/bench-models"));
  }

  static String locate(String name) {
    for (RandomCheckpoint.Size size : RandomCheckpoint.Size.values()) {
      if (size.name().toLowerCase(Locale.ROOT).replace('_', '-').equals(name)) {
        try {
          return RandomCheckpoint.make(size, folder()).toString();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    return name;
  }

  static Model open(String name, int threads) {
    return Model.open(locate(name), new ModelOptions("cpu", threads));
  }

  /** Ids that every engine gets in the comparisons: {@code (7 i + 3) mod 1000 + 10}. */
  static Prompt prompt(int length) {
    int[] ids = new int[length];
    for (int i = 0; i < length; i++) {
      ids[i] = (7 * i + 3) % 1000 + 10;
    }
    return Prompt.ofIds(ids);
  }
}
