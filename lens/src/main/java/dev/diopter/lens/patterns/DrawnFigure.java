package dev.diopter.lens.patterns;

import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.pictures.Surface;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a figure function draws of one pattern: its surfaces, then their files. */
final class DrawnFigure implements FigureFunction.Surfaces {
  private static final String ALONE = "";

  private final FigureFunction function;
  private final PictureFormat format;
  private final Map<String, Surface> surfaces = new LinkedHashMap<>();

  private DrawnFigure(FigureFunction function, PictureFormat format) {
    this.function = function;
    this.format = format;
  }

  /** Names of a function's figures. */
  static List<String> names(FigureFunction function) {
    if (function.parts().isEmpty()) {
      return List.of(function.name());
    }
    return function.parts().stream().map(part -> function.name() + "." + part).toList();
  }

  /**
   * Draws.
   *
   * @return the content of each figure's file by the figure's name
   */
  static Map<String, byte[]> draw(
      FigureFunction function, PictureFormat format, AttentionPattern pattern) throws Exception {
    DrawnFigure drawn = new DrawnFigure(function, format);
    function.draw(pattern, drawn);
    List<String> parts = new ArrayList<>(function.parts());
    if (parts.isEmpty()) {
      parts.add(ALONE);
    }
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (String part : parts) {
      Surface surface = drawn.surfaces.get(part);
      if (surface == null) {
        throw new IllegalStateException(
            function.name() + ": expected a drawing" + of(part) + ", got none");
      }
      files.put(
          part.equals(ALONE) ? function.name() : function.name() + "." + part,
          format.bytes(surface));
    }
    return files;
  }

  private static String of(String part) {
    return part.isEmpty() ? "" : " of " + part;
  }

  @Override
  public Surface surface(int width, int height) {
    return surface(ALONE, width, height);
  }

  @Override
  public Surface surface(String part, int width, int height) {
    boolean known =
        function.parts().isEmpty() ? part.equals(ALONE) : function.parts().contains(part);
    if (!known || surfaces.containsKey(part)) {
      throw new IllegalStateException(
          "%s: expected one surface for each of %s, asked for one more%s"
              .formatted(function.name(), names(function), of(part)));
    }
    Surface surface = format.surface(width, height);
    surfaces.put(part, surface);
    return surface;
  }
}
