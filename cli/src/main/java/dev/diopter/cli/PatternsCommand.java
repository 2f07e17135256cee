package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter patterns}: the group of commands about saved attention patterns. */
@CommandLine.Command(
    name = "patterns",
    description = "Attention patterns of many prompts, as files and as a page.",
    synopsisSubcommandLabel = "COMMAND")
final class PatternsCommand implements CommandGroup {
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

  @Override
  public void addTo(CommandLine line) {
    line.addSubcommand("activations", new PatternsActivationsCommand(screen));
    line.addSubcommand("figures", new PatternsFiguresCommand(screen));
    line.addSubcommand("index", new PatternsIndexCommand(screen));
    line.addSubcommand("serve", new PatternsServeCommand(screen));
  }
}
