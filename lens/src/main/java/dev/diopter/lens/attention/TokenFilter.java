package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import dev.diopter.models.Tokenizer;
import java.util.BitSet;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Which entries are wanted, by the token of their key or of their query. Tokens are compared as
 * they are shown: a blank in front counts, but for {@link Match#TRIMMED}.
 *
 * @param side whose token
 * @param match how
 * @param value an id, a text or a regular expression
 */
public record TokenFilter(Side side, Match match, String value) {

  /** Whose token is looked at. */
  public enum Side {
    KEY,
    QUERY
  }

  /** How a token is compared. */
  public enum Match {
    /** The id. */
    ID,
    /** The exact text. */
    EXACT,
    /** The text without blanks around it, on both sides of the comparison. */
    TRIMMED,
    /** A regular expression that is found in the text. */
    REGEX;

    /** The name in commands. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public TokenFilter {
    if (match == Match.REGEX) {
      try {
        Pattern.compile(value);
      } catch (PatternSyntaxException e) {
        throw new UsageException(
            "--token: expected a regular expression, got '%s': %s"
                .formatted(value, e.getDescription()));
      }
    }
    if (match == Match.ID && !value.strip().matches("\\d{1,9}")) {
      throw new UsageException("--token: expected a token id, got '%s'".formatted(value));
    }
  }

  /** Keys with exactly this text, as the original filters. */
  public static TokenFilter key(String token) {
    return new TokenFilter(Side.KEY, Match.EXACT, token);
  }

  /** Which rows it leaves, in words. */
  String rows() {
    String token =
        switch (match) {
          case ID -> "has the id " + value.strip();
          case EXACT -> "is " + Evidence.quoted(value);
          case TRIMMED ->
              "is %s but for blanks around it".formatted(Evidence.quoted(value.strip()));
          case REGEX -> "matches the regular expression " + Evidence.quoted(value);
        };
    return (side == Side.QUERY
            ? "whose query token %s"
            : "with a key above the usual whose token %s")
        .formatted(token);
  }

  /**
   * The ids that a tokenizer's tokens match.
   *
   * @throws UsageException where an id is asked for that it does not have
   */
  BitSet ids(Tokenizer tokenizer) {
    BitSet found = new BitSet();
    if (match == Match.ID) {
      int id = Integer.parseInt(value.strip());
      if (id >= tokenizer.size()) {
        throw new UsageException(
            "--token: expected a token id from 0 to %d, got %d"
                .formatted(tokenizer.size() - 1, id));
      }
      found.set(id);
      return found;
    }
    Pattern pattern = match == Match.REGEX ? Pattern.compile(value) : Pattern.compile("");
    for (int id = 0; id < tokenizer.size(); id++) {
      String label = tokenizer.label(id);
      boolean matches =
          switch (match) {
            case EXACT, ID -> label.equals(value);
            case TRIMMED -> label.strip().equals(value.strip());
            case REGEX -> pattern.matcher(label).find();
          };
      found.set(id, matches);
    }
    return found;
  }
}
