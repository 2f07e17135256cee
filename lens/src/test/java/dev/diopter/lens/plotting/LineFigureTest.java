package dev.diopter.lens.plotting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.UsageException;
import dev.diopter.lens.pictures.PictureFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LineFigureTest {
  private static LineFigure figure() {
    LinePlot.Line a =
        new LinePlot.Line(
            "a & b",
            new long[] {2, 2, 0, 2},
            new double[] {0, .5, Double.NaN, 1},
            new double[] {0, .75, Double.NaN, .25});
    LinePlot.Line b =
        new LinePlot.Line("c", new long[] {1, 1, 1, 1}, new double[] {1, 1, 1, 1}, new double[4]);
    List<String> labels = List.of("embed", "0", "1", "2");
    return new LineFigure(
        "<title>",
        "layer",
        List.of(
            new LinePlot("precision", labels, List.of(a, b), 0, 1),
            new LinePlot("free", labels, List.of(a), 0, Double.POSITIVE_INFINITY)));
  }

  @Test
  void limits_bandsBeyondThem_endThere() {
    LinePlot bounded = figure().plots().getFirst();
    LinePlot free = figure().plots().getLast();
    assertThat(bounded.low()).isZero();
    assertThat(bounded.high()).isEqualTo(1);
    assertThat(free.high()).isEqualTo(1.5);
  }

  @Test
  void step_anyRange_isRoundAndHoldsTheLines() {
    for (double most : new double[] {1e-6, 0.03, 0.9, 1, 7, 26.1, 1e9}) {
      LinePlot.Line line =
          new LinePlot.Line("l", new long[] {1}, new double[] {most}, new double[1]);
      LinePlot plot = new LinePlot("p", List.of("0"), List.of(line), 0, Double.POSITIVE_INFINITY);
      assertThat(plot.high()).isBetween(most * (1 - 1e-9), most * 1.6);
      assertThat(Math.round((plot.high() - plot.low()) / plot.step())).isBetween(2L, 6L);
    }
  }

  @Test
  void lines_withoutARange_areDrawnAnyway() {
    LinePlot.Line line = new LinePlot.Line("l", new long[1], new double[1], new double[1]);
    LinePlot plot = new LinePlot("p", List.of("0"), List.of(line), 0, 1);
    assertThat(plot.high()).isGreaterThan(plot.low());
    byte[] png = new LineFigure("t", "x", List.of(plot)).picture(PictureFormat.PNG);
    assertThat(png).startsWith(0x89, 'P', 'N', 'G');
  }

  @Test
  void svg_ofTheSameFigure_isTheSameBytesWithoutMissingPoints() {
    String svg = new String(figure().picture(PictureFormat.SVG), StandardCharsets.UTF_8);
    assertThat(svg)
        .isEqualTo(new String(figure().picture(PictureFormat.SVG), StandardCharsets.UTF_8));
    assertThat(svg).contains("&lt;title&gt;", "a &amp; b").doesNotContain("NaN", "Infinity");
    // One band for the first two points of the first line in each plot, and one of no height.
    assertThat(svg.split("<polygon", -1)).hasSize(1 + 3);
  }

  @Test
  void write_everySuffix_writesTheNumbers(@TempDir Path folder) throws IOException {
    for (String suffix : List.of("html", "svg", "svgz", "png", "csv", "json")) {
      Path file = folder.resolve("f." + suffix);
      figure().write(file);
      assertThat(Files.size(file)).isPositive();
    }
    assertThat(Files.readString(folder.resolve("f.csv")))
        .contains("\"precision\",\"0\",\"a & b\",2,0.5,0.75\r\n");
    assertThat(Files.readString(folder.resolve("f.html")))
        .contains("0.500 \u00b1 0.750 (2)", "a &amp; b")
        .doesNotContain("<title>&lt;title&gt;</title><title>");
    assertThatThrownBy(() -> figure().write(folder.resolve("f.pdf")))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining(".svg");
  }
}
