package dev.diopter.lens.plotting;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.AtomicFile;
import dev.diopter.formats.Json;
import dev.diopter.lens.pictures.HtmlPage;
import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.pictures.Surface;
import dev.diopter.lens.pictures.SvgSurface;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Line plots below each other, each line a mean with a band of one standard deviation to both
 * sides. A value.
 *
 * @param title above them
 * @param axis what the points are
 * @param plots at least one
 */
public record LineFigure(String title, String axis, List<LinePlot> plots) {
  /** What files it can become. */
  public static final String SUFFIXES = ".html, .svg, .svgz, .png, .csv or .json";

  private static final List<String> KNOWN =
      List.of(".html", ".svg", ".svgz", ".png", ".csv", ".json");

  public LineFigure {
    plots = List.copyOf(plots);
    if (plots.isEmpty()) {
      throw new IllegalArgumentException("expected at least one plot");
    }
  }

  /** An object for each point of each line: {@code plot, point, line, count, mean, deviation}. */
  public ArrayNode json() {
    ArrayNode all = Json.array();
    for (LinePlot plot : plots) {
      for (int i = 0; i < plot.labels().size(); i++) {
        for (LinePlot.Line line : plot.lines()) {
          ObjectNode each = all.addObject();
          each.put("plot", plot.name());
          each.put("point", plot.labels().get(i));
          each.put("line", line.name());
          each.put("count", line.count()[i]);
          each.put("mean", line.mean()[i]);
          each.put("deviation", line.deviation()[i]);
        }
      }
    }
    return all;
  }

  private String csv() {
    StringBuilder text = new StringBuilder("plot,point,line,count,mean,deviation\r\n");
    for (LinePlot plot : plots) {
      for (int i = 0; i < plot.labels().size(); i++) {
        for (LinePlot.Line line : plot.lines()) {
          text.append(quoted(plot.name())).append(',');
          text.append(quoted(plot.labels().get(i))).append(',');
          text.append(quoted(line.name())).append(',').append(line.count()[i]).append(',');
          text.append(line.mean()[i]).append(',').append(line.deviation()[i]).append("\r\n");
        }
      }
    }
    return text.toString();
  }

  private static String quoted(String text) {
    return '"' + text.replace("\"", "\"\"") + '"';
  }

  /** A self-contained page: the picture, and its numbers as a table. */
  public HtmlPage page() {
    HtmlPage page = new HtmlPage(title).element("h1", title);
    String note = "The mean of each point; the bands are one standard deviation to both sides.";
    page.element("p", note, "class", "soft");
    page.style("svg { max-width: 100%; height: auto; background: #fff; }");
    LineDrawing drawing = new LineDrawing(this, false);
    SvgSurface surface = new SvgSurface(drawing.width(), drawing.height());
    drawing.draw(surface);
    page.markup(surface.finish()).line();
    for (LinePlot plot : plots) {
      page.element("h2", plot.name()).open("table").open("tr").element("th", axis);
      plot.lines().forEach(l -> page.element("th", l.name(), "class", "number"));
      page.close();
      for (int i = 0; i < plot.labels().size(); i++) {
        page.open("tr").element("td", plot.labels().get(i));
        for (LinePlot.Line line : plot.lines()) {
          page.element("td", number(line, i), "class", "number");
        }
        page.close().line();
      }
      page.close();
    }
    return page;
  }

  private static String number(LinePlot.Line line, int i) {
    return line.count()[i] == 0
        ? "-"
        : String.format(
            Locale.ROOT,
            "%.3f \u00b1 %.3f (%d)",
            line.mean()[i],
            line.deviation()[i],
            line.count()[i]);
  }

  /** A picture. */
  public byte[] picture(PictureFormat format) {
    LineDrawing drawing = new LineDrawing(this, true);
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
    if (KNOWN.stream().noneMatch(suffix -> lower(file).endsWith(suffix))) {
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
    String suffix = lower(file).substring(lower(file).lastIndexOf('.') + 1);
    switch (suffix) {
      case "html" -> page().write(file);
      case "json" -> Json.write(json(), file, true);
      case "csv" -> write(file, csv().getBytes(StandardCharsets.UTF_8));
      default -> write(file, picture(PictureFormat.of(suffix)));
    }
  }

  private static void write(Path file, byte[] bytes) {
    AtomicFile.write(file, out -> out.write(bytes));
  }
}
