package dev.diopter.cli;

import dev.diopter.engine.Model;
import dev.diopter.lens.attention.AttentionQuery;
import dev.diopter.lens.attention.Corpus;
import dev.diopter.lens.attention.EntryOrder;
import dev.diopter.lens.attention.HeadId;
import dev.diopter.lens.attention.ScoreMode;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The model, the head and the texts of a command about one head. */
final class HeadInput {
  @Parameters(index = "0", paramLabel = "MODEL", description = Help.MODEL)
  private String model = "";

  @Option(names = "--layer", paramLabel = "L", required = true, description = "Layer, from 0.")
  private int layer;

  @Option(names = "--head", paramLabel = "H", required = true, description = "Head, from 0.")
  private int head;

  @Option(
      names = "--texts",
      paramLabel = "FILE",
      required = true,
      description = "A .jsonl file (objects with text), a .txt file (one each line), or a folder.")
  private Path texts = Path.of("");

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description =
          "What attention is compared with: raw, no-sink (default), column, or compat (the"
              + " original's).")
  private String mode = ScoreMode.NO_SINK.label();

  @Option(
      names = "--pad-id",
      paramLabel = "ID",
      description = "The padding of --mode compat; the model's end-of-text id unless given.")
  private @Nullable Integer padId;

  @Mixin private final SamplingOptions sampling = new SamplingOptions();

  String model() {
    return model;
  }

  /** What is asked; fails where a value cannot be. */
  AttentionQuery query() {
    ScoreMode chosen = ScoreMode.of(mode);
    return new AttentionQuery(
        new HeadId(layer, head),
        chosen,
        sampling.sinks(),
        sampling.sampling(),
        null,
        EntryOrder.of(chosen),
        padId);
  }

  /** The texts; fails where there are none. */
  Corpus corpus() {
    return Corpus.of(texts);
  }

  /** A word on BOS, which the original does without. */
  void advise(Model opened, OutputOptions output) {
    PromptInput.adviseBos(sampling.bos() || mode.equals(ScoreMode.COMPAT.label()), opened, output);
  }
}
