package dev.diopter.lens.pictures;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.awt.image.SinglePixelPackedSampleModel;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Pixels to draw on, white at first. The JDK's drawing library starts with the first call that
 * needs it: an image that fits the pixels does not.
 */
public final class RasterSurface implements Surface {
  private static final int WHITE = 0xFFFFFF;
  private static final int[] MASKS = {0xFF0000, 0xFF00, 0xFF};

  private final int width;
  private final int height;
  private final int[] rgb;
  private @Nullable Graphics2D graphics;

  /** A white surface. */
  public RasterSurface(int width, int height) {
    this.width = width;
    this.height = height;
    this.rgb = new int[Math.multiplyExact(width, height)];
    Arrays.fill(rgb, WHITE);
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int height() {
    return height;
  }

  /** The JDK's own means to draw on these pixels. */
  public Graphics2D graphics() {
    if (graphics == null) {
      BufferedImage image = image(width, height, rgb);
      graphics = image.createGraphics();
      graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
    }
    return graphics;
  }

  private static BufferedImage image(int width, int height, int[] rgb) {
    SinglePixelPackedSampleModel model =
        new SinglePixelPackedSampleModel(DataBufferInt.TYPE_INT, width, height, MASKS);
    java.awt.image.DirectColorModel colors =
        new java.awt.image.DirectColorModel(24, MASKS[0], MASKS[1], MASKS[2]);
    return new BufferedImage(
        colors,
        java.awt.image.Raster.createWritableRaster(model, new DataBufferInt(rgb, rgb.length), null),
        false,
        null);
  }

  @Override
  public void image(Raster raster, double x, double y, double w, double h) {
    boolean fits = x == Math.rint(x) && y == Math.rint(y) && x >= 0 && y >= 0;
    if (fits && w == raster.width() && h == raster.height() && x + w <= width && y + h <= height) {
      for (int row = 0; row < raster.height(); row++) {
        System.arraycopy(
            raster.rgb(),
            row * raster.width(),
            rgb,
            ((int) y + row) * width + (int) x,
            raster.width());
      }
      return;
    }
    AffineTransform place = AffineTransform.getTranslateInstance(x, y);
    place.scale(w / raster.width(), h / raster.height());
    graphics().drawImage(image(raster.width(), raster.height(), raster.rgb().clone()), place, null);
  }

  @Override
  public void fill(double x, double y, double w, double h, int color) {
    graphics().setColor(new Color(color));
    graphics().fill(new Rectangle2D.Double(x, y, w, h));
  }

  @Override
  public void line(double x1, double y1, double x2, double y2, double thickness, int color) {
    graphics().setColor(new Color(color));
    graphics().setStroke(new BasicStroke((float) thickness));
    graphics().draw(new Line2D.Double(x1, y1, x2, y2));
  }

  @Override
  public void area(double[] x, double[] y, int color, double opacity) {
    Path2D shape = new Path2D.Double();
    for (int i = 0; i < x.length; i++) {
      if (i == 0) {
        shape.moveTo(x[i], y[i]);
      } else {
        shape.lineTo(x[i], y[i]);
      }
    }
    shape.closePath();
    int alpha = (int) Math.round(255 * opacity);
    graphics().setColor(new Color(color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF, alpha));
    graphics().fill(shape);
  }

  @Override
  public void text(String text, double x, double y, double size, Anchor anchor, int color) {
    graphics().setColor(new Color(color));
    graphics().setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 1).deriveFont((float) size));
    double length = graphics().getFontMetrics().stringWidth(text);
    double shift =
        switch (anchor) {
          case START -> 0;
          case MIDDLE -> length / 2;
          case END -> length;
        };
    graphics().drawString(text, (float) (x - shift), (float) y);
  }

  /** What was drawn; the surface is not to be used afterwards. */
  public Raster finish() {
    if (graphics != null) {
      graphics.dispose();
    }
    return new Raster(width, height, rgb);
  }
}
