package dev.diopter.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a command speaks: options that all commands have. */
final class OutputOptions {
  @Option(
      names = "--json",
      description = "Print one JSON object on standard output and nothing else.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Nothing on standard error but errors.")
  private boolean quiet;

  @Option(
      names = {"-v", "--verbose"},
      description = "Say what takes how long; show the stack trace of an error.")
  private boolean verbose;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this page.")
  @SuppressWarnings("UnusedVariable") // The parser acts on it.
  private boolean help;

  private final List<String> notes = new ArrayList<>();
  private @Nullable Screen screen;

  /** Binds the notes to a screen. */
  OutputOptions on(Screen theScreen) {
    screen = theScreen;
    return this;
  }

  boolean json() {
    return json;
  }

  boolean quiet() {
    return quiet;
  }

  boolean verbose() {
    return verbose;
  }

  /** The least important of the library's messages that are shown. */
  System.Logger.Level leastLogged() {
    if (quiet) {
      return System.Logger.Level.ERROR;
    }
    return verbose ? System.Logger.Level.INFO : System.Logger.Level.WARNING;
  }

  /**
   * A line for the reader on standard error, unless told to be quiet. It is shown when the command
   * is done: where it fails, the error is the only line.
   */
  void note(String line) {
    notes.add(line);
  }

  /** Shows the notes. */
  void showNotes() {
    notes.forEach(this::print);
    notes.clear();
  }

  /** A line on standard error for those who asked for more, at once. */
  void detail(String line) {
    if (verbose) {
      print(line);
    }
  }

  private void print(String line) {
    if (!quiet && screen != null) {
      screen.err().println(Text.harmless(line));
    }
  }
}
