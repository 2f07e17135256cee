package dev.diopter.lens.trajectory;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.tuned.LensSite;

/**
 * Logits, or log-probabilities, that somebody has already.
 *
 * @param ids the tokens
 * @param vocabulary number of logits of a position
 * @param given [row][position * vocabulary]
 */
record GivenLogits(int[] ids, int vocabulary, float[][] given) implements LogitRows {

  GivenLogits {
    for (float[] row : given) {
      if (ids.length == 0 || vocabulary < 1 || row.length != (long) ids.length * vocabulary) {
        throw new UsageException(
            "expected rows of %d x %d logits, got one of %d"
                .formatted(ids.length, vocabulary, row.length));
      }
    }
    if (given.length == 0) {
      throw new UsageException("expected at least the row of the output, got none");
    }
  }

  @Override
  public String kind() {
    return "given";
  }

  @Override
  public LensSite site() {
    return LensSite.RESID_PRE;
  }

  @Override
  public int rows() {
    return given.length;
  }

  @Override
  public void logits(int row, int from, int to, float[] into) {
    System.arraycopy(given[row], from * vocabulary, into, 0, (to - from) * vocabulary);
  }
}
