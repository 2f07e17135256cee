package dev.diopter.cli;

import picocli.CommandLine;

/** A command that is a group of others. */
interface CommandGroup {

  /** Adds the commands of the group. */
  void addTo(CommandLine line);
}
