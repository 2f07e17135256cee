package dev.diopter.lens.trajectory;

import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A number for each layer and position. q is the lens's distribution, p the model's, q' that of
 * another trajectory; logarithms are natural. The last row is the model's own output, unless it
 * says otherwise.
 */
public enum LensStatistic {
  /** {@code -sum q log q}. */
  ENTROPY("Entropy", "nats", Needs.NOTHING, null, null),
  /** {@code -log q(target)}. */
  CROSS_ENTROPY("Cross Entropy", "nats", Needs.TARGETS, null, null),
  /** One more than the number of tokens that are strictly more probable than the target. */
  RANK("Rank", "", Needs.TARGETS, 1.0, null),
  /** {@code sum p (log p - log q)}. */
  FORWARD_KL("Forward KL", "nats", Needs.NOTHING, null, null),
  /** {@code sum q (log q - log p)}. */
  REVERSE_KL("Reverse KL", "nats", Needs.NOTHING, null, null),
  /** The largest q. */
  MAX_PROBABILITY("Max Probability", "probs", Needs.NOTHING, null, null),
  /** Share of the model's k most probable tokens that are among the lens's k. */
  TOP_K_OVERLAP("Top-k Overlap", "share", Needs.NOTHING, 0.0, 1.0),
  /** {@code log q(target) - log q(anti-target)}. */
  LOG_PROB_DIFF("Log Prob Difference", "nats", Needs.ANTI_TARGETS, null, null),
  /** Row l + 1 minus row l of the former: the effect of layer l. Has no row for the output. */
  LOG_PROB_DIFF_DELTA("\u0394 Log Prob Difference", "nats", Needs.ANTI_TARGETS, null, null),
  /** {@code sum q (log q - log q')}. */
  KL_DIVERGENCE("KL(Self | Other)", "nats", Needs.OTHER, 0.0, null),
  /**
   * Jensen-Shannon: half the Kullback-Leibler divergences of q and q' to their mean. At most log 2.
   */
  JS_DIVERGENCE("JS(Self | Other)", "nats", Needs.OTHER, 0.0, null),
  /** Half of {@code KL(q | q') + KL(q' | q)}, which the Python package calls JS. */
  JEFFREYS("Jeffreys(Self | Other)", "nats", Needs.OTHER, 0.0, null),
  /** {@code 1/2 sum |q - q'|}. */
  TOTAL_VARIATION("TV(Self | Other)", "probs", Needs.OTHER, 0.0, 1.0),
  /** The largest {@code |q - q'|}, which the Python package calls TV. */
  MAX_DIFFERENCE("Max Difference(Self | Other)", "probs", Needs.OTHER, 0.0, 1.0);

  /** What must be given for it. */
  public enum Needs {
    NOTHING,
    TARGETS,
    ANTI_TARGETS,
    OTHER
  }

  private final String title;
  private final String units;
  private final Needs needs;
  private final @Nullable Double min;
  private final @Nullable Double max;

  LensStatistic(
      String title, String units, Needs needs, @Nullable Double min, @Nullable Double max) {
    this.title = title;
    this.units = units;
    this.needs = needs;
    this.min = min;
    this.max = max;
  }

  /** Its name on the command line and in files: {@code forward_kl}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Its name in pictures: {@code Forward KL}. */
  public String title() {
    return title;
  }

  /** Its unit in pictures; may be empty. */
  public String units() {
    return units;
  }

  /** What must be given for it. */
  public Needs needs() {
    return needs;
  }

  /** Where its colours start; null for its smallest value. */
  public @Nullable Double min() {
    return min;
  }

  /** Where its colours end; null for its largest value (for ranks: the size of the vocabulary). */
  public @Nullable Double max() {
    return max;
  }

  /** Whether its last row is the model's own output. */
  public boolean includesOutput() {
    return this != LOG_PROB_DIFF_DELTA;
  }

  /**
   * The statistic of that name.
   *
   * @throws UsageException if there is none
   */
  public static LensStatistic of(String label) {
    for (LensStatistic statistic : values()) {
      if (statistic.label().equals(label)) {
        return statistic;
      }
    }
    List<String> known = Arrays.stream(values()).map(LensStatistic::label).toList();
    throw new UsageException(
        "statistic: expected some of %s, got '%s'".formatted(String.join(", ", known), label));
  }
}
