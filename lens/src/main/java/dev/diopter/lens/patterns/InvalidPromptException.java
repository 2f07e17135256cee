package dev.diopter.lens.patterns;

/** A prompt that cannot be stored: its text or its hash is missing or not usable. */
public final class InvalidPromptException extends PatternsException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  InvalidPromptException(String message) {
    super(message);
  }
}
