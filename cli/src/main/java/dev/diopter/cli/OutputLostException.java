package dev.diopter.cli;

import java.io.IOException;
import java.util.Objects;

/** Standard output could not take everything. */
final class OutputLostException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OutputLostException(IOException cause) {
    super(
        "standard output: " + Objects.requireNonNullElse(cause.getMessage(), "cannot be written"),
        cause);
  }

  /** True where the reader went away, as {@code head} does: nothing to complain about. */
  boolean readerLeft() {
    String message = getMessage();
    return message != null
        && (message.contains("Broken pipe") || message.contains("Stream closed"));
  }
}
