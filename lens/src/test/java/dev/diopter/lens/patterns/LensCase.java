package dev.diopter.lens.patterns;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What pattern-lens 0.6.0 wrote for the bundled models. */
final class LensCase {
  /** The texts' bounds and number, as it was told them. */
  static final PromptTexts TEXTS = new PromptTexts(20, 120, null);

  static final long SAMPLES = 2;

  private LensCase() {}

  /** The folder of a model's case. */
  static Path folder(String model) {
    return Path.of(
        System.getProperty("diopter.root"), "fixtures/lens-cases", model, "pattern-lens");
  }

  /** What it wrote. */
  static Path written(String model) {
    return folder(model).resolve("attn_data");
  }

  /** A copy of what it wrote, to be changed. */
  static PatternStore copy(String model, Path to) throws IOException {
    Path from = written(model);
    try (Stream<Path> all = Files.walk(from)) {
      for (Path file : all.sorted().toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
    return new PatternStore(to);
  }

  /** The model, on the CPU. */
  static Model open(String model) {
    return Model.open(model, new ModelOptions("cpu", 2));
  }

  /** Rows under the relative name that the case was made with. */
  static PatternRecorder.Source source(String model) {
    return (sink, broken) ->
        TEXTS.read(
            folder(model).resolve("texts.jsonl"),
            row -> sink.test(row.put("source_fname", "texts.jsonl")),
            broken);
  }
}
