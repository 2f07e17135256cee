package dev.diopter.lens.causal;

import dev.diopter.engine.UsageException;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * A permutation that leaves nothing in its place. Immutable.
 *
 * @param order element i of the result is element {@code order[i]} of the given ones
 */
public record Derangement(int[] order) {

  public Derangement {
    order = order.clone();
    boolean[] seen = new boolean[order.length];
    for (int i = 0; i < order.length; i++) {
      if (order[i] < 0 || order[i] >= order.length || seen[order[i]] || order[i] == i) {
        throw new IllegalArgumentException(
            "expected a permutation without fixed points, got " + Arrays.toString(order));
      }
      seen[order[i]] = true;
    }
  }

  /**
   * One of them, each with the same probability: shuffles until nothing is in its place, about
   * three times.
   *
   * @throws UsageException for fewer than two, of which there is none
   */
  public static Derangement sample(int count, long seed) {
    if (count < 2) {
      throw new UsageException("derangement: expected at least 2 things, got " + count);
    }
    SplittableRandom random = new SplittableRandom(seed);
    int[] order = new int[count];
    do {
      shuffle(order, random);
    } while (hasFixedPoint(order));
    return new Derangement(order);
  }

  private static void shuffle(int[] order, SplittableRandom random) {
    for (int i = 0; i < order.length; i++) {
      int at = random.nextInt(i + 1);
      order[i] = order[at];
      order[at] = i;
    }
  }

  private static boolean hasFixedPoint(int[] order) {
    for (int i = 0; i < order.length; i++) {
      if (order[i] == i) {
        return true;
      }
    }
    return false;
  }

  /** Rows in this order, [n, width], a new array. */
  public float[] apply(float[] rows, int width) {
    if (rows.length != (long) order.length * width) {
      throw new IllegalArgumentException(
          "expected %d rows of %d numbers, got %d numbers"
              .formatted(order.length, width, rows.length));
    }
    float[] out = new float[rows.length];
    for (int i = 0; i < order.length; i++) {
      System.arraycopy(rows, order[i] * width, out, i * width, width);
    }
    return out;
  }

  @Override
  public int[] order() {
    return order.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Derangement d && Arrays.equals(order, d.order);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(order);
  }
}
