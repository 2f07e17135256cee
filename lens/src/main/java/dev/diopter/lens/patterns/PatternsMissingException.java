package dev.diopter.lens.patterns;

/** Nothing is stored for this prompt, or not all of it. */
public final class PatternsMissingException extends PatternsException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  PatternsMissingException(String message) {
    super(message);
  }
}
