package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter patterns}: the group of commands about saved attention patterns. */
@CommandLine.Command(
    name = "patterns",
    description = "Attention patterns of many prompts, as files and as a page.",
    synopsisSubcommandLabel = "COMMAND")
final class PatternsCommand {
  @CommandLine.Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this page.")
  @SuppressWarnings("UnusedVariable") // The parser acts on it.
  private boolean help;

  private final Screen screen;

  PatternsCommand(Screen screen) {
    this.screen = screen;
  }

  /** Adds the commands of the group. */
  void addTo(CommandLine line) {
    line.addSubcommand("serve", new PatternsServeCommand(screen));
  }
}
