package dev.diopter.models;

import dev.diopter.formats.OneLine;

/**
 * A model that cannot be had: one line that says what was expected, what was found, and what to do.
 */
public class ModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  public ModelException(String message) {
    super(OneLine.clean(message));
  }

  /** With the whole sentence for the user and what caused it. */
  public ModelException(String message, Throwable cause) {
    super(OneLine.clean(message), cause);
  }
}
