package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter patchscope}: the group of commands that move vectors between prompts. */
@CommandLine.Command(
    name = "patchscope",
    description = "Move a hidden vector into another prompt, and read what it says there.",
    synopsisSubcommandLabel = "COMMAND")
final class PatchscopeCommand extends CommandGroup {
  PatchscopeCommand(Screen screen) {
    super(screen);
  }

  @Override
  void addTo(CommandLine line) {
    line.addSubcommand("run", new PatchscopeRunCommand(screen));
    line.addSubcommand("over", new PatchscopeOverCommand(screen));
    line.addSubcommand("fit", new PatchscopeFitCommand(screen));
    line.addSubcommand("presets", new PatchscopePresetsCommand(screen));
  }
}
