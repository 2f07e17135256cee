package dev.diopter.engine;

import org.jspecify.annotations.Nullable;

/**
 * A selection with every number resolved against a model and the prompts of a pass: no negative
 * numbers, all in range, order as asked, no duplicates.
 *
 * @param positions absolute positions by sequence; null means all; an empty row means that the
 *     sequence is not selected
 * @param heads head numbers; null means all (or no head axis)
 * @param keys absolute key numbers by sequence; null means all
 * @param sequences whether each sequence is selected; null means all
 * @param steps steps of a generation
 */
record ResolvedSelection(
    int @Nullable [][] positions,
    int @Nullable [] heads,
    int @Nullable [][] keys,
    boolean @Nullable [] sequences,
    Steps steps) {

  boolean covers(int sequence, int step) {
    return coversSequence(sequence) && steps.contains(step);
  }

  boolean coversSequence(int sequence) {
    return sequences == null || sequences[sequence];
  }
}
