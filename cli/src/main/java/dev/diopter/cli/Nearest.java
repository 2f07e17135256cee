package dev.diopter.cli;

import dev.diopter.formats.EditDistance;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Which of the known words a mistyped one may have meant. */
final class Nearest {
  private static final int MOST = 3;

  private Nearest() {}

  /** At most three words, nearest first; none where nothing comes near. */
  static List<String> of(String word, Collection<String> known) {
    int letters = word.replace("-", "").length();
    int limit = letters < 3 ? 0 : Math.max(1, letters / 3);
    return known.stream()
        .filter(candidate -> EditDistance.between(word, candidate) <= limit)
        .sorted(
            Comparator.comparingInt((String candidate) -> EditDistance.between(word, candidate)))
        .limit(MOST)
        .toList();
  }
}
