package dev.diopter.lens.patterns;

import dev.diopter.lens.pictures.ColorScale;
import dev.diopter.lens.pictures.Matrix;
import dev.diopter.lens.pictures.MatrixImage;
import dev.diopter.lens.pictures.PictureFormat;
import java.util.List;
import java.util.function.UnaryOperator;

/** The figure functions that are always there. Cells that mean nothing are grey. */
final class Views {
  private static final int GREY = 0xD0D0D0;
  private static final float DECADES = 4;

  /** The one that is drawn unless others are asked for. */
  static final String RAW = "raw";

  private Views() {}

  /** All of them. */
  static List<FigureFunction> all() {
    ColorScale blues = ColorScale.named("Blues");
    return List.of(
        new MatrixFigure(
            RAW,
            "Attention weights, coloured from the least to the largest of the pattern",
            "Blues((p - min p) / (max p - min p))",
            PictureFormat.PNG,
            MatrixImage.normalized(blues),
            UnaryOperator.identity()),
        view(
            "lower",
            "Attention weights on and below the diagonal, from 0 to the largest of them",
            "Blues(p / max p), grey where the key lies behind the query",
            Views::lower),
        view(
            "bos_masked",
            "Attention weights without the first key, which often has most of each row",
            "Blues(p / max p) over keys 1 and on, grey elsewhere",
            Views::withoutFirst),
        view(
            "log",
            "Attention weights on a logarithmic scale of four decades",
            "Blues(1 + log10(max(p, 1e-4)) / 4), grey where the key lies behind the query",
            Views::log),
        view(
            "row_normalized",
            "Attention weights, each row from 0 to its own largest",
            "Blues(p / max p of the row), grey where the key lies behind the query",
            Views::byRow));
  }

  private static FigureFunction view(
      String name, String description, String formula, UnaryOperator<Matrix> transform) {
    return new MatrixFigure(
        name,
        description,
        formula,
        PictureFormat.PNG,
        MatrixImage.unit(ColorScale.named("Blues")).missing(GREY),
        transform);
  }

  private interface Cell {
    float of(int row, int column, float weight);
  }

  private static Matrix map(Matrix pattern, Cell cell) {
    float[] values = new float[pattern.values().length];
    for (int row = 0, i = 0; row < pattern.rows(); row++) {
      for (int column = 0; column < pattern.columns(); column++, i++) {
        values[i] = cell.of(row, column, pattern.values()[i]);
      }
    }
    return new Matrix(pattern.rows(), pattern.columns(), values);
  }

  private static Matrix lower(Matrix pattern) {
    float max = positive(pattern.max());
    return map(pattern, (row, column, p) -> column > row ? Float.NaN : p / max);
  }

  private static Matrix withoutFirst(Matrix pattern) {
    float max = 0;
    for (int row = 0; row < pattern.rows(); row++) {
      for (int column = 1; column < pattern.columns(); column++) {
        max = Math.max(max, pattern.at(row, column));
      }
    }
    float most = positive(max);
    return map(pattern, (row, column, p) -> column == 0 || column > row ? Float.NaN : p / most);
  }

  private static Matrix log(Matrix pattern) {
    double least = Math.pow(10, -DECADES);
    return map(
        pattern,
        (row, column, p) ->
            column > row ? Float.NaN : (float) (1 + Math.log10(Math.max(p, least)) / DECADES));
  }

  private static Matrix byRow(Matrix pattern) {
    float[] most = new float[pattern.rows()];
    for (int row = 0; row < pattern.rows(); row++) {
      for (int column = 0; column < pattern.columns(); column++) {
        most[row] = Math.max(most[row], pattern.at(row, column));
      }
    }
    return map(pattern, (row, column, p) -> column > row ? Float.NaN : p / positive(most[row]));
  }

  private static float positive(float divisor) {
    return divisor > 0 ? divisor : 1;
  }
}
