package dev.diopter.lens.tuned.training;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensSite;
import java.nio.file.Path;
import java.util.List;

/** The demo models and the texts that their lenses are trained and measured on. */
final class Demo {
  /** Tokens of a chunk: the models were trained on rows of this length. */
  static final int LENGTH = 96;

  private Demo() {}

  static Model open(String name) {
    return Model.open(name, new ModelOptions("cpu", 2));
  }

  static LensData texts(Model model, String name, int length) {
    Path file = Path.of(System.getProperty("diopter.root"), "fixtures/lens-texts", name + ".jsonl");
    return LensData.of(model, List.of(file), length);
  }

  static LensConfig config(Model model) {
    return LensConfig.of(model.name(), model.config(), LensSite.RESID_PRE, null);
  }
}
