package dev.diopter.lens.pictures;

import java.util.Arrays;

/**
 * Opaque pixels, 8 bits a colour. The array is not copied: it belongs to the raster from then on.
 *
 * @param width pixels in a row
 * @param height rows
 * @param rgb {@code 0xRRGGBB} by rows from the top, [height, width]; higher bits are ignored
 */
public record Raster(int width, int height, int[] rgb) {

  public Raster {
    if (width < 1 || height < 1 || (long) width * height != rgb.length) {
      throw new IllegalArgumentException(
          "expected at least one pixel, got %d x %d and %d colours"
              .formatted(width, height, rgb.length));
    }
  }

  /** The colour of a pixel. */
  public int at(int x, int y) {
    return rgb[y * width + x] & 0xFFFFFF;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Raster r
        && width == r.width
        && height == r.height
        && Arrays.equals(rgb, r.rgb);
  }

  @Override
  public int hashCode() {
    return 31 * width + Arrays.hashCode(rgb);
  }

  @Override
  public String toString() {
    return width + " x " + height + " raster";
  }
}
