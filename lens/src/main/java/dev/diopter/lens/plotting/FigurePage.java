package dev.diopter.lens.plotting;

import dev.diopter.formats.Json;
import dev.diopter.lens.pictures.HtmlPage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A figure as a page: one table for all panels, so that they scroll together under one line of
 * tokens; colours by classes; layer, position, value and the hover table of a cell where the mouse
 * or the arrow keys are.
 */
final class FigurePage {
  /** Colours of a table cell; more could not be told apart. */
  private static final int SHADES = 64;

  private final Figure figure;
  private final HtmlPage page;
  private final List<TrajectoryLabels> hovers = new ArrayList<>();

  private FigurePage(Figure figure) {
    this.figure = figure;
    String title = figure.title().isEmpty() ? "Trajectory" : figure.title();
    this.page = new HtmlPage(title).style(resource("figure.css"));
    List<ColorStops> scales = scales();
    for (int s = 0; s < scales.size(); s++) {
      page.style(shades(s, scales.get(s)));
    }
    page.element("h1", title);
    page.element("p", figure.note(), "class", "soft");
    page.open("div", "class", "frame");
    page.open("table", "class", "heat", "tabindex", "0", "aria-label", title);
    head();
    for (int p = 0; p < figure.panels().size(); p++) {
      panel(p, figure.panels().get(p), scales.indexOf(figure.panels().get(p).colors()));
    }
    page.close().close().line();
    page.open("div", "id", "tip", "role", "status", "hidden", "").close().line();
    // Data, which no browser runs; the escapes keep it from ending the element.
    page.markup("<script type=\"application/json\" id=\"data\">");
    page.markup(Json.compact(data()).replace("<", "\\u003c").replace("&", "\\u0026"));
    page.markup("</script>").line();
    page.script(resource("figure.js"));
  }

  static HtmlPage of(Figure figure) {
    return new FigurePage(figure).page;
  }

  private List<ColorStops> scales() {
    return figure.panels().stream().map(Heatmap::colors).distinct().toList();
  }

  private static String shades(int scale, ColorStops colors) {
    StringBuilder css = new StringBuilder();
    int[] table = colors.table(SHADES);
    for (int i = 0; i < SHADES; i++) {
      css.append(
          ".s%dc%d { background: #%06x; color: #%06x; fill: #%06x; }\n"
              .formatted(scale, i, table[i], ColorStops.inkOn(table[i]), table[i]));
    }
    return css.toString();
  }

  private void head() {
    Heatmap first = figure.panels().getFirst();
    page.open("thead").open("tr").element("th", figure.axes().rows());
    for (int position = 0; position < first.positions(); position++) {
      page.open("th", "title", first.sequence(position));
      page.text(first.sequence(position));
      if (figure.axes().numbered()) {
        page.element("span", Integer.toString(position), "class", "place");
      }
      page.close();
    }
    page.close().close().line();
  }

  private void panel(int number, Heatmap map, int scale) {
    page.open("tbody").open("tr", "class", "name");
    page.open("th", "colspan", Integer.toString(map.positions() + 1));
    page.open("span", "class", "stay").text(map.colorbarTitle());
    page.element("span", end(map, map.zmin()), "class", "end");
    page.open("svg", "width", "128", "height", "14", "aria-hidden", "true");
    for (int i = 0; i < SHADES; i++) {
      page.open(
          "rect",
          "class",
          "s%dc%d".formatted(scale, i),
          "x",
          Integer.toString(2 * i),
          "width",
          "2",
          "height",
          "14");
      page.close();
    }
    page.close().element("span", end(map, map.zmax()), "class", "end").close().close().close();
    for (int row = map.rows() - 1; row >= 0; row--) {
      page.open("tr").element("th", map.layer(row));
      for (int position = 0; position < map.positions(); position++) {
        double share = map.share(row, position);
        String shade =
            Double.isNaN(share)
                ? "none"
                : "s%dc%d".formatted(scale, Math.clamp((int) (share * SHADES), 0, SHADES - 1));
        page.element(
            "td",
            map.text(row, position),
            "class",
            shade,
            "data-at",
            "%d %d %d".formatted(number, row, position));
      }
      page.close().line();
    }
    page.close();
  }

  private static String end(Heatmap map, double z) {
    return Heatmap.number(map.logScale() ? Math.pow(10, z) : z) + (map.logScale() ? " (log)" : "");
  }

  private ObjectNode data() {
    ObjectNode data = Json.object();
    ArrayNode tokens = data.putArray("tokens");
    Heatmap first = figure.panels().getFirst();
    for (int position = 0; position < first.positions(); position++) {
      tokens.add(first.sequence(position));
    }
    data.put("columns", figure.axes().columns().toLowerCase(Locale.ROOT));
    data.put("rows", figure.axes().rows().toLowerCase(Locale.ROOT));
    data.put("numbered", figure.axes().numbered());
    ArrayNode panels = data.putArray("panels");
    for (Heatmap map : figure.panels()) {
      ObjectNode panel = panels.addObject();
      panel.put("title", map.colorbarTitle());
      ArrayNode layers = panel.putArray("layers");
      ArrayNode rows = panel.putArray("rows");
      ArrayNode values = panel.putArray("values");
      for (int row = 0; row < map.rows(); row++) {
        layers.add(map.layer(row));
        rows.add(row);
        ArrayNode texts = values.addArray();
        for (double value : map.statistic().stats()[row]) {
          texts.add(Heatmap.number(value));
        }
      }
      panel.put("hover", hover(map.statistic().trajectoryLabels()));
    }
    ArrayNode all = data.putArray("hover");
    hovers.forEach(labels -> addHover(all.addArray(), labels));
    return data;
  }

  /** Panels of one trajectory have the same tables, which are kept once; -1 for none. */
  private int hover(@Nullable TrajectoryLabels labels) {
    if (labels == null || labels.hoverOverEntries() == null) {
      return -1;
    }
    int known = hovers.indexOf(labels);
    if (known < 0) {
      hovers.add(labels);
      return hovers.size() - 1;
    }
    return known;
  }

  private static void addHover(ArrayNode array, TrajectoryLabels labels) {
    String @Nullable [][][][] entries = labels.hoverOverEntries();
    if (entries == null) {
      return;
    }
    for (String[][][] row : entries) {
      ArrayNode positions = array.addArray();
      for (String[][] cell : row) {
        ArrayNode table = positions.addArray();
        for (String[] line : cell) {
          ArrayNode columns = table.addArray();
          Arrays.stream(line).forEach(columns::add);
        }
      }
    }
  }

  private static String resource(String name) {
    try (InputStream in = FigurePage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the program lacks its resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
