package dev.diopter.lens.pictures;

import org.jspecify.annotations.Nullable;

/**
 * How numbers become colours: one pixel for each cell, row 0 on top. Numbers are scaled in float32,
 * as numpy does, so that pixels equal those of Python programs. Immutable.
 *
 * @param scale the colours
 * @param range which numbers the ends of the scale stand for
 * @param least for {@link Range#OWN} the number that the low end stands for instead of the matrix's
 *     least; null for that
 * @param missing the colour {@code 0xRRGGBB} of cells that hold no number
 */
public record MatrixImage(ColorScale scale, Range range, @Nullable Float least, int missing) {

  /** Which numbers the ends of the scale stand for. */
  public enum Range {
    /** 0 and 1; others are refused. */
    UNIT,
    /** The matrix's least and largest. */
    OWN,
    /** Minus and plus the largest absolute value, so that zero is in the middle. */
    SYMMETRIC
  }

  public MatrixImage {
    if (least != null && range != Range.OWN) {
      throw new IllegalArgumentException(
          "expected the range OWN beside a least value, got " + range);
    }
  }

  /** Colours for numbers from 0 to 1. */
  public static MatrixImage unit(ColorScale scale) {
    return new MatrixImage(scale, Range.UNIT, null, ColorScale.NOT_A_NUMBER);
  }

  /** Colours from the least to the largest number. */
  public static MatrixImage normalized(ColorScale scale) {
    return new MatrixImage(scale, Range.OWN, null, ColorScale.NOT_A_NUMBER);
  }

  /** Colours with zero in the middle. */
  public static MatrixImage symmetric(ColorScale scale) {
    return new MatrixImage(scale, Range.SYMMETRIC, null, ColorScale.NOT_A_NUMBER);
  }

  /** With another colour for cells that hold no number. */
  public MatrixImage missing(int rgb) {
    return new MatrixImage(scale, range, least, rgb);
  }

  /** With a number for the low end of the scale. */
  public MatrixImage least(float value) {
    return new MatrixImage(scale, range, value, missing);
  }

  /**
   * The pixels of a matrix. A matrix of equal numbers has no own range: all of it takes the low end
   * (with {@link Range#SYMMETRIC}, all zeros take the middle).
   *
   * @throws IllegalArgumentException where a number is outside of the range
   */
  public Raster draw(Matrix matrix) {
    float low = 0;
    float span = 1;
    switch (range) {
      case UNIT -> requireUnit(matrix);
      case OWN -> {
        low = least == null ? matrix.min() : requireBelow(matrix, least);
        span = matrix.max() - low;
      }
      case SYMMETRIC -> {
        // x / (2 max|x|) + 0.5, in this order of operations.
        span = 2 * Math.max(Math.abs(matrix.min()), Math.abs(matrix.max()));
      }
    }
    float[] values = matrix.values();
    int[] rgb = new int[values.length];
    // Of equal numbers zero is left: the low end, or the middle.
    float divisor = span == 0 ? 1 : span;
    float shift = range == Range.SYMMETRIC ? 0.5f : 0;
    for (int i = 0; i < values.length; i++) {
      float x = (values[i] - low) / divisor + shift;
      rgb[i] = Float.isNaN(x) ? missing : scale.color(x);
    }
    return new Raster(matrix.columns(), matrix.rows(), rgb);
  }

  private static void requireUnit(Matrix matrix) {
    // A number that is none passes here, as it does in the comparison of numpy's least with 0.
    if (matrix.min() < 0 || matrix.max() > 1) {
      throw new IllegalArgumentException(
          "expected values from 0 to 1, or a range of the matrix's own, got %s to %s"
              .formatted(matrix.min(), matrix.max()));
    }
  }

  private static float requireBelow(Matrix matrix, float least) {
    if (least > matrix.min() || least >= matrix.max()) {
      throw new IllegalArgumentException(
          "expected a least value of at most %s and below %s, got %s"
              .formatted(matrix.min(), matrix.max(), least));
    }
    return least;
  }
}
