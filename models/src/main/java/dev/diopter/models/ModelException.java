package dev.diopter.models;

/**
 * A model that cannot be had: one line that says what was expected, what was found, and what to do.
 */
public class ModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  public ModelException(String message) {
    super(message);
  }

  /** With the whole sentence for the user and what caused it. */
  public ModelException(String message, Throwable cause) {
    super(message, cause);
  }
}
