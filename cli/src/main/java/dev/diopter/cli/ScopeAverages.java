package dev.diopter.cli;

import dev.diopter.lens.patchscope.ScopeFigure;
import dev.diopter.lens.patchscope.ScopeLines;
import dev.diopter.lens.plotting.LineFigure;
import dev.diopter.lens.plotting.LinePlot;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.node.ObjectNode;

/**
 * A sweep over several prompts, averaged.
 *
 * @param prompts how many
 * @param figure means and deviations by layer
 */
record ScopeAverages(int prompts, LineFigure figure) {

  static ScopeAverages of(String title, List<ScopeFigure.Panel> sweeps, int prompts) {
    return new ScopeAverages(prompts, ScopeLines.of(title, sweeps, prompts));
  }

  void put(ObjectNode object) {
    object.put("prompts", prompts);
    object.set("lines", figure.json());
  }

  void print(Screen screen) {
    Style style = Style.of(screen);
    for (LinePlot plot : figure.plots()) {
      screen.out().println(style.title(plot.name()));
      Tables table = new Tables().right(figure.axis());
      plot.lines().forEach(l -> table.right(l.name()));
      for (int i = 0; i < plot.labels().size(); i++) {
        int point = i;
        table.row(
            java.util.stream.Stream.concat(
                    java.util.stream.Stream.of(plot.labels().get(i)),
                    plot.lines().stream().map(l -> number(l, point)))
                .toArray(String[]::new));
      }
      table.print(screen);
      screen.out().println();
    }
  }

  private static String number(LinePlot.Line line, int i) {
    return line.count()[i] == 0
        ? "-"
        : String.format(Locale.ROOT, "%.3f \u00b1 %.3f", line.mean()[i], line.deviation()[i]);
  }
}
