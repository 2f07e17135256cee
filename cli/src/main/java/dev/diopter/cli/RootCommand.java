package dev.diopter.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What {@code diopter} alone stands for. */
@Command(
    name = "diopter",
    header = "Look inside GPT-2 and Llama models: read and change every intermediate value.",
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = Version.class,
    footer = {
      "",
      "Start with: diopter demo",
      "Help on a command: diopter run --help",
      "Exit codes: 0 done, 1 failed, 2 wrong usage."
    })
final class RootCommand {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this page.")
  @SuppressWarnings("UnusedVariable") // The parser acts on it.
  private boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Show the version.")
  @SuppressWarnings("UnusedVariable") // The parser acts on it.
  private boolean version;
}
