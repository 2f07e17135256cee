package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.training.LensData;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** Texts that lenses are trained and measured on, and how they are cut. */
final class LensTexts {
  @Option(
      names = "--data",
      paramLabel = "FILE",
      required = true,
      arity = "1..*",
      description =
          "Texts: .jsonl with an object with a text in each line, else a text in each line.")
  private List<Path> files = List.of();

  @Option(
      names = "--max-length",
      paramLabel = "N",
      description = "Tokens of a chunk; 2048 unless given, never more than the model's context.")
  private int maxLength = 2048;

  @Option(
      names = {"-b", "--batch-size"},
      paramLabel = "N",
      description = "Chunks in one pass of the model; 8 unless given.")
  private int batch = 8;

  /** Fails where a value cannot be. */
  void validate() {
    if (maxLength < 2) {
      throw new UsageException("--max-length: expected 2 or more, got " + maxLength);
    }
    if (batch < 1) {
      throw new UsageException("--batch-size: expected 1 or more, got " + batch);
    }
  }

  int batch() {
    return batch;
  }

  LensData open(Model model) {
    return LensData.of(model, files, maxLength);
  }
}
