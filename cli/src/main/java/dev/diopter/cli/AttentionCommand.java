package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter attention}: the group of commands about what heads attend to. */
@CommandLine.Command(
    name = "attention",
    description = "What does a head attend to, over many texts.",
    synopsisSubcommandLabel = "COMMAND")
final class AttentionCommand implements CommandGroup {
  @CommandLine.Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this page.")
  @SuppressWarnings("UnusedVariable") // The parser acts on it.
  private boolean help;

  private final Screen screen;

  AttentionCommand(Screen screen) {
    this.screen = screen;
  }

  @Override
  public void addTo(CommandLine line) {
    line.addSubcommand("ranked", new AttentionRankedCommand(screen));
    line.addSubcommand("random", new AttentionRandomCommand(screen));
    line.addSubcommand("describe", new AttentionDescribeCommand(screen));
    line.addSubcommand("heads", new AttentionHeadsCommand(screen));
  }
}
