package dev.diopter.lens.attention;

import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What an attention weight is compared with. {@code p[q,k]} is the attention of query q on key k,
 * both from 0; row q has q + 1 keys. A cell counts as an entry where its multiple is above 1.
 */
public enum ScoreMode {
  /** Times what an even spread over the row would give. */
  RAW("m(q,k) = p[q,k] * (q+1)", "counted where m > 1, in float32"),

  /** The same for what is left of the row when the sinks are taken out. */
  NO_SINK(
      "m(q,k) = n(q) * p[q,k] / (sum of p[q,j] over the n(q) keys j that are no sinks); 0 for sinks",
      "counted where m > 1 + 1e-6"),

  /** How much more than usual this key gets from this query. */
  COLUMN(
      "m(q,k) = p[q,k] / (mean of p[r,k] over the queries r >= k of the text)",
      "counted where m > 1 + 1e-6 and p[q,k] * (q+1) > 1 + 1e-6"),

  /**
   * What attention-data computes when it suppresses the first token: means over queries that
   * include padding and queries that cannot see the key. Kept to reproduce its tables; it measures
   * position more than the head.
   */
  COMPAT(
      "m(q,k) = p[q,k] / (sum of p[r,k] over r = 1..S-1, padding included, / (S-1)), m(q,0) = 0; S ="
          + " longest text of the corpus, cut to the maximum",
      "counted where m > 1, in float32");

  private final String formula;
  private final String rule;

  ScoreMode(String formula, String rule) {
    this.formula = formula;
    this.rule = rule;
  }

  /** The formula and the rule for what counts, in one line of ASCII. */
  public String formula() {
    return formula + "; " + rule;
  }

  /** The name in commands and files: {@code no-sink}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Names of all modes. */
  public static List<String> labels() {
    return Arrays.stream(values()).map(ScoreMode::label).toList();
  }

  /**
   * The mode of a name.
   *
   * @throws UsageException where there is none
   */
  public static ScoreMode of(String label) {
    for (ScoreMode mode : values()) {
      if (mode.label().equals(label)) {
        return mode;
      }
    }
    throw new UsageException(
        "--mode: expected one of %s, got '%s'".formatted(String.join(", ", labels()), label));
  }
}
