package dev.diopter.lens.plotting;

import dev.diopter.engine.UsageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A colour scale as Plotly has them: colours at equal distances from 0 to 1, straight lines between
 * them.
 *
 * @param name Plotly's name, in lower case
 * @param colors colours {@code 0xRRGGBB} from low to high
 */
public record ColorStops(String name, List<Integer> colors) {
  private static final String REVERSED = "_r";

  // From ColorBrewer.org by Cynthia Brewer (Apache-2.0), and matplotlib's authors' CC0 data.
  private static final Map<String, ColorStops> ALL =
      all(
          new ColorStops(
              "rdbu",
              List.of(
                  0x67001F, 0xB2182B, 0xD6604D, 0xF4A582, 0xFDDBC7, 0xF7F7F7, 0xD1E5F0, 0x92C5DE,
                  0x4393C3, 0x2166AC, 0x053061)),
          new ColorStops(
              "blues",
              List.of(
                  0xF7FBFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6, 0x4292C6, 0x2171B5, 0x08519C,
                  0x08306B)),
          new ColorStops(
              "viridis",
              List.of(
                  0x440154, 0x482878, 0x3E4989, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6ECE58,
                  0xB5DE2B, 0xFDE725)),
          new ColorStops(
              "plasma",
              List.of(
                  0x0D0887, 0x46039F, 0x7201A8, 0x9C179E, 0xBD3786, 0xD8576B, 0xED7953, 0xFB9F3A,
                  0xFDCA26, 0xF0F921)));

  /** Red for much, blue for little: the default. */
  public static final ColorStops RDBU_R = named("rdbu_r");

  public ColorStops {
    colors = List.copyOf(colors);
  }

  private static Map<String, ColorStops> all(ColorStops... scales) {
    Map<String, ColorStops> all = new LinkedHashMap<>();
    for (ColorStops scale : scales) {
      List<Integer> turned = new ArrayList<>(scale.colors);
      Collections.reverse(turned);
      all.put(scale.name, scale);
      all.put(scale.name + REVERSED, new ColorStops(scale.name + REVERSED, turned));
    }
    return all;
  }

  /**
   * A scale by Plotly's name, in any case, {@code _r} behind it for the reverse.
   *
   * @throws UsageException if there is none
   */
  public static ColorStops named(String name) {
    ColorStops found = ALL.get(name.toLowerCase(Locale.ROOT));
    if (found == null) {
      throw new UsageException(
          "colour scale: expected one of %s, got '%s'"
              .formatted(String.join(", ", ALL.keySet()), name));
    }
    return found;
  }

  /** The colour {@code 0xRRGGBB} of a number of 0 to 1; what is outside gets an end's. */
  public int color(double x) {
    double at = Math.clamp(x, 0.0, 1.0) * (colors.size() - 1);
    int low = Math.min((int) at, colors.size() - 2);
    int from = colors.get(low);
    int to = colors.get(low + 1);
    int rgb = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      int a = from >> shift & 0xFF;
      int b = to >> shift & 0xFF;
      rgb |= (int) Math.round(a + (at - low) * (b - a)) << shift;
    }
    return rgb;
  }

  /** A number of colours from low to high. */
  int[] table(int size) {
    int[] table = new int[size];
    Arrays.setAll(table, i -> color((double) i / (size - 1)));
    return table;
  }

  /** Black or white, whichever reads better on a colour. */
  static int inkOn(int rgb) {
    double light =
        0.2126 * linear(rgb >> 16 & 0xFF)
            + 0.7152 * linear(rgb >> 8 & 0xFF)
            + 0.0722 * linear(rgb & 0xFF);
    // Where the contrast to black and to white is the same.
    return light > 0.179 ? 0x000000 : 0xFFFFFF;
  }

  private static double linear(int channel) {
    double c = channel / 255.0;
    return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
  }
}
