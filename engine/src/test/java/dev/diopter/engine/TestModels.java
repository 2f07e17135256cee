package dev.diopter.engine;

import dev.diopter.kernels.Backend;
import dev.diopter.kernels.Backends;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** The models that tests run on. */
final class TestModels {
  static final List<String> FIXTURES =
      List.of("gpt2-tiny", "gpt2-odd-f16", "llama-gqa", "llama-sharded-bf16");

  private TestModels() {}

  /** The project's folder. */
  static Path root() {
    return Path.of(System.getProperty("diopter.root"));
  }

  static Path fixture(String name) {
    return root().resolve("fixtures").resolve(name);
  }

  static Model open(String name, String backend, int threads) {
    return open(name, Backends.open(backend, threads));
  }

  /** A fixture or a bundled model on a backend. */
  static Model open(String name, Backend backend) {
    String where = FIXTURES.contains(name) ? fixture(name).toString() : name;
    try (OpenModel stored = ModelStore.system().open(where)) {
      return Model.on(backend, stored);
    }
  }

  static Prompt randomPrompt(Model model, Random random, int length) {
    int[] ids = new int[length];
    Arrays.setAll(ids, i -> random.nextInt(model.config().vocabulary()));
    return Prompt.ofIds(ids);
  }
}
