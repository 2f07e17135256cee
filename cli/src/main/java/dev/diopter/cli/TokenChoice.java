package dev.diopter.cli;

import dev.diopter.engine.GenerationOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How many tokens are generated and how each is chosen. */
final class TokenChoice {
  @Option(
      names = "--max-new-tokens",
      paramLabel = "N",
      description = "Most tokens to generate; 40 unless given.")
  private int maxNewTokens = 40;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Sample at this temperature; 0 (default) is greedy.")
  private double temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Sample from the K most probable tokens; 0 (default) is all.")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Sample from the smallest set with this probability; 1 (default) is all.")
  private double topP = 1;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the sampling; 0 unless given.")
  private @Nullable Long seed;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      description =
          "Lowers the logits of tokens that occurred by this factor; 1 (default) does nothing.")
  private double repetitionPenalty = 1;

  @Option(names = "--ignore-eos", description = "Go on behind an end-of-text token.")
  private boolean ignoreEos;

  /** The options; fails where a value cannot be. */
  GenerationOptions options() {
    return new GenerationOptions(
        maxNewTokens,
        temperature,
        topK,
        topP,
        repetitionPenalty,
        seed == null ? 0 : seed,
        ignoreEos);
  }

  /** Says which options are without effect. */
  void advise(OutputOptions output) {
    if (temperature == 0 && (topK != 0 || topP != 1 || seed != null)) {
      output.note("note: --top-k, --top-p and --seed change nothing without --temperature");
    }
  }
}
