package dev.diopter.engine;

/**
 * Which rows of a matrix belong to which sequence of a batch, and at which positions. Rows of one
 * sequence are consecutive.
 *
 * @param firstRow first row of each sequence
 * @param positions absolute positions of each sequence's rows, ascending
 * @param keys noise key of each sequence
 */
record RowMap(int[] firstRow, int[][] positions, long[] keys) {

  int sequences() {
    return firstRow.length;
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
    int at = 0;
    for (int[] p : positions) {
      System.arraycopy(p, 0, out, at, p.length);
      at += p.length;
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
