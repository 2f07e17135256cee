package dev.diopter.lens.attribution;

import java.util.Arrays;
import java.util.List;

/**
 * Labelled vectors of the residual stream at some positions.
 *
 * @param labels one for each component, as TransformerLens labels them
 * @param positions the positions, from 0
 * @param width size of a vector
 * @param values [component, position, width], row-major; the caller's to keep
 */
public record ResidualStack(List<String> labels, int[] positions, int width, float[] values) {

  public ResidualStack {
    labels = List.copyOf(labels);
    positions = positions.clone();
    if ((long) labels.size() * positions.length * width != values.length) {
      throw new IllegalArgumentException(
          "expected %d components of %d positions of %d numbers, got %d numbers"
              .formatted(labels.size(), positions.length, width, values.length));
    }
  }

  /** The positions, a copy. */
  @Override
  public int[] positions() {
    return positions.clone();
  }

  /** One vector, a copy. */
  public float[] vector(int component, int position) {
    int from = (component * positions.length + position) * width;
    return Arrays.copyOfRange(values, from, from + width);
  }

  /** One vector, a copy. */
  public float[] vector(String label, int position) {
    int component = labels.indexOf(label);
    if (component < 0) {
      throw new dev.diopter.engine.UsageException(
          "component: expected one of %s, got '%s'".formatted(labels, label));
    }
    return vector(component, position);
  }

  /** The sum of all components, [position, width]. */
  public double[] sum() {
    double[] sum = new double[positions.length * width];
    for (int i = 0; i < values.length; i++) {
      sum[i % sum.length] += values[i];
    }
    return sum;
  }

  /**
   * Each vector through a norm whose divisor is given: its own mean taken off where the norm does
   * that, then divided. Gain and bias are not applied; the components still add up.
   *
   * @param scale the divisor at each position
   */
  public ResidualStack normalized(float[] scale, boolean centred) {
    float[] out = new float[values.length];
    for (int from = 0; from < values.length; from += width) {
      double mean = 0;
      for (int i = 0; centred && i < width; i++) {
        mean += values[from + i];
      }
      mean /= width;
      double divisor = scale[from / width % positions.length];
      for (int i = 0; i < width; i++) {
        out[from + i] = (float) ((values[from + i] - mean) / divisor);
      }
    }
    return new ResidualStack(labels, positions, width, out);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ResidualStack s
        && labels.equals(s.labels)
        && Arrays.equals(positions, s.positions)
        && width == s.width
        && Arrays.equals(values, s.values);
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
