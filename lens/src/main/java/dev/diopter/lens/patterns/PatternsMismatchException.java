package dev.diopter.lens.patterns;

/** Something else is stored under this prompt's hash. */
public final class PatternsMismatchException extends PatternsException {
  private static final long serialVersionUID = 1L;

  /** With the whole sentence for the user. */
  PatternsMismatchException(String message) {
    super(message);
  }
}
