package dev.diopter.lens.attribution;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What components add to a logit.
 *
 * @param labels one for each component
 * @param positions the positions, from 0
 * @param values [component, position], row-major
 * @param bias what no component adds: the final norm's bias
 */
public record Attribution(List<String> labels, int[] positions, double[] values, double bias) {

  public Attribution {
    labels = List.copyOf(labels);
    positions = positions.clone();
    if ((long) labels.size() * positions.length != values.length) {
      throw new IllegalArgumentException(
          "expected %d components at %d positions, got %d values"
              .formatted(labels.size(), positions.length, values.length));
    }
  }

  /** The positions, a copy. */
  @Override
  public int[] positions() {
    return positions.clone();
  }

  /** What one component adds. */
  public double at(int component, int position) {
    return values[component * positions.length + position];
  }

  /**
   * What all of it adds at a position, bias included: where the components are everything, the
   * logit.
   */
  public double total(int position) {
    double sum = bias;
    for (int c = 0; c < labels.size(); c++) {
      sum += at(c, position);
    }
    return sum;
  }

  /**
   * The change between two runs by component; its total is the change of the logit.
   *
   * @param before the same components of another run
   */
  public Attribution since(Attribution before) {
    if (!labels.equals(before.labels) || positions.length != before.positions.length) {
      throw new dev.diopter.engine.UsageException(
          "expected the same components at as many positions, got %d at %d and %d at %d"
              .formatted(
                  labels.size(), positions.length, before.labels.size(), before.positions.length));
    }
    double[] change = new double[values.length];
    Arrays.setAll(change, i -> values[i] - before.values[i]);
    return new Attribution(labels, positions, change, bias - before.bias);
  }

  /** Components by the size of what they add at a position, largest first; at most k. */
  public List<Integer> top(int k, int position) {
    return IntStream.range(0, labels.size())
        .boxed()
        .sorted(Comparator.comparingDouble(c -> -Math.abs(at(c, position))))
        .limit(k)
        .toList();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Attribution a
        && labels.equals(a.labels)
        && Arrays.equals(positions, a.positions)
        && Arrays.equals(values, a.values)
        && bias == a.bias;
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return "%d components at positions %s".formatted(labels.size(), Arrays.toString(positions));
  }
}
