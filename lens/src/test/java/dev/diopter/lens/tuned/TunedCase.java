package dev.diopter.lens.tuned;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.formats.Npz;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.nio.file.Path;

/** What the Python package tuned-lens 0.2.0 computed on the bundled models. */
final class TunedCase {
  private TunedCase() {}

  /** The folder of a model's case. */
  static Path folder(String model) {
    return Path.of(System.getProperty("diopter.root"), "fixtures/lens-cases", model);
  }

  /** The lens with random translators. */
  static Path lensFolder(String model) {
    return folder(model).resolve("tuned-lens");
  }

  static TunedLens lens(String model) {
    return LensFiles.load(lensFolder(model)).lens();
  }

  /** The statistics. */
  static Npz trajectories(String model) {
    return Npz.open(folder(model).resolve("trajectories.npz"));
  }

  static String unembedHash(String model) {
    try (OpenModel stored = ModelStore.system().open(model)) {
      return UnembedHash.of(stored.weights());
    }
  }

  /** The model, on the CPU. */
  static Model open(String model) {
    return Model.open(model, new ModelOptions("cpu", 2));
  }
}
