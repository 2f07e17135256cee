package dev.diopter.formats;

import java.io.IOException;

/**
 * A file from outside that is not what it should be: one line that says what was expected, what was
 * found, and what to do.
 */
public class FormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  public FormatException(String message) {
    super(OneLine.clean(message));
  }

  /** With the whole sentence for the user and what caused it. */
  public FormatException(String message, Throwable cause) {
    super(OneLine.clean(message), cause);
  }

  /** For a file that is there and cannot be read, with the reason. */
  public static FormatException unreadable(String source, IOException cause) {
    return new FormatException(source + ": cannot be read: " + OneLine.reason(cause), cause);
  }
}
