package dev.diopter.cli;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.kernels.BackendException;
import dev.diopter.lens.attention.EndpointException;
import dev.diopter.lens.tuned.training.TrainingException;
import dev.diopter.models.ModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Collection;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The one place where what went wrong becomes a line and an exit code. */
final class Failures {
  /** Done. */
  static final int OK = 0;

  /** Something failed: a file, a model, memory. */
  static final int FAILED = 1;

  /** The command line itself is wrong. */
  static final int USAGE = 2;

  private Failures() {}

  /** Prints one line, and with {@code trace} where it came from. */
  static int report(Throwable failure, String command, boolean trace, Screen screen) {
    if (failure instanceof OutputLostException lost && lost.readerLeft()) {
      return FAILED; // As with "| head": the reader has seen enough, and nobody is left to tell.
    }
    screen.err().println(oneLine(command + ": " + message(failure, command)));
    if (trace) {
      failure.printStackTrace(screen.err());
    }
    return code(failure);
  }

  private static int code(Throwable failure) {
    return failure instanceof UsageException || failure instanceof ParameterException
        ? USAGE
        : FAILED;
  }

  private static String message(Throwable failure, String command) {
    return switch (failure) {
      case ParameterException e -> parameter(e) + "; see " + command + " --help";
      case UsageException e -> text(e);
      case ModelException e -> text(e);
      case BackendException e -> text(e);
      case FormatException e -> text(e);
      case EndpointException e -> text(e);
      case TrainingException e -> text(e);
      case OutputLostException e -> text(e);
      case UncheckedIOException e when e.getCause() != null -> file(e.getCause());
      case IOException e -> file(e);
      case OutOfMemoryError e when text(e).contains("native thread") ->
          "cannot start another thread: ask for fewer with --threads";
      case OutOfMemoryError e -> memory();
      case UnsatisfiedLinkError e ->
          "a native library cannot be loaded: "
              + text(e)
              + "; diopter doctor shows what this machine has";
      default ->
          "unexpected "
              + failure.getClass().getSimpleName()
              + (failure.getMessage() == null ? "" : ": " + failure.getMessage())
              + "; this is a bug in diopter: run again with --verbose and report the stack trace";
    };
  }

  private static String parameter(ParameterException failure) {
    if (failure instanceof UnmatchedArgumentException unmatched) {
      return unmatched(unmatched);
    }
    if (failure instanceof MissingParameterException missing && !missing.getMissing().isEmpty()) {
      StringBuilder names = new StringBuilder("missing ");
      missing
          .getMissing()
          .forEach(
              m -> names.append(names.length() > 8 ? ", " : "").append(label(m.paramLabel(), m)));
      return names.toString();
    }
    String message = text(failure);
    return message.isEmpty()
        ? message
        : Character.toLowerCase(message.charAt(0)) + message.substring(1);
  }

  private static String label(String placeholder, ArgSpec argument) {
    return argument instanceof OptionSpec option
        ? option.longestName() + " " + placeholder
        : placeholder;
  }

  private static String unmatched(UnmatchedArgumentException failure) {
    CommandLine line = failure.getCommandLine();
    String word = failure.getUnmatched().getFirst();
    if (failure.isUnknownOption()) {
      String name = word.contains("=") ? word.substring(0, word.indexOf('=')) : word;
      String advice =
          line.getCommandSpec().positionalParameters().isEmpty()
              ? ""
              : " (a prompt that starts with - goes behind --)";
      return nearest(
          "unknown option " + name, name, line.getCommandSpec().optionsMap().keySet(), advice);
    }
    if (!line.getSubcommands().isEmpty()) {
      return nearest("unknown command " + word, word, line.getSubcommands().keySet(), "");
    }
    boolean takesWords = !line.getCommandSpec().positionalParameters().isEmpty();
    return "unexpected argument '%s' (%s)"
        .formatted(
            word,
            takesWords
                ? "a prompt of several words needs quotes"
                : "this command takes options only");
  }

  private static String nearest(
      String what, String word, Collection<String> known, String otherwise) {
    List<String> near = Nearest.of(word, known);
    return near.isEmpty() ? what + otherwise : what + "; nearest: " + String.join(", ", near);
  }

  private static String file(IOException failure) {
    String reason =
        failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
    return switch (failure) {
      case NoSuchFileException e -> e.getFile() + ": no such file or folder";
      case AccessDeniedException e -> e.getFile() + ": not permitted";
      case FileSystemException e when e.getReason() != null -> e.getFile() + ": " + e.getReason();
      default -> reason;
    };
  }

  private static String memory() {
    return "out of memory with a heap of %s; set a larger one with DIOPTER_HEAP, for example twice that, or ask for fewer values"
        .formatted(Numbers.bytes(Runtime.getRuntime().maxMemory()));
  }

  private static String text(Throwable failure) {
    return failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
  }

  private static String oneLine(String message) {
    return Text.harmless(message.replace("\r\n", " ").replace('\n', ' ').replace('\t', ' '));
  }
}
