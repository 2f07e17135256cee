package dev.diopter.lens.patching;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * The metric of every cell.
 *
 * @param name what was patched
 * @param axes names of the axes, outermost first
 * @param shape their sizes
 * @param values row-major; the caller's to keep
 */
public record Sweep(String name, List<String> axes, int[] shape, double[] values) {

  public Sweep {
    axes = List.copyOf(axes);
    long size = 1;
    for (int n : shape) {
      size *= n;
    }
    if (size != values.length || axes.size() != shape.length) {
      throw new IllegalArgumentException(
          "expected %d values for axes %s of sizes %s, got %d"
              .formatted(size, axes, Arrays.toString(shape), values.length));
    }
  }

  /** The metric of a cell. */
  public double at(int... index) {
    return values[offset(shape, index)];
  }

  /** Place of a cell in an array of this shape. */
  static int offset(int[] shape, int... index) {
    if (index.length != shape.length) {
      throw new IndexOutOfBoundsException(
          "expected %d indices, got %d".formatted(shape.length, index.length));
    }
    int at = 0;
    for (int i = 0; i < index.length; i++) {
      at = at * shape[i] + Objects.checkIndex(index[i], shape[i]);
    }
    return at;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Sweep s
        && name.equals(s.name)
        && axes.equals(s.axes)
        && Arrays.equals(shape, s.shape)
        && Arrays.equals(values, s.values);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values) * 31 + name.hashCode();
  }

  @Override
  public String toString() {
    return name + " " + axes + " " + Arrays.toString(shape);
  }
}
