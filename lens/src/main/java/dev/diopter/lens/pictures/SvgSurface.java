package dev.diopter.lens.pictures;

import java.util.Base64;

/**
 * An SVG picture that is drawn by writing it: one line, no scripts, no links, the same drawing the
 * same bytes. Pixels are embedded as PNG.
 */
public final class SvgSurface implements Surface {
  private static final int REPLACEMENT = 0xFFFD;

  private final int width;
  private final int height;
  private final StringBuilder svg = new StringBuilder();

  /** An empty picture. */
  public SvgSurface(int width, int height) {
    this.width = width;
    this.height = height;
    svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"")
        .append(width)
        .append("\" height=\"")
        .append(height)
        .append("\" viewBox=\"0 0 ")
        .append(width)
        .append(' ')
        .append(height)
        .append("\" image-rendering=\"pixelated\">");
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int height() {
    return height;
  }

  @Override
  public void image(Raster raster, double x, double y, double w, double h) {
    svg.append("<image href=\"data:image/png;base64,")
        .append(Base64.getEncoder().encodeToString(Png.bytes(raster)))
        .append('"');
    if (x != 0 || y != 0) {
      attribute("x", x);
      attribute("y", y);
    }
    attribute("width", w);
    attribute("height", h);
    svg.append(" preserveAspectRatio=\"none\"/>");
  }

  @Override
  public void fill(double x, double y, double w, double h, int rgb) {
    svg.append("<rect");
    attribute("x", x);
    attribute("y", y);
    attribute("width", w);
    attribute("height", h);
    color("fill", rgb);
    svg.append("/>");
  }

  @Override
  public void line(double x1, double y1, double x2, double y2, double thickness, int rgb) {
    svg.append("<line");
    attribute("x1", x1);
    attribute("y1", y1);
    attribute("x2", x2);
    attribute("y2", y2);
    attribute("stroke-width", thickness);
    color("stroke", rgb);
    svg.append("/>");
  }

  @Override
  public void area(double[] x, double[] y, int rgb, double opacity) {
    svg.append("<polygon points=\"");
    for (int i = 0; i < x.length; i++) {
      svg.append(i == 0 ? "" : " ").append(rounded(x[i])).append(',').append(rounded(y[i]));
    }
    svg.append('"');
    color("fill", rgb);
    attribute("fill-opacity", opacity);
    svg.append("/>");
  }

  @Override
  public void text(String text, double x, double y, double size, Anchor anchor, int rgb) {
    svg.append("<text");
    attribute("x", x);
    attribute("y", y);
    attribute("font-size", size);
    svg.append(" font-family=\"sans-serif\" xml:space=\"preserve\"");
    switch (anchor) {
      case START -> {}
      case MIDDLE -> svg.append(" text-anchor=\"middle\"");
      case END -> svg.append(" text-anchor=\"end\"");
    }
    color("fill", rgb);
    svg.append('>').append(escaped(text)).append("</text>");
  }

  /** What was drawn. */
  public String finish() {
    return svg + "</svg>";
  }

  /** A text as XML has it; what XML cannot hold is replaced. */
  static String escaped(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '<' -> out.append("&lt;");
            case '>' -> out.append("&gt;");
            case '&' -> out.append("&amp;");
            case '"' -> out.append("&quot;");
            default -> out.appendCodePoint(isXml(c) ? c : REPLACEMENT);
          }
        });
    return out.toString();
  }

  private static boolean isXml(int c) {
    return c == '\t'
        || c == '\n'
        || (c >= 0x20 && c < 0xD800)
        || (c >= 0xE000 && c != 0xFFFE && c != 0xFFFF);
  }

  private void attribute(String name, double value) {
    svg.append(' ').append(name).append("=\"").append(rounded(value)).append('"');
  }

  private static String rounded(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? Long.toString((long) value)
        : Double.toString(Math.rint(value * 1000) / 1000);
  }

  private void color(String name, int rgb) {
    svg.append(' ').append(name).append("=\"#");
    String digits = Integer.toHexString(rgb & 0xFFFFFF);
    svg.append("0".repeat(6 - digits.length())).append(digits).append('"');
  }
}
