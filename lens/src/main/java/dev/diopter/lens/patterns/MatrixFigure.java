package dev.diopter.lens.patterns;

import dev.diopter.lens.pictures.Matrix;
import dev.diopter.lens.pictures.MatrixImage;
import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.pictures.Raster;
import java.util.function.UnaryOperator;

/**
 * Draws a matrix that is made from the pattern: one pixel a cell, row = query, column = key, no
 * axes.
 *
 * @param name its name
 * @param description what it shows
 * @param formula how the numbers become colours
 * @param format the format of its files
 * @param image the colours
 * @param transform the matrix to draw, from the pattern, which it must not change
 */
public record MatrixFigure(
    String name,
    String description,
    String formula,
    PictureFormat format,
    MatrixImage image,
    UnaryOperator<Matrix> transform)
    implements FigureFunction {

  /** A figure as PNG whose formula is its description. */
  public static MatrixFigure of(
      String name, String description, MatrixImage image, UnaryOperator<Matrix> transform) {
    return new MatrixFigure(name, description, description, PictureFormat.PNG, image, transform);
  }

  @Override
  public void draw(AttentionPattern pattern, Surfaces surfaces) {
    Raster raster = image.draw(transform.apply(pattern.weights()));
    surfaces
        .surface(raster.width(), raster.height())
        .image(raster, 0, 0, raster.width(), raster.height());
  }
}
