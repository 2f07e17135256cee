package dev.diopter.lens.plotting;

import dev.diopter.lens.pictures.Surface;

/**
 * A figure on a surface: rows from the bottom up as Plotly has them, the output on top; a colour
 * bar beside each panel. Many positions are folded into bands below each other, so that the labels
 * stay large enough to read.
 */
final class FigureDrawing {
  private static final int MARGIN = 16;
  private static final int TITLE = 34;
  private static final int LABELS = 64;
  private static final int BAR_GAP = 18;
  private static final int BAR = 16;
  private static final int BAR_LABELS = 132;
  private static final int ROW = 24;
  private static final int AXIS = 46;
  private static final int NAME = 26;
  private static final int FONT = 12;
  private static final int INK = 0x1B1F24;
  private static final int SOFT = 0x59636E;
  private static final int EMPTY = 0xE3E6EA;

  /** Widest band in pixels, unless one position is wider. */
  private static final int BAND = 4000;

  /** Width of a character of the font, about. */
  private static final double CHARACTER = 7.4;

  /** Behind the name of the rows, which stands below them. */
  private static final String UPWARD = " \u2191";

  private final Figure figure;
  private final int perBand;
  private final int bands;

  FigureDrawing(Figure figure) {
    this.figure = figure;
    int positions = figure.panels().getFirst().positions();
    int most = Math.max(1, BAND / figure.tokenWidth());
    this.bands = (positions + most - 1) / most;
    this.perBand = (positions + bands - 1) / bands;
  }

  int width() {
    return Math.max(
        420, 2 * MARGIN + LABELS + perBand * figure.tokenWidth() + BAR_GAP + BAR + BAR_LABELS);
  }

  int height() {
    int band = AXIS;
    for (Heatmap panel : figure.panels()) {
      band += NAME + panel.rows() * ROW;
    }
    return 2 * MARGIN + (figure.title().isEmpty() ? 0 : TITLE) + bands * band;
  }

  void draw(Surface surface) {
    surface.fill(0, 0, width(), height(), 0xFFFFFF);
    int y = MARGIN;
    if (!figure.title().isEmpty()) {
      surface.text(figure.title(), width() / 2.0, y + 18, 17, Surface.Anchor.MIDDLE, INK);
      y += TITLE;
    }
    int positions = figure.panels().getFirst().positions();
    for (int from = 0; from < positions; from += perBand) {
      int to = Math.min(positions, from + perBand);
      for (Heatmap panel : figure.panels()) {
        panel(surface, panel, from, to, y);
        y += NAME + panel.rows() * ROW;
      }
      axis(surface, figure.panels().getFirst(), from, to, y);
      y += AXIS;
    }
  }

  private static int left() {
    return MARGIN + LABELS;
  }

  private void panel(Surface surface, Heatmap map, int from, int to, int top) {
    String name =
        from == 0 && to == map.positions()
            ? map.colorbarTitle()
            : "%s, positions %d to %d".formatted(map.colorbarTitle(), from, to - 1);
    surface.text(name, left(), top + 18, 13, Surface.Anchor.START, INK);
    int cell = figure.tokenWidth();
    for (int row = 0; row < map.rows(); row++) {
      int y = top + NAME + (map.rows() - 1 - row) * ROW;
      surface.text(map.layer(row), left() - 6, y + ROW / 2.0 + 4, FONT, Surface.Anchor.END, SOFT);
      for (int position = from; position < to; position++) {
        int x = left() + (position - from) * cell;
        double share = map.share(row, position);
        int color = Double.isNaN(share) ? EMPTY : map.colors().color(share);
        surface.fill(x, y, cell, ROW, color);
        String text = fitting(map.text(row, position), cell - 4);
        if (!text.isEmpty()) {
          surface.text(
              text,
              x + cell / 2.0,
              y + ROW / 2.0 + 4,
              FONT,
              Surface.Anchor.MIDDLE,
              ColorStops.inkOn(color));
        }
      }
    }
    int right = left() + (to - from) * cell + BAR_GAP;
    bar(surface, map, right, top + NAME);
  }

  private static String fitting(String text, int room) {
    int most = Math.max(1, (int) (room / CHARACTER));
    int length = text.codePointCount(0, text.length());
    return length <= most
        ? text
        : text.substring(0, text.offsetByCodePoints(0, most - 1)) + "\u2026";
  }

  private static void bar(Surface surface, Heatmap map, int x, int top) {
    int height = map.rows() * ROW;
    int steps = Math.min(height, 64);
    for (int i = 0; i < steps; i++) {
      double from = (double) i * height / steps;
      surface.fill(
          x,
          top + from,
          BAR,
          (double) height / steps + 0.5,
          map.colors().color(1 - (i + 0.5) / steps));
    }
    double last = Double.POSITIVE_INFINITY;
    for (int i = 0; i < map.ticks().size(); i++) {
      double range = map.zmax() - map.zmin();
      double share = range > 0 ? (map.ticks().get(i) - map.zmin()) / range : 0.5;
      double y = top + (1 - share) * height;
      if (last - y < FONT + 2) {
        continue;
      }
      last = y;
      surface.line(x + BAR, y, x + BAR + 4, y, 1, SOFT);
      surface.text(map.tickTexts().get(i), x + BAR + 7, y + 4, FONT, Surface.Anchor.START, SOFT);
    }
  }

  private void axis(Surface surface, Heatmap map, int from, int to, int top) {
    int cell = figure.tokenWidth();
    for (int position = from; position < to; position++) {
      surface.text(
          fitting(map.sequence(position), cell - 4),
          left() + (position - from + 0.5) * cell,
          top + 16,
          FONT,
          Surface.Anchor.MIDDLE,
          INK);
    }
    Figure.Axes axes = figure.axes();
    double middle = left() + (to - from) * cell / 2.0;
    if (!axes.areLayers()) {
      surface.text(axes.rows() + UPWARD, MARGIN, top + 34, FONT, Surface.Anchor.START, SOFT);
      int beside = (axes.rows() + UPWARD).length() + axes.columns().length() / 2 + 2;
      middle = Math.max(middle, MARGIN + beside * CHARACTER);
    }
    surface.text(axes.columns(), middle, top + 34, FONT, Surface.Anchor.MIDDLE, SOFT);
  }
}
