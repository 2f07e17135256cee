package dev.diopter.kernels;

/**
 * A backend that this machine cannot run, or that cannot go on: no driver, no memory, a lost
 * device. The message says what is missing and what to do.
 */
public final class BackendException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /** What happened and what to do. */
  public BackendException(String message) {
    super(message);
  }

  /** What happened and what to do, and what it came from. */
  public BackendException(String message, Throwable cause) {
    super(message, cause);
  }
}
