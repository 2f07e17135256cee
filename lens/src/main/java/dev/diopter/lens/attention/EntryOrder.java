package dev.diopter.lens.attention;

import java.util.Comparator;
import java.util.Locale;

/**
 * How entries are ranked. Ties of both orders fall to the earlier text, window, query and key, in
 * this order.
 */
public enum EntryOrder {
  /** By the multiple in full precision; the lowest first where reversed. */
  EXACT,
  /**
   * As the original: by the multiple rounded to one decimal. Reversed, the last of the ranking,
   * still in its order.
   */
  ROUNDED;

  /** The order of a mode: the original's for the original's two modes. */
  public static EntryOrder of(ScoreMode mode) {
    return switch (mode) {
      case RAW, COMPAT -> ROUNDED;
      case NO_SINK, COLUMN -> EXACT;
    };
  }

  /** The name in commands and files. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  private static final Comparator<Entry> PLACE =
      Comparator.comparingInt(Entry::text)
          .thenComparingInt(Entry::start)
          .thenComparingInt(Entry::query)
          .thenComparingInt(Entry::key);

  /** By text, window, query and key. */
  static Comparator<Entry> place() {
    return PLACE;
  }

  /** What is wanted first comes first. */
  Comparator<Entry> wanted(boolean reverse) {
    return switch (this) {
      case EXACT -> {
        Comparator<Entry> byMultiple = Comparator.comparingDouble(Entry::multiple);
        yield (reverse ? byMultiple : byMultiple.reversed()).thenComparing(PLACE);
      }
      case ROUNDED -> reverse ? shown(true).reversed() : shown(false);
    };
  }

  /** The order in which what was wanted is listed. */
  Comparator<Entry> shown(boolean reverse) {
    return switch (this) {
      case EXACT -> wanted(reverse);
      case ROUNDED -> {
        Comparator<Entry> byMultiple =
            Comparator.comparingDouble(e -> Multiples.rounded(e.multiple()));
        yield byMultiple.reversed().thenComparing(PLACE);
      }
    };
  }
}
