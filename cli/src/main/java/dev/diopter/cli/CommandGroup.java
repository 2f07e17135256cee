package dev.diopter.cli;

import picocli.CommandLine;

/** A command that only holds others. */
interface CommandGroup {
  /** Adds the commands of the group. */
  void addTo(CommandLine line);
}
