package dev.diopter.models;

import dev.diopter.formats.EditDistance;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Which of the known names a mistyped one may have meant. */
final class NearestNames {
  private NearestNames() {}

  /**
   * At most three of the names, nearest first, none of them farther than a third of the name's
   * length.
   */
  static List<String> of(String name, List<String> known) {
    String wanted = name.toLowerCase(Locale.ROOT);
    record Near(String name, int distance) {}
    return known.stream()
        .map(k -> new Near(k, distance(wanted, k.toLowerCase(Locale.ROOT))))
        .filter(n -> n.distance() <= Math.max(2, wanted.length() / 3))
        .sorted(Comparator.comparingInt(Near::distance).thenComparing(Near::name))
        .limit(3)
        .map(Near::name)
        .toList();
  }

  /** A name that is a part of the other one counts as near. */
  private static int distance(String a, String b) {
    return !a.isEmpty() && b.contains(a) ? 1 : EditDistance.between(a, b);
  }
}
