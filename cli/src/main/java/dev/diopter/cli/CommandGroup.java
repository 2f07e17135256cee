package dev.diopter.cli;

import picocli.CommandLine;

/** A command that is a group of others. */
abstract class CommandGroup {
  @CommandLine.Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this page.")
  @SuppressWarnings("UnusedVariable") // The parser acts on it.
  private boolean help;

  /** Where the commands of the group write. */
  final Screen screen;

  CommandGroup(Screen screen) {
    this.screen = screen;
  }

  /** Adds the commands of the group. */
  abstract void addTo(CommandLine line);
}
