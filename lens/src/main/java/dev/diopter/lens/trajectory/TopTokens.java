package dev.diopter.lens.trajectory;

import java.util.Arrays;

/**
 * Some tokens for each layer and position, the first first.
 *
 * @param ids [row][position][k]
 * @param values what belongs to each, [row][position][k]: its probability, or by how much that
 *     differs
 */
public record TopTokens(int[][][] ids, float[][][] values) {

  static TopTokens empty(int rows, int positions) {
    return new TopTokens(new int[rows][positions][], new float[rows][positions][]);
  }

  TopTokens slice(int from, int to) {
    TopTokens part = empty(ids.length, to - from);
    for (int row = 0; row < ids.length; row++) {
      part.ids[row] = Arrays.copyOfRange(ids[row], from, to);
      part.values[row] = Arrays.copyOfRange(values[row], from, to);
    }
    return part;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TopTokens t
        && Arrays.deepEquals(ids, t.ids)
        && Arrays.deepEquals(values, t.values);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.deepHashCode(ids) + Arrays.deepHashCode(values);
  }
}
