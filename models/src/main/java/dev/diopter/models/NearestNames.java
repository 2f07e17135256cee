package dev.diopter.models;

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

  /**
   * Fewest insertions, deletions and replacements; a name that is a part of the other one counts as
   * near.
   */
  private static int distance(String a, String b) {
    if (!a.isEmpty() && b.contains(a)) {
      return 1;
    }
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
