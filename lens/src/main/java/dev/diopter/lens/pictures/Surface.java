package dev.diopter.lens.pictures;

/**
 * Something of a fixed size to draw on, with the origin at its upper left corner. What lies outside
 * is cut off. Belongs to one thread.
 */
public sealed interface Surface permits RasterSurface, SvgSurface {

  /** Which part of a text stands at its point. */
  enum Anchor {
    START,
    MIDDLE,
    END
  }

  /** Width in pixels, or in the units of a vector picture. */
  int width();

  /** Height, as {@link #width}. */
  int height();

  /** Draws pixels into a rectangle, each as a sharp square. */
  void image(Raster raster, double x, double y, double width, double height);

  /** Fills a rectangle with a colour {@code 0xRRGGBB}. */
  void fill(double x, double y, double width, double height, int rgb);

  /** Draws a line. */
  void line(double x1, double y1, double x2, double y2, double thickness, int rgb);

  /**
   * Fills the area inside a closed line through these points, through which what lies below shines.
   *
   * @param opacity 1 hides it, 0 hides nothing
   */
  void area(double[] x, double[] y, int rgb, double opacity);

  /**
   * Writes one line of text.
   *
   * @param x where its anchor is
   * @param y its base line
   * @param size height of the font
   */
  void text(String text, double x, double y, double size, Anchor anchor, int rgb);
}
