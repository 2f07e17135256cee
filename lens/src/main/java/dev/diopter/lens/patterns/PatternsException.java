package dev.diopter.lens.patterns;

import dev.diopter.formats.FormatException;

/** Stored patterns that cannot be had; the subclasses say why. */
public sealed class PatternsException extends FormatException
    permits InvalidPromptException, PatternsMismatchException, PatternsMissingException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  PatternsException(String message) {
    super(message);
  }
}
