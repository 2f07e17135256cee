package dev.diopter.lens.pictures;

import dev.diopter.formats.EditDistance;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A table of 256 colours for numbers from 0 to 1, with the rule that matplotlib has: colour {@code
 * min(255, trunc(256 x))}, the first for numbers below 0, the last for numbers above 1, black for
 * what is not a number. Immutable.
 */
public final class ColorScale {
  /** Number of colours. */
  public static final int SIZE = 256;

  /** The colour of what is not a number. */
  public static final int NOT_A_NUMBER = 0x000000;

  private static final String RESOURCE = "scales.txt";

  private final String name;
  private final int[] colors;

  private ColorScale(String name, int[] colors) {
    this.name = name;
    this.colors = colors;
  }

  /**
   * A scale by its name in matplotlib: {@code viridis}, {@code plasma}, {@code Blues} or {@code
   * RdBu}.
   *
   * @throws IllegalArgumentException where there is none of that name; the message names those that
   *     there are
   */
  public static ColorScale named(String name) {
    ColorScale found = Named.ALL.get(name);
    if (found == null) {
      throw new IllegalArgumentException(
          "expected a colour scale (%s), got %s%s"
              .formatted(String.join(", ", names()), name, nearest(name)));
    }
    return found;
  }

  private static String nearest(String name) {
    for (String known : names()) {
      if (EditDistance.between(name, known) <= 2) {
        return "; did you mean " + known + "?";
      }
    }
    return "";
  }

  /** Names of the scales. */
  public static Set<String> names() {
    return Collections.unmodifiableSet(Named.ALL.keySet());
  }

  /**
   * A scale of one's own.
   *
   * @param colors 256 colours {@code 0xRRGGBB} from low to high; copied
   */
  public static ColorScale of(String name, int[] colors) {
    if (colors.length != SIZE) {
      throw new IllegalArgumentException(
          "expected %d colours, got %d".formatted(SIZE, colors.length));
    }
    return new ColorScale(name, colors.clone());
  }

  /** Its name. */
  public String name() {
    return name;
  }

  /** The colour {@code 0xRRGGBB} of a number. */
  public int color(float x) {
    if (Float.isNaN(x)) {
      return NOT_A_NUMBER;
    }
    // The cast cuts, and holds the infinities at the ends of int.
    return colors[Math.clamp((int) (x * SIZE), 0, SIZE - 1)];
  }

  /** An entry of the table, 0 to 255. */
  public int entry(int index) {
    return colors[index];
  }

  @Override
  public String toString() {
    return name;
  }

  /** Read when the first one is asked for. */
  private static final class Named {
    private static final Map<String, ColorScale> ALL = read();

    private static Map<String, ColorScale> read() {
      Map<String, ColorScale> scales = new LinkedHashMap<>();
      InputStream in = ColorScale.class.getResourceAsStream(RESOURCE);
      if (in == null) {
        throw new IllegalStateException("the program lacks its resource " + RESOURCE);
      }
      try (BufferedReader lines =
          new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          int blank = line.indexOf(' ');
          if (!line.startsWith("#")) {
            String name = line.substring(0, blank);
            scales.put(name, new ColorScale(name, colors(line, blank + 1)));
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return scales;
    }

    private static int[] colors(String line, int from) {
      int[] colors = new int[SIZE];
      for (int i = 0; i < SIZE; i++) {
        colors[i] = Integer.parseInt(line, from + 6 * i, from + 6 * i + 6, 16);
      }
      return colors;
    }
  }
}
