package dev.diopter.engine;

/**
 * The positions that a pass and what follows it compute of one sequence. Step 0 computes {@code
 * first..end - 1}; step t computes {@code end + t - 1}.
 *
 * @param first first position of the pass; what lies in front of it is cached
 * @param end length of the prompt, cached positions included
 * @param newTokens passes over new tokens that may follow, one step each; 0 for a plain run
 */
record PromptSpan(int first, int end, int newTokens) {

  PromptSpan {
    if (first < 0 || end < first || newTokens < 0) {
      throw new IllegalArgumentException(
          "expected 0 <= first <= end and newTokens >= 0, got %d, %d, %d"
              .formatted(first, end, newTokens));
    }
  }

  /** The step that computes a position. */
  int stepOf(int position) {
    return position < end ? 0 : position - end + 1;
  }

  /** First position of a step. */
  int firstOf(int step) {
    return step == 0 ? first : end + step - 1;
  }

  /** Number of positions of a step. */
  int countOf(int step) {
    return step == 0 ? end - first : step <= newTokens ? 1 : 0;
  }

  /** Number of positions that some steps compute. */
  int countOf(Steps steps) {
    if (steps.isAll()) {
      return end - first + newTokens;
    }
    int count = 0;
    for (int step : steps.toArray()) {
      count += countOf(step);
    }
    return count;
  }

  /** Whether some steps compute positions behind the prompt. */
  boolean grows(Steps steps) {
    return countOf(steps) > (steps.contains(0) ? countOf(0) : 0);
  }

  /** Last position that some steps compute; -1 where they compute none. */
  int lastOf(Steps steps) {
    int last = -1;
    for (int step : steps.isAll() ? new int[] {0, newTokens} : steps.toArray()) {
      if (countOf(step) > 0) {
        last = firstOf(step) + countOf(step) - 1;
      }
    }
    return last;
  }
}
