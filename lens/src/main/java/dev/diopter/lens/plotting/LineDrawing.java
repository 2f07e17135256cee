package dev.diopter.lens.plotting;

import dev.diopter.lens.pictures.Surface;
import java.util.List;
import java.util.Locale;

/** Line plots on a surface: bands first, lines above them, a key on the right. */
final class LineDrawing {
  private static final int MARGIN = 16;
  private static final int TITLE = 34;
  private static final int LEFT = 62;
  private static final int KEY = 150;
  private static final int NAME = 28;
  private static final int PLOT = 190;
  private static final int AXIS = 46;
  private static final int FONT = 12;
  private static final int LEAST_WIDTH = 420;
  private static final int POINT = 34;
  private static final int LABEL = 30;
  private static final int INK = 0x1B1F24;
  private static final int SOFT = 0x59636E;
  private static final int GRID = 0xE3E6EA;

  /** Okabe and Ito's colours, which can be told apart by everyone. */
  private static final int[] COLORS = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9};

  private final LineFigure figure;
  private final boolean titled;
  private final int plotWidth;

  LineDrawing(LineFigure figure, boolean titled) {
    this.figure = figure;
    this.titled = titled && !figure.title().isEmpty();
    int most = figure.plots().stream().mapToInt(p -> p.labels().size()).max().orElse(1);
    this.plotWidth = Math.clamp((long) POINT * most, LEAST_WIDTH, 1400);
  }

  int width() {
    return 2 * MARGIN + LEFT + plotWidth + KEY;
  }

  int height() {
    return 2 * MARGIN + (titled ? TITLE : 0) + figure.plots().size() * (NAME + PLOT + AXIS);
  }

  void draw(Surface surface) {
    surface.fill(0, 0, width(), height(), 0xFFFFFF);
    int y = MARGIN;
    if (titled) {
      surface.text(figure.title(), MARGIN, y + 18, 15, Surface.Anchor.START, INK);
      y += TITLE;
    }
    for (LinePlot plot : figure.plots()) {
      plot(surface, plot, y);
      y += NAME + PLOT + AXIS;
    }
  }

  /** The same for lines of the same name in every plot. */
  private int color(LinePlot.Line line) {
    List<String> names =
        figure.plots().stream()
            .flatMap(p -> p.lines().stream())
            .map(LinePlot.Line::name)
            .distinct()
            .toList();
    return COLORS[names.indexOf(line.name()) % COLORS.length];
  }

  private static int left() {
    return MARGIN + LEFT;
  }

  private double x(LinePlot plot, int point) {
    return left() + plotWidth * (point + 0.5) / plot.labels().size();
  }

  private static double y(LinePlot plot, double value, int top) {
    double share = (value - plot.low()) / (plot.high() - plot.low());
    return top + PLOT * (1 - share);
  }

  private void plot(Surface surface, LinePlot plot, int at) {
    int top = at + NAME;
    surface.text(plot.name(), left(), at + 18, 13, Surface.Anchor.START, INK);
    int steps = (int) Math.round((plot.high() - plot.low()) / plot.step());
    for (int i = 0; i <= steps; i++) {
      double value = plot.low() + plot.step() * i;
      double y = y(plot, value, top);
      surface.line(left(), y, left() + plotWidth, y, 1, GRID);
      String text = String.format(Locale.ROOT, plot.step() < 1 ? "%.2f" : "%.0f", value);
      surface.text(text, left() - 8, y + 4, FONT, Surface.Anchor.END, SOFT);
    }
    for (int l = 0; l < plot.lines().size(); l++) {
      band(surface, plot, plot.lines().get(l), top, color(plot.lines().get(l)));
    }
    for (int l = 0; l < plot.lines().size(); l++) {
      line(surface, plot, plot.lines().get(l), top, color(plot.lines().get(l)));
      int y = top + 12 + l * (FONT + 8);
      int right = left() + plotWidth + 12;
      surface.line(right, y - 4, right + 22, y - 4, 2.5, color(plot.lines().get(l)));
      surface.text(plot.lines().get(l).name(), right + 28, y, FONT, Surface.Anchor.START, INK);
    }
    int every = Math.max(1, (int) Math.ceil((double) LABEL * plot.labels().size() / plotWidth));
    for (int i = 0; i < plot.labels().size(); i += every) {
      String label = plot.labels().get(i);
      surface.text(label, x(plot, i), top + PLOT + 17, FONT, Surface.Anchor.MIDDLE, SOFT);
    }
    double middle = left() + plotWidth / 2.0;
    surface.text(figure.axis(), middle, top + PLOT + 35, FONT, Surface.Anchor.MIDDLE, SOFT);
  }

  /** Runs of points that have a mean, each as one area. */
  private void band(Surface surface, LinePlot plot, LinePlot.Line line, int top, int color) {
    int n = line.mean().length;
    for (int from = 0; from < n; ) {
      int to = from;
      while (to < n && Double.isFinite(line.mean()[to])) {
        to++;
      }
      if (to - from > 1) {
        int points = to - from;
        double[] x = new double[2 * points];
        double[] y = new double[2 * points];
        for (int i = 0; i < points; i++) {
          int back = 2 * points - 1 - i;
          x[i] = x(plot, from + i);
          x[back] = x[i];
          double mean = line.mean()[from + i];
          double off = line.deviation()[from + i];
          y[i] = y(plot, Math.min(plot.most(), mean + off), top);
          y[back] = y(plot, Math.max(plot.least(), mean - off), top);
        }
        surface.area(x, y, color, 0.18);
      }
      from = to + 1;
    }
  }

  private void line(Surface surface, LinePlot plot, LinePlot.Line line, int top, int color) {
    for (int i = 0; i < line.mean().length; i++) {
      if (!Double.isFinite(line.mean()[i])) {
        continue;
      }
      double x = x(plot, i);
      double y = y(plot, line.mean()[i], top);
      surface.fill(x - 2.5, y - 2.5, 5, 5, color);
      if (i > 0 && Double.isFinite(line.mean()[i - 1])) {
        surface.line(x(plot, i - 1), y(plot, line.mean()[i - 1], top), x, y, 2, color);
      }
    }
  }
}
