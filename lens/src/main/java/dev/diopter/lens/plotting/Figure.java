package dev.diopter.lens.plotting;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.Json;
import dev.diopter.lens.pictures.HtmlPage;
import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.pictures.Surface;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import tools.jackson.databind.node.ObjectNode;

/**
 * Heatmaps below each other that share the axis of positions, under one title.
 *
 * @param title above them; may be empty
 * @param panels at least one, of equally many positions
 * @param tokenWidth width of a position in pixels
 * @param axes what the columns and rows are
 * @param note what stands under the title of a page
 */
public record Figure(String title, List<Heatmap> panels, int tokenWidth, Axes axes, String note) {
  /** Width of a position unless given. */
  public static final int TOKEN_WIDTH = 80;

  /** What files a figure can become. */
  public static final String SUFFIXES = ".html, .svg, .svgz, .png or .plotly.json";

  private static final String PLOTLY = ".plotly.json";

  private static final String TRAJECTORIES =
      "A row for each layer, the first at the bottom; the label of a cell is its most probable token."
          + " Where two trajectories are compared, it is the token whose probability changes most."
          + " Point at a cell, or go there with the arrow keys, to see its numbers.";

  /**
   * What columns and rows are.
   *
   * @param columns such as {@code Input}
   * @param rows such as {@code Layer}
   * @param numbered whether columns are positions, whose numbers stand under their labels in a page
   */
  public record Axes(String columns, String rows, boolean numbered) {
    public Axes {
      Objects.requireNonNull(columns);
      Objects.requireNonNull(rows);
    }

    /** Columns of some kind, and a row for each layer. */
    public static Axes layersBy(String columns, boolean numbered) {
      return new Axes(columns, LAYER, numbered);
    }

    /** Whether labels of rows say themselves what they are. */
    boolean areLayers() {
      return rows.equals(LAYER);
    }
  }

  private static final String LAYER = "Layer";

  /** Trajectories: a column for each token of the input. */
  public Figure(String title, List<Heatmap> panels, int tokenWidth) {
    this(title, panels, tokenWidth, Axes.layersBy("Input", true), TRAJECTORIES);
  }

  public Figure {
    panels = List.copyOf(panels);
    if (panels.isEmpty() || tokenWidth < 1) {
      throw new IllegalArgumentException("expected at least one panel and a width of at least 1");
    }
    for (Heatmap panel : panels) {
      if (panel.positions() != panels.getFirst().positions()) {
        throw new IllegalArgumentException(
            "expected panels of equally many positions, got %d and %d"
                .formatted(panels.getFirst().positions(), panel.positions()));
      }
    }
  }

  /** For Plotly: an object with {@code data} and {@code layout}. */
  public ObjectNode plotly() {
    return PlotlyExport.of(this);
  }

  /** A self-contained page with everything on hover. */
  public HtmlPage page() {
    return FigurePage.of(this);
  }

  /** A picture without hover. */
  public byte[] picture(PictureFormat format) {
    FigureDrawing drawing = new FigureDrawing(this);
    Surface surface = format.surface(drawing.width(), drawing.height());
    drawing.draw(surface);
    return format.bytes(surface);
  }

  /**
   * Fails where {@link #write} would not know what to write.
   *
   * @throws UsageException with what it knows
   */
  public static void requireSuffix(Path file) {
    String name = lower(file);
    boolean known = name.endsWith(".html") || name.endsWith(PLOTLY);
    for (PictureFormat format : PictureFormat.values()) {
      known |= name.endsWith("." + format.suffix());
    }
    if (!known) {
      throw new UsageException(
          "%s: expected a file name with %s, to know what to draw".formatted(file, SUFFIXES));
    }
  }

  private static String lower(Path file) {
    return String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
  }

  /**
   * Writes a file that appears whole or not at all, of the kind that its suffix says.
   *
   * @throws UsageException if the suffix says nothing
   */
  public void write(Path file) {
    requireSuffix(file);
    String name = lower(file);
    if (name.endsWith(PLOTLY)) {
      Json.write(plotly(), file, false);
    } else if (name.endsWith(".html")) {
      page().write(file);
    } else {
      byte[] bytes = picture(PictureFormat.of(name.substring(name.lastIndexOf('.') + 1)));
      AtomicFile.write(file, out -> out.write(bytes));
    }
  }
}
