package dev.diopter.lens.plotting;

/** Texts of a fixed number of code points. */
public final class FixedWidth {
  private FixedWidth() {}

  /**
   * The last code points of a text, or all of them behind blanks.
   *
   * @param width how many, at least 0
   */
  public static String truncStringLeft(String text, int width) {
    if (width < 0) {
      throw new IllegalArgumentException("expected a width of at least 0, got " + width);
    }
    int length = text.codePointCount(0, text.length());
    return length <= width
        ? " ".repeat(width - length) + text
        : text.substring(text.offsetByCodePoints(0, length - width));
  }
}
