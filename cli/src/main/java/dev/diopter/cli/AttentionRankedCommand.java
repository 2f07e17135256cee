package dev.diopter.cli;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diopter attention ranked}: the strongest attention of a head over many texts. */
@picocli.CommandLine.Command(
    name = "ranked",
    description =
        "List where a head's attention is furthest above what would be usual, over many texts.",
    customSynopsis = "diopter attention ranked [OPTIONS] MODEL --layer L --head H --texts FILE",
    footer = {
      "",
      "Example: diopter attention ranked demo-gpt2 --bos --layer 2 --head 1 --texts texts.txt"
    })
final class AttentionRankedCommand implements Command {
  @Mixin private final AttentionRows rows = new AttentionRows();

  @Option(names = "--reverse", description = "The lowest entries instead of the highest.")
  private boolean reverse;

  @Mixin private final OutputOptions output;
  private final Screen screen;

  AttentionRankedCommand(Screen screen) {
    this.screen = screen;
    this.output = new OutputOptions().on(screen);
  }

  @Override
  public OutputOptions output() {
    return output;
  }

  @Override
  public void run() {
    String what = "the %s multiples".formatted(reverse ? "lowest" : "highest");
    rows.run(screen, output, what, (data, query) -> data.ranked(query, rows.limit(), reverse));
  }
}
