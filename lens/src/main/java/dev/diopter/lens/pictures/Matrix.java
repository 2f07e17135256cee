package dev.diopter.lens.pictures;

import java.util.Arrays;

/**
 * Rows of float32 numbers to be drawn. The array is not copied: it belongs to the matrix from then
 * on.
 *
 * @param rows number of rows, at least 1
 * @param columns number of columns, at least 1
 * @param values [rows, columns], row-major
 */
public record Matrix(int rows, int columns, float[] values) {

  public Matrix {
    if (rows < 1 || columns < 1 || (long) rows * columns != values.length) {
      throw new IllegalArgumentException(
          "expected a matrix of at least one cell, got %d rows, %d columns and %d values"
              .formatted(rows, columns, values.length));
    }
  }

  /** A matrix from its rows, which are copied. */
  public static Matrix of(float[][] rows) {
    if (rows.length == 0 || rows[0].length == 0) {
      throw new IllegalArgumentException("expected a matrix of at least one cell, got none");
    }
    float[] values = new float[rows.length * rows[0].length];
    for (int row = 0; row < rows.length; row++) {
      if (rows[row].length != rows[0].length) {
        throw new IllegalArgumentException(
            "expected rows of one length, got %d and %d"
                .formatted(rows[0].length, rows[row].length));
      }
      System.arraycopy(rows[row], 0, values, row * rows[0].length, rows[0].length);
    }
    return new Matrix(rows.length, rows[0].length, values);
  }

  /** The value of a cell. */
  public float at(int row, int column) {
    return values[row * columns + column];
  }

  /** The least value, or NaN where one is NaN. */
  public float min() {
    float min = values[0];
    for (float value : values) {
      // Math.min would also tell the zeros apart, at several times the cost.
      if (value < min) {
        min = value;
      } else if (Float.isNaN(value)) {
        return value;
      }
    }
    return min;
  }

  /** The largest value, or NaN where one is NaN. */
  public float max() {
    float max = values[0];
    for (float value : values) {
      if (value > max) {
        max = value;
      } else if (Float.isNaN(value)) {
        return value;
      }
    }
    return max;
  }

  /** Index in {@link #values} of the first value that is NaN or infinite; -1 where none is. */
  public int firstNotFinite() {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Matrix m
        && rows == m.rows
        && columns == m.columns
        && Arrays.equals(values, m.values);
  }

  @Override
  public int hashCode() {
    return 31 * columns + Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return rows + " x " + columns + " matrix";
  }
}
