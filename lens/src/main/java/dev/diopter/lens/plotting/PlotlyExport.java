package dev.diopter.lens.plotting;

import dev.diopter.formats.Json;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A figure as Plotly's JSON, with the properties that the Python package sets, those that newer
 * Plotly removed left out. Axes are said to be categories, since layer labels look like numbers.
 */
final class PlotlyExport {
  /** Room for colour bar and layer labels. */
  private static final int EXTRA_WIDTH = 200;

  private static final int PANEL_HEIGHT = 450;
  private static final double GAP = 0.04;

  /** Invisible, and makes equal tokens different categories. */
  private static final String ZERO_WIDTH = "\u200c";

  private PlotlyExport() {}

  static ObjectNode of(Figure figure) {
    ObjectNode root = Json.object();
    ArrayNode data = root.putArray("data");
    ObjectNode layout = root.putObject("layout");
    ObjectNode title = layout.putObject("title");
    title.put("text", figure.title());
    title.put("x", 0.5);
    int count = figure.panels().size();
    layout.put("width", EXTRA_WIDTH + figure.tokenWidth() * figure.panels().getFirst().positions());
    if (count > 1) {
      layout.put("height", PANEL_HEIGHT * count);
    }
    ObjectNode x = layout.putObject("xaxis");
    x.putObject("title").put("text", figure.axes().columns());
    x.put("type", "category");
    if (count > 1) {
      // Under the last panel.
      x.put("anchor", "y" + count);
    }
    for (int i = 0; i < count; i++) {
      ObjectNode trace = data.addObject();
      trace(trace, figure.panels().get(i));
      ObjectNode y = layout.putObject(i == 0 ? "yaxis" : "yaxis" + (i + 1));
      y.putObject("title").put("text", figure.axes().rows());
      y.put("type", "category");
      if (count > 1) {
        double height = (1 - GAP * (count - 1)) / count;
        double top = 1 - i * (height + GAP);
        y.putArray("domain").add(Math.max(0, top - height)).add(top);
        trace.put("xaxis", "x");
        trace.put("yaxis", i == 0 ? "y" : "y" + (i + 1));
        ObjectNode bar = trace.withObject("/colorbar");
        bar.put("len", height);
        bar.put("y", top - height / 2);
      }
    }
    return root;
  }

  private static void trace(ObjectNode trace, Heatmap map) {
    ObjectNode bar = trace.putObject("colorbar");
    ObjectNode title = bar.putObject("title");
    title.put("side", "right");
    title.put("text", map.colorbarTitle());
    if (map.logScale()) {
      ArrayNode values = bar.putArray("tickvals");
      map.ticks().forEach(values::add);
      ArrayNode texts = bar.putArray("ticktext");
      map.tickTexts().forEach(texts::add);
    }
    ArrayNode scale = trace.putArray("colorscale");
    List<Integer> colors = map.colors().colors();
    for (int i = 0; i < colors.size(); i++) {
      int rgb = colors.get(i);
      scale
          .addArray()
          .add((double) i / (colors.size() - 1))
          .add("rgb(%d,%d,%d)".formatted(rgb >> 16 & 0xFF, rgb >> 8 & 0xFF, rgb & 0xFF));
    }
    TrajectoryLabels labels = map.statistic().trajectoryLabels();
    if (labels != null && labels.hoverOverEntries() != null) {
      TrajectoryLabels.Hover hover = labels.templateAndCustomdata(TrajectoryLabels.COLUMN_WIDTH);
      ArrayNode customdata = trace.putArray("customdata");
      for (String[][] row : hover.customdata()) {
        ArrayNode cells = customdata.addArray();
        for (String[] cell : row) {
          texts(cells.addArray(), cell);
        }
      }
      ObjectNode label = trace.putObject("hoverlabel");
      label.put("bgcolor", "rgb(42, 42, 50)");
      label.putObject("font").put("family", "Monospace");
      trace.put("hovertemplate", hover.template());
    }
    if (labels != null && map.showText()) {
      ArrayNode text = trace.putArray("text");
      for (String[] row : labels.labelStrings()) {
        texts(text.addArray(), row);
      }
      trace.put("texttemplate", "<b>%{text}</b>");
    }
    ArrayNode x = trace.putArray("x");
    for (int position = 0; position < map.positions(); position++) {
      x.add(map.sequence(position) + ZERO_WIDTH.repeat(position));
    }
    texts(trace.putArray("y"), map.statistic().layerLabels());
    ArrayNode z = trace.putArray("z");
    for (double[] row : map.z()) {
      ArrayNode values = z.addArray();
      for (double value : row) {
        // Plotly leaves a cell without a value empty.
        if (Double.isFinite(value)) {
          values.add(value);
        } else {
          values.addNull();
        }
      }
    }
    trace.put("zmax", map.zmax());
    trace.put("zmin", map.zmin());
    trace.put("type", "heatmap");
  }

  private static void texts(ArrayNode array, String[] texts) {
    for (String text : texts) {
      array.add(text);
    }
  }
}
