package dev.diopter.engine;

import java.util.Arrays;
import java.util.List;

/**
 * A value read at a hook point: its own copy, row-major float32. For one prompt, without a batch
 * axis.
 *
 * @param name the canonical hook name
 * @param axes what each axis counts
 * @param shape sizes, outermost first
 * @param values the numbers; the caller's to keep and change
 */
public record Activation(String name, List<Axis> axes, int[] shape, float[] values) {

  public Activation {
    long size = 1;
    for (int n : shape) {
      size *= n;
    }
    if (size != values.length || axes.size() != shape.length) {
      throw new IllegalArgumentException(
          "expected %s values for %s, got %d"
              .formatted(size, Arrays.toString(shape), values.length));
    }
  }

  /** The value at these indices, one for each axis; negative indices count from the end. */
  public float get(int... index) {
    if (index.length != shape.length) {
      throw new IndexOutOfBoundsException(
          "%s has %d axes %s, got %d indices".formatted(name, shape.length, axes, index.length));
    }
    int at = 0;
    for (int i = 0; i < index.length; i++) {
      int j = index[i] < 0 ? index[i] + shape[i] : index[i];
      at = at * shape[i] + java.util.Objects.checkIndex(j, shape[i]);
    }
    return values[at];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Activation a
        && name.equals(a.name)
        && axes.equals(a.axes)
        && Arrays.equals(shape, a.shape)
        && Arrays.equals(values, a.values);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values) * 31 + name.hashCode();
  }

  @Override
  public String toString() {
    return name + " " + Arrays.toString(shape);
  }
}
