package dev.diopter.engine;

/**
 * What was asked cannot be: an unknown hook, a selector out of range, a shape that does not fit.
 * Thrown before anything is computed; the message is one line for the user. The command line turns
 * it into exit code 2.
 */
public final class UsageException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  public UsageException(String message) {
    super(message);
  }
}
