package dev.diopter.lens.attention;

import dev.diopter.models.Tokenizer;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** A description from counts alone: no service, the same words for the same numbers. */
final class LocalDescription {
  /** How much more than its even share a class must get to be named. */
  private static final double NOTABLE = 1.5;

  private static final double LEAST_SHARE = 0.05;
  private static final int MOST_KINDS = 3;
  private static final int MOST_TOKENS = 5;

  private LocalDescription() {}

  static String of(HeadId head, Habits habits, AttentionResult totals, Tokenizer tokenizer) {
    TokenFilter filter = totals.query().filter();
    if (totals.samples() == 0) {
      return "%s: the texts give no row%s to look at; the shortest query is token %d."
          .formatted(
              head,
              filter == null ? "" : " " + filter.rows(),
              totals.query().sampling().minLength() + 1);
    }
    List<String> sentences = new ArrayList<>();
    sentences.add(
        "%s%s puts %s %% of its attention on sinks (%s)."
            .formatted(
                filter == null ? "" : "On rows %s, ".formatted(filter.rows()),
                head,
                percent(habits.sinkShare()),
                sinks(totals.query().sinks())));
    List<Habits.Kind> kinds =
        Arrays.stream(Habits.Kind.values())
            .filter(k -> habits.share(k) >= LEAST_SHARE)
            .filter(k -> habits.share(k) >= NOTABLE * habits.evenShare(k))
            .sorted(
                Comparator.comparingDouble(
                    (Habits.Kind k) -> habits.evenShare(k) - habits.share(k)))
            .limit(MOST_KINDS)
            .toList();
    if (kinds.isEmpty()) {
      sentences.add(
          "What is left is spread without a preference for any of the kinds of keys that are counted.");
    } else {
      List<String> parts = new ArrayList<>();
      for (Habits.Kind kind : kinds) {
        parts.add(
            "%s %% goes to %s (evenly spread: %s %%)"
                .formatted(
                    percent(habits.share(kind)), kind.words(), percent(habits.evenShare(kind))));
      }
      sentences.add("Of the rest, " + String.join("; ", parts) + ".");
    }
    sentences.add(
        "Its keys there lie %s tokens back on average.".formatted(decimal(habits.meanDistance())));
    if (!totals.topKeys().isEmpty()) {
      List<String> tokens = new ArrayList<>();
      for (AttentionResult.KeyToken key :
          totals.topKeys().subList(0, Math.min(MOST_TOKENS, totals.topKeys().size()))) {
        tokens.add(
            "%s (%s times the usual, in %d %s)"
                .formatted(
                    Evidence.quoted(tokenizer.label(key.id())),
                    decimal(key.meanMultiple()),
                    key.texts(),
                    key.texts() == 1 ? "text" : "texts"));
      }
      sentences.add(
          "Key tokens furthest above their usual share: " + String.join(", ", tokens) + ".");
    }
    return String.join(" ", sentences);
  }

  private static String sinks(SinkSet sinks) {
    return switch (sinks) {
      case FIRST -> "the first token";
      case BOS -> "BOS";
      case SPECIAL -> "special tokens";
      case NONE -> "none are set";
    };
  }

  private static String percent(double share) {
    return new BigDecimal(100 * share).setScale(0, RoundingMode.HALF_EVEN).toPlainString();
  }

  private static String decimal(double value) {
    return new BigDecimal(value).setScale(1, RoundingMode.HALF_EVEN).toPlainString();
  }
}
