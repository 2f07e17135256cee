package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

/** The entry point of the {@code diopter} command. */
public final class Main {

  private Main() {}

  /**
   * Runs the command and ends the process with its exit code.
   *
   * @param arguments the words after {@code diopter}
   */
  public static void main(String[] arguments) {
    System.exit(run(arguments, Screen.system()));
  }

  /**
   * Runs the command.
   *
   * @param arguments the words after {@code diopter}
   * @param screen where it reads and writes
   * @return 0 done, 1 failed, 2 wrong usage
   */
  public static int run(String[] arguments, Screen screen) {
    String name = "diopter";
    boolean trace = false;
    try {
      requireReadable(arguments);
      String[] words = helpAsAnOption(arguments);
      CommandLine root = Commands.parser(words, screen);
      root.setOut(new PrintWriter(screen.out(), true, StandardCharsets.UTF_8));
      ParseResult parsed = root.parseArgs(words);
      if (CommandLine.executeHelpRequest(parsed) == null) {
        ParseResult chosen = parsed;
        while (chosen.hasSubcommand()) {
          chosen = chosen.subcommand();
        }
        CommandLine line = chosen.commandSpec().commandLine();
        name = line.getCommandSpec().qualifiedName();
        if (!(line.getCommand() instanceof Command command)) {
          throw new CommandLine.ParameterException(line, "missing COMMAND: one of " + names(line));
        }
        trace = command.output().verbose();
        StandardErrorLog.setLeast(command.output().leastLogged());
        command.run();
        screen.finish();
        command.output().showNotes();
      }
      screen.finish();
      return Failures.OK;
    } catch (CommandLine.ParameterException e) {
      screen.out().flush();
      return Failures.report(e, e.getCommandLine().getCommandSpec().qualifiedName(), trace, screen);
    } catch (
        Throwable e) { // The one place that may: whatever it is, the user gets a line and a code.
      screen.out().flush();
      return Failures.report(e, name, trace, screen);
    }
  }

  /** {@code help run} is {@code run --help}. */
  private static String[] helpAsAnOption(String[] arguments) {
    if (arguments.length == 0 || !arguments[0].equals("help")) {
      return arguments;
    }
    String[] words = Arrays.copyOfRange(arguments, 1, arguments.length + 1);
    words[words.length - 1] = "--help";
    return words;
  }

  private static String names(CommandLine line) {
    return String.join(", ", line.getSubcommands().keySet());
  }

  /**
   * In the C locale the JVM replaces what is not ASCII before we see it; a prompt must not change
   * unnoticed.
   */
  private static void requireReadable(String[] arguments) {
    for (String argument : arguments) {
      if (argument.indexOf('\uFFFD') >= 0
          && !"UTF-8".equals(System.getProperty("sun.jnu.encoding"))) {
        throw new UsageException(
            "expected arguments that this locale can read, found characters that are not ASCII; set"
                + " LC_ALL=C.UTF-8");
      }
    }
  }
}
