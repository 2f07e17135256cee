package dev.diopter.engine;

import java.util.stream.IntStream;

/**
 * Which rows of a matrix belong to which sequence of a batch, and at which positions. Rows of one
 * sequence are consecutive; the sequences may lie in any order, without gaps.
 *
 * @param firstRow first row of each sequence
 * @param positions absolute positions of each sequence's rows, ascending
 * @param keys noise key of each sequence
 */
record RowMap(int[] firstRow, int[][] positions, long[] keys) {

  int sequences() {
    return firstRow.length;
  }

  /** Sequences that have rows. */
  int[] present() {
    return IntStream.range(0, sequences()).filter(s -> positions[s].length > 0).toArray();
  }

  int rows() {
    int sum = 0;
    for (int[] p : positions) {
      sum += p.length;
    }
    return sum;
  }

  /** All positions, row by row. */
  int[] flat() {
    int[] out = new int[rows()];
    for (int s = 0; s < positions.length; s++) {
      if (positions[s].length > 0) {
        System.arraycopy(positions[s], 0, out, firstRow[s], positions[s].length);
      }
    }
    return out;
  }

  /** Consecutive rows for each sequence's positions. */
  static RowMap of(int[][] positions, long[] keys) {
    int[] first = new int[positions.length];
    int at = 0;
    for (int i = 0; i < positions.length; i++) {
      first[i] = at;
      at += positions[i].length;
    }
    return new RowMap(first, positions, keys);
  }
}
