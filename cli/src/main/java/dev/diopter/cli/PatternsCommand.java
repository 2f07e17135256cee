package dev.diopter.cli;

import picocli.CommandLine;

/** {@code diopter patterns}: the group of commands about saved attention patterns. */
@CommandLine.Command(
    name = "patterns",
    description = "Attention patterns of many prompts, as files and as a page.",
    synopsisSubcommandLabel = "COMMAND")
final class PatternsCommand extends CommandGroup {
  PatternsCommand(Screen screen) {
    super(screen);
  }

  @Override
  void addTo(CommandLine line) {
    line.addSubcommand("activations", new PatternsActivationsCommand(screen));
    line.addSubcommand("figures", new PatternsFiguresCommand(screen));
    line.addSubcommand("index", new PatternsIndexCommand(screen));
    line.addSubcommand("serve", new PatternsServeCommand(screen));
  }
}
