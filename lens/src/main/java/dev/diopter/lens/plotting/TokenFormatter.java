package dev.diopter.lens.plotting;

import org.jspecify.annotations.Nullable;

/**
 * Makes a token short and visible: cut first, then the vocabulary's signs for blank and line end
 * replaced. Lengths count code points.
 *
 * @param ellipsis stands for what was cut
 * @param newlineReplacement shown for a line end
 * @param newlineToken how the vocabulary writes a line end
 * @param whitespaceToken how the vocabulary writes a blank
 * @param whitespaceReplacement shown for a blank
 * @param maxStringLen most code points before replacements; null for any number
 */
public record TokenFormatter(
    String ellipsis,
    String newlineReplacement,
    String newlineToken,
    String whitespaceToken,
    String whitespaceReplacement,
    @Nullable Integer maxStringLen) {

  /** Seven characters, {@code _} for a blank. */
  public static final TokenFormatter DEFAULT =
      new TokenFormatter("\u2026", "\\n", "\u010A", "\u0120", "_", 7);

  /** Shown for what is no token. */
  private static final String UNKNOWN = "<unk>";

  public TokenFormatter {
    if (maxStringLen != null && maxStringLen < 1) {
      throw new IllegalArgumentException(
          "expected a length of at least 1, or none, got " + maxStringLen);
    }
  }

  /** With another length; null for any. */
  public TokenFormatter maxStringLen(@Nullable Integer length) {
    return new TokenFormatter(
        ellipsis, newlineReplacement, newlineToken, whitespaceToken, whitespaceReplacement, length);
  }

  /** The token for people; null gives {@code <unk>}. */
  public String format(@Nullable String token) {
    if (token == null) {
      return UNKNOWN;
    }
    String cut = token;
    if (maxStringLen != null && length(token) > maxStringLen) {
      int kept = Math.max(0, maxStringLen - length(ellipsis));
      cut = token.substring(0, token.offsetByCodePoints(0, kept)) + ellipsis;
    }
    return cut.replace(newlineToken, newlineReplacement)
        .replace(whitespaceToken, whitespaceReplacement);
  }

  /** A text cut to the greatest length, or filled up to it with blanks on the right. */
  public String pad(String text) {
    if (maxStringLen == null) {
      return text;
    }
    int length = length(text);
    return length > maxStringLen
        ? text.substring(0, text.offsetByCodePoints(0, maxStringLen))
        : text + " ".repeat(maxStringLen - length);
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
