package dev.diopter.cli;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diopter attention random}: some attention of a head over many texts. */
@picocli.CommandLine.Command(
    name = "random",
    description = "List a random choice of what is above usual in a head's attention.",
    customSynopsis = "diopter attention random [OPTIONS] MODEL --layer L --head H --texts FILE",
    footer = {
      "",
      "Example: diopter attention random demo-gpt2 --bos --layer 2 --head 1 --texts texts.txt --seed"
          + " 7"
    })
final class AttentionRandomCommand implements Command {
  @Mixin private final AttentionRows rows = new AttentionRows();

  @Option(names = "--seed", paramLabel = "N", description = "Decides the choice, 0 unless given.")
  private long seed;

  @Mixin private final OutputOptions output;
  private final Screen screen;

  AttentionRandomCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    rows.run(
        screen,
        output,
        "random entries, seed " + seed,
        (data, query) -> data.random(query, rows.limit(), seed));
  }
}
