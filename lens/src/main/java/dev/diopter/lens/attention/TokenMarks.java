package dev.diopter.lens.attention;

/** Tokens on pages: what cannot be seen gets a mark. */
final class TokenMarks {
  private TokenMarks() {}

  /** The label with an open box for each blank, an arrow for each line end or tab. */
  static String of(String label) {
    return label
        .replace(" ", "\u2423")
        .replace("\r", "\u240d")
        .replace("\n", "\u23ce")
        .replace("\t", "\u21e5");
  }
}
