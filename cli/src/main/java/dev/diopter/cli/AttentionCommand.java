package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter attention}: the group of commands about what heads attend to. */
@CommandLine.Command(
    name = "attention",
    description = "What does a head attend to, over many texts.",
    synopsisSubcommandLabel = "COMMAND")
final class AttentionCommand extends CommandGroup {
  AttentionCommand(Screen screen) {
    super(screen);
  }

  @Override
  void addTo(CommandLine line) {
    line.addSubcommand("ranked", new AttentionRankedCommand(screen));
    line.addSubcommand("random", new AttentionRandomCommand(screen));
    line.addSubcommand("describe", new AttentionDescribeCommand(screen));
    line.addSubcommand("heads", new AttentionHeadsCommand(screen));
  }
}
