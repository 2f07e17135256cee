package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter models}: the group of commands about the models on this machine. */
@CommandLine.Command(
    name = "models",
    description = "Models that can be used here.",
    synopsisSubcommandLabel = "COMMAND")
final class ModelsCommand extends CommandGroup {
  ModelsCommand(Screen screen) {
    super(screen);
  }

  @Override
  void addTo(CommandLine line) {
    line.addSubcommand("list", new ModelsListCommand(screen));
    line.addSubcommand("info", new ModelsInfoCommand(screen));
  }
}
