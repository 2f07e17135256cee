package dev.diopter.cli;

import java.text.MessageFormat;
import java.util.Locale;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/**
 * What the library logs, as one line each on standard error: warnings always, the rest with {@code
 * --verbose}. The JDK's own logger would print two lines and take longer to start than the message
 * is worth.
 */
public final class StandardErrorLog extends System.LoggerFinder {
  private static volatile System.Logger.Level least = System.Logger.Level.WARNING;

  /** For the service loader. */
  public StandardErrorLog() {}

  /** Shows what is at least as important as this. */
  static void setLeast(System.Logger.Level level) {
    least = level;
  }

  @Override
  public System.Logger getLogger(String name, Module module) {
    return new Line(name);
  }

  private record Line(String name) implements System.Logger {
    @Override
    public String getName() {
      return name;
    }

    @Override
    public boolean isLoggable(Level level) {
      return level != Level.OFF && level.getSeverity() >= least.getSeverity();
    }

    @Override
    public void log(
        Level level,
        @Nullable ResourceBundle bundle,
        @Nullable String message,
        @Nullable Throwable thrown) {
      print(level, thrown == null ? String.valueOf(message) : message + ": " + thrown);
    }

    @Override
    public void log(
        Level level,
        @Nullable ResourceBundle bundle,
        @Nullable String format,
        @Nullable Object @Nullable ... values) {
      boolean plain = values == null || values.length == 0 || format == null;
      print(
          level,
          plain ? String.valueOf(format) : new MessageFormat(format, Locale.ROOT).format(values));
    }

    private void print(Level level, String message) {
      if (isLoggable(level)) {
        System.err.println(
            Text.harmless(
                "diopter: "
                    + level.name().toLowerCase(Locale.ROOT)
                    + ": "
                    + message.replace('\n', ' ')));
      }
    }
  }
}
