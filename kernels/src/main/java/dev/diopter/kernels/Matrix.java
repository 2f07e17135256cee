package dev.diopter.kernels;

/**
 * A view of rows in a buffer: element (r, c) is at {@code offset + r * stride + c}. Views of one
 * buffer may overlap; an operation's output may be the very same view as an input of equal shape
 * only where the operation says so.
 *
 * @param buffer where the values lie
 * @param offset index of element (0, 0)
 * @param rows number of rows
 * @param columns elements of a row
 * @param stride elements from one row to the next, at least {@code columns}
 */
public record Matrix(Buffer buffer, int offset, int rows, int columns, int stride) {

  public Matrix {
    long end = offset + (rows - 1L) * stride + columns;
    if (offset < 0
        || rows < 0
        || columns < 1
        || stride < columns
        || (rows > 0 && end > buffer.size())) {
      throw new IllegalArgumentException(
          "expected a view inside %d floats, got %d x %d with stride %d at %d"
              .formatted(buffer.size(), rows, columns, stride, offset));
    }
  }

  /** The whole of a buffer's start as {@code rows} contiguous rows. */
  public static Matrix of(Buffer buffer, int rows, int columns) {
    return new Matrix(buffer, 0, rows, columns, columns);
  }

  /** Rows {@code from} (inclusive) to {@code to} (exclusive). */
  public Matrix rows(int from, int to) {
    return new Matrix(buffer, offset + from * stride, to - from, columns, stride);
  }

  /** Columns {@code from} (inclusive) to {@code to} (exclusive). */
  public Matrix columns(int from, int to) {
    return new Matrix(buffer, offset + from, rows, to - from, stride);
  }

  /**
   * The same memory with every row cut into {@code parts} rows: [rows, parts * w] seen as [rows *
   * parts, w]. Needs contiguous rows.
   */
  public Matrix split(int parts) {
    if (stride != columns || columns % parts != 0) {
      throw new IllegalArgumentException(
          "expected contiguous rows divisible by %d, got %d with stride %d"
              .formatted(parts, columns, stride));
    }
    return new Matrix(buffer, offset, rows * parts, columns / parts, columns / parts);
  }
}
