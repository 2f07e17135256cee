package dev.diopter.lens.attention;

import dev.diopter.formats.FormatException;

/**
 * A language model's endpoint that cannot be used: one line that says what was expected, what came,
 * and what to do. Never with the key in it.
 */
public final class EndpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  public EndpointException(String message) {
    super(clean(message));
  }

  /** With the whole sentence for the user and what caused it. */
  public EndpointException(String message, Throwable cause) {
    super(clean(message), cause);
  }

  /** One line, as messages about files are. */
  private static String clean(String message) {
    return String.valueOf(new FormatException(message).getMessage());
  }
}
