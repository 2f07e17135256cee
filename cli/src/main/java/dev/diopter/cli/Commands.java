package dev.diopter.cli;

import java.util.List;
import java.util.function.Function;
import picocli.CommandLine;

/**
 * The list of commands. A command's class is loaded and its annotations are read only when it is
 * the one that was called, or for the page that lists them all: reading all of them costs more than
 * many a command's work.
 */
final class Commands {
  private record Entry(String name, Function<Screen, Object> maker) {}

  private static final List<Entry> ALL =
      List.of(
          new Entry("demo", DemoCommand::new),
          new Entry("run", RunCommand::new),
          new Entry("generate", GenerateCommand::new),
          new Entry("hooks", HooksCommand::new),
          new Entry("cache", CacheCommand::new),
          new Entry("patch", PatchCommand::new),
          new Entry("attention", AttentionCommand::new),
          new Entry("patterns", PatternsCommand::new),
          new Entry("patchscope", PatchscopeCommand::new),
          new Entry("lens", LensCommand::new),
          new Entry("models", ModelsCommand::new),
          new Entry("doctor", DoctorCommand::new),
          new Entry("bench", BenchCommand::new),
          new Entry("gpu-selftest", GpuSelftestCommand::new));

  private Commands() {}

  /** The parser for these arguments. */
  static CommandLine parser(String[] arguments, Screen screen) {
    CommandLine root = new CommandLine(new RootCommand());
    Entry named = arguments.length == 0 ? null : named(arguments[0]);
    for (Entry entry : named == null ? ALL : List.of(named)) {
      Object command = entry.maker.apply(screen);
      CommandLine line = new CommandLine(command);
      if (command instanceof CommandGroup group) {
        group.addTo(line);
      }
      root.addSubcommand(entry.name, line);
      tidyHelp(line);
    }
    return root
        // A prompt may start with @ and is a prompt all the same.
        .setExpandAtFiles(false)
        .setPosixClusteredShortOptionsAllowed(false)
        .setUsageHelpWidth(Math.min(screen.width(), Screen.PAGE_WIDTH))
        .setColorScheme(
            CommandLine.Help.defaultColorScheme(
                screen.colour() ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
  }

  /** Options in the order of their importance, and a synopsis that fits a line. */
  private static void tidyHelp(CommandLine line) {
    line.getCommandSpec()
        .usageMessage()
        .abbreviateSynopsis(true)
        .sortOptions(false)
        .synopsisHeading("Usage: ");
    line.getSubcommands().values().forEach(Commands::tidyHelp);
  }

  private static @org.jspecify.annotations.Nullable Entry named(String word) {
    for (Entry entry : ALL) {
      if (entry.name.equals(word)) {
        return entry;
      }
    }
    return null;
  }
}
