package dev.diopter.cli;

import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where a command reads and writes: results go to {@link #out()}, everything else to {@link
 * #err()}. Tests make one on byte arrays.
 *
 * <p>Both streams are UTF-8 whatever the locale says: JSON must be, and the C locale of bare
 * containers would turn every token that is not ASCII into a question mark.
 */
public final class Screen {
  /** Width of pages that do not go to a terminal. */
  static final int PAGE_WIDTH = 100;

  private static final int MIN_WIDTH = 60;

  private final InputStream in;
  private final Output out;
  private final PrintStream err;
  private final boolean outTerminal;
  private final boolean errTerminal;
  private final Map<String, String> environment;
  private int width;

  private Screen(
      InputStream in,
      Output out,
      PrintStream err,
      boolean outTerminal,
      boolean errTerminal,
      Map<String, String> environment) {
    this.in = in;
    this.out = out;
    this.err = err;
    this.outTerminal = outTerminal;
    this.errTerminal = errTerminal;
    this.environment = Map.copyOf(environment);
  }

  /** The process's own streams and environment. */
  public static Screen system() {
    return new Screen(
        new FileInputStream(FileDescriptor.in),
        new Output(new FileOutputStream(FileDescriptor.out)),
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8),
        isTerminal(1),
        Boolean.getBoolean("diopter.terminal") || isTerminal(2),
        System.getenv());
  }

  /** Streams that are no terminals. */
  public static Screen of(InputStream in, java.io.OutputStream out, java.io.OutputStream err) {
    return of(in, out, err, false, Map.of());
  }

  /** Streams that are terminals or are not, with an environment. */
  static Screen of(
      InputStream in,
      java.io.OutputStream out,
      java.io.OutputStream err,
      boolean terminal,
      Map<String, String> environment) {
    return new Screen(
        in,
        new Output(out),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        terminal,
        terminal,
        environment);
  }

  /** Standard input. */
  public InputStream in() {
    return in;
  }

  /** Standard output: results. */
  public PrintStream out() {
    return out.printer;
  }

  /** Standard error: notes, progress, errors. */
  public PrintStream err() {
    return err;
  }

  /** Whether standard output is a terminal. */
  public boolean outTerminal() {
    return outTerminal;
  }

  /** Whether standard error is a terminal. */
  public boolean errTerminal() {
    return errTerminal;
  }

  /**
   * Whether results may be coloured: on a terminal that is not a dumb one, unless NO_COLOR is set
   * to anything.
   */
  public boolean colour() {
    return outTerminal
        && environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !environment.getOrDefault("TERM", "").equals("dumb");
  }

  /** A variable of the environment; null where it is not set or empty. */
  @Nullable String variable(String name) {
    String value = environment.get(name);
    return value == null || value.isEmpty() ? null : value;
  }

  /** Columns for results: the terminal's, or {@value #PAGE_WIDTH} where there is none. */
  public int width() {
    if (width == 0) {
      width = Math.max(MIN_WIDTH, measuredWidth());
    }
    return width;
  }

  private int measuredWidth() {
    int columns = positive(environment.getOrDefault("COLUMNS", ""));
    if (columns == 0) {
      // The launcher asks the terminal: the JDK cannot.
      columns = Integer.getInteger("diopter.columns", 0);
    }
    return outTerminal && columns > 0 ? columns : PAGE_WIDTH;
  }

  private static int positive(String text) {
    try {
      return Math.max(0, Integer.parseInt(text.strip()));
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /**
   * Flushes standard output.
   *
   * @throws OutputLostException where not everything could be written
   */
  void finish() {
    out.printer.flush();
    err.flush();
    IOException failure = out.failure();
    if (failure != null) {
      throw new OutputLostException(failure);
    }
  }

  /**
   * The JDK's own test needs standard input to be a terminal too, so {@code /proc} is asked first.
   */
  private static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
    }
  }
}
