package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter models}: the group of commands about the models on this machine. */
@CommandLine.Command(
    name = "models",
    description = "Models that can be used here.",
    synopsisSubcommandLabel = "COMMAND")
final class ModelsCommand implements CommandGroup {
  @CommandLine.Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this page.")
  @SuppressWarnings("UnusedVariable") // The parser acts on it.
  private boolean help;

  private final Screen screen;

  ModelsCommand(Screen screen) {
    this.screen = screen;
  }

  @Override
  public void addTo(CommandLine line) {
    line.addSubcommand("list", new ModelsListCommand(screen));
    line.addSubcommand("info", new ModelsInfoCommand(screen));
  }
}
