package dev.diopter.lens.patchscope;

import dev.diopter.engine.RunResult;
import java.util.Arrays;

/** Rows of logits of a run. */
final class Rows {
  private Rows() {}

  /** The row of an absolute position, a copy. */
  static float[] row(RunResult run, int position) {
    int[] positions = run.logitPositions();
    int vocabulary = run.logits().length / positions.length;
    int at = Arrays.binarySearch(positions, position);
    return Arrays.copyOfRange(run.logits(), at * vocabulary, (at + 1) * vocabulary);
  }
}
