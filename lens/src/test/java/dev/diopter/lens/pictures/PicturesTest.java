package dev.diopter.lens.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;

/** Files and surfaces, read back by the JDK's own readers. */
class PicturesTest {
  private static final Raster DOTS = new Raster(2, 1, new int[] {0xFF0000, 0x0000FF});

  @Test
  void png_anySize_readsBack() throws IOException {
    long seed = 7;
    Random random = new Random(seed);
    for (int[] size : new int[][] {{1, 1}, {2, 3}, {31, 31}, {257, 3}, {400, 300}}) {
      int[] rgb = random.ints(size[0] * size[1], 0, 1 << 24).toArray();
      BufferedImage image =
          ImageIO.read(new ByteArrayInputStream(Png.bytes(new Raster(size[0], size[1], rgb))));
      assertThat(image.getWidth()).isEqualTo(size[0]);
      assertThat(image.getHeight()).isEqualTo(size[1]);
      for (int i = 0; i < rgb.length; i++) {
        assertThat(image.getRGB(i % size[0], i / size[0]) & 0xFFFFFF)
            .as("seed %d", seed)
            .isEqualTo(rgb[i]);
      }
    }
  }

  @Test
  void png_sameRaster_hasTheSameBytes() {
    assertThat(Png.bytes(DOTS)).isEqualTo(Png.bytes(new Raster(2, 1, DOTS.rgb().clone())));
  }

  @Test
  void raster_wholeImage_isCopied() {
    RasterSurface surface = new RasterSurface(3, 2);
    surface.image(DOTS, 1, 1, 2, 1);
    assertThat(surface.finish().rgb())
        .containsExactly(0xFFFFFF, 0xFFFFFF, 0xFFFFFF, 0xFFFFFF, 0xFF0000, 0x0000FF);
  }

  @Test
  void raster_scaledImage_hasSharpSquares() {
    RasterSurface surface = new RasterSurface(4, 2);
    surface.image(DOTS, 0, 0, 4, 2);
    Raster drawn = surface.finish();
    for (int y = 0; y < 2; y++) {
      assertThat(new int[] {drawn.at(0, y), drawn.at(1, y), drawn.at(2, y), drawn.at(3, y)})
          .containsExactly(0xFF0000, 0xFF0000, 0x0000FF, 0x0000FF);
    }
  }

  @Test
  void raster_shapesAndOwnGraphics_landOnTheSamePixels() {
    RasterSurface surface = new RasterSurface(10, 10);
    surface.fill(0, 0, 5, 10, 0x00FF00);
    surface.line(0, 9.5, 10, 9.5, 1, 0x000000);
    surface.graphics().setColor(Color.RED);
    surface.graphics().fillRect(6, 0, 2, 2);
    surface.text("m", 9, 8, 6, Surface.Anchor.END, 0x0000FF);
    Raster drawn = surface.finish();
    assertThat(drawn.at(2, 2)).isEqualTo(0x00FF00);
    assertThat(drawn.at(5, 9)).isEqualTo(0x000000);
    assertThat(drawn.at(7, 1)).isEqualTo(0xFF0000);
    assertThat(drawn.at(9, 1)).isEqualTo(0xFFFFFF);
  }

  @Test
  void svg_image_isOneLineWithAPngInside() throws Exception {
    Surface surface = PictureFormat.SVG.surface(2, 1);
    surface.image(DOTS, 0, 0, 2, 1);
    String svg = new String(PictureFormat.SVG.bytes(surface), StandardCharsets.UTF_8);
    assertThat(svg)
        .startsWith("<svg xmlns=")
        .endsWith("</svg>")
        .contains("width=\"2\" height=\"1\" viewBox=\"0 0 2 1\" image-rendering=\"pixelated\">")
        .doesNotContain("\n");
    String start = "<image href=\"data:image/png;base64,";
    int from = svg.indexOf(start) + start.length();
    byte[] png = Base64.getDecoder().decode(svg.substring(from, svg.indexOf('"', from)));
    assertThat(png).isEqualTo(Png.bytes(DOTS));
    parse(svg);
  }

  @Test
  void svg_shapesAndText_areWellFormed() throws Exception {
    SvgSurface surface = new SvgSurface(100, 50);
    surface.fill(0.5, 1, 10, 10.25, 0x0A0B0C);
    surface.line(0, 0, 5, 5, 0.5, 0xFFFFFF);
    surface.text("a<b>&\"\u0000\ud800\ufffe\ud83d\ude42 ", 1, 2, 12, Surface.Anchor.MIDDLE, 0);
    Document document = parse(surface.finish());
    assertThat(document.getElementsByTagName("text").item(0).getTextContent())
        .isEqualTo("a<b>&\"\ufffd\ufffd\ufffd\ud83d\ude42 ");
    assertThat(surface.finish())
        .contains(
            "<rect x=\"0.5\" y=\"1\" width=\"10\" height=\"10.25\" fill=\"#0a0b0c\"/>",
            "text-anchor=\"middle\"");
  }

  @Test
  void svgz_drawing_isTheSvgCompressed() throws IOException {
    SvgSurface drawing = new SvgSurface(2, 1);
    drawing.image(DOTS, 0, 0, 2, 1);
    byte[] packed = PictureFormat.SVGZ.bytes(drawing);
    assertThat(new GZIPInputStream(new ByteArrayInputStream(packed)).readAllBytes())
        .isEqualTo(drawing.finish().getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void format_unknown_isRefused() {
    assertThat(PictureFormat.of("svgz")).isEqualTo(PictureFormat.SVGZ);
    assertThatThrownBy(() -> PictureFormat.of("PDF"))
        .hasMessage("expected png, svg or svgz, got 'PDF'");
  }

  private static Document parse(String svg) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
    return factory
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
  }
}
