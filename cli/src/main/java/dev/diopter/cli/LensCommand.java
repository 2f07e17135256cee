package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter lens}: the group of commands about what each layer would predict. */
@CommandLine.Command(
    name = "lens",
    description = "What each layer would predict if it were the last.",
    synopsisSubcommandLabel = "COMMAND")
final class LensCommand extends CommandGroup {
  LensCommand(Screen screen) {
    super(screen);
  }

  @Override
  void addTo(CommandLine line) {
    line.addSubcommand("train", new LensTrainCommand(screen));
    line.addSubcommand("eval", new LensEvalCommand(screen));
    line.addSubcommand("show", new LensShowCommand(screen));
    line.addSubcommand("generate", new LensGenerateCommand(screen));
    line.addSubcommand("list", new LensListCommand(screen));
    line.addSubcommand("basis", new LensBasisCommand(screen));
  }
}
