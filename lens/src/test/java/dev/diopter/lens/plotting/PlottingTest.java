package dev.diopter.lens.plotting;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.Targets;
import dev.diopter.lens.trajectory.TopTokens;
import dev.diopter.lens.trajectory.Trajectories;
import dev.diopter.lens.trajectory.Trajectory;
import dev.diopter.lens.trajectory.TrajectoryBatch;
import dev.diopter.lens.trajectory.TrajectoryOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The reference's fixtures F7 to F9 and its defects, and what figures must be. */
class PlottingTest {
  @TempDir Path folder;

  @Test
  void format_tokens_cutsFirstAndReplacesThen() {
    TokenFormatter seven = TokenFormatter.DEFAULT;
    assertThat(seven.format(null)).isEqualTo("<unk>");
    assertThat(seven.format("ThisIsALongToken")).isEqualTo("ThisIs\u2026");
    assertThat(seven.format("1234567")).isEqualTo("1234567");
    assertThat(seven.format("12345678")).isEqualTo("123456\u2026");
    assertThat(seven.format("\u0120hello!")).isEqualTo("_hello!");
    assertThat(seven.format("\u010A".repeat(8))).hasSize(13);
    assertThat(seven.format("\uD83D\uDE00".repeat(8)))
        .isEqualTo("\uD83D\uDE00".repeat(6) + "\u2026");
    TokenFormatter any = seven.maxStringLen(null);
    assertThat(any.format("ThisIsALongToken")).isEqualTo("ThisIsALongToken");
    assertThat(any.format("Line1\u010ALine2\u0120Line3")).isEqualTo("Line1\\nLine2_Line3");
    assertThat(seven.pad("abc")).isEqualTo("abc    ");
    assertThat(seven.pad("abcdefghi")).isEqualTo("abcdefg");
    assertThat(any.pad("abc")).isEqualTo("abc");
  }

  @ParameterizedTest
  @CsvSource({"abc,5,'  abc'", "abcdef,3,def", "abc,0,''", "'',2,'  '", "abc,3,abc"})
  void truncStringLeft_keepsTheEnd(String text, int width, String expected) {
    assertThat(FixedWidth.truncStringLeft(text, width)).isEqualTo(expected);
  }

  @Test
  void stride_fixtureF7_keepsFirstAndLast() {
    double[][] five = {{1}, {2}, {3}, {4}, {5}};
    double[][] expected = {{1, 2, 3, 4, 5}, {1, 3, 5}, {1, 4, 5}, {1, 5}, {1, 5}};
    for (int stride = 1; stride <= 5; stride++) {
      double[][] rows = TrajectoryStatistic.of("x", five, null, true).stride(stride).stats();
      assertThat(rows).hasNumberOfRows(expected[stride - 1].length);
      for (int row = 0; row < rows.length; row++) {
        assertThat(rows[row]).containsExactly(expected[stride - 1][row]);
      }
    }
    assertThat(Strides.rows(2, 13)).containsExactly(0, 2, 4, 6, 8, 10, 12);
    assertThat(Strides.rows(5, 13)).containsExactly(0, 5, 10, 12);
    assertThat(Strides.rows(2, 12)).containsExactly(0, 2, 4, 6, 8, 10, 11);
    assertThat(Strides.rows(3, 1)).containsExactly(0);
    assertThatThrownBy(() -> Strides.rows(0, 3)).hasMessageContaining("at least 1, got 0");
    TrajectoryStatistic zeros = TrajectoryStatistic.of("x", new double[3][2], "u", true).stride(2);
    assertThat(zeros.layerLabels()).containsExactly("0", "output");
    assertThat(zeros.units()).isEqualTo("u");
    TrajectoryStatistic inner = TrajectoryStatistic.of("x", new double[3][2], "u", false);
    assertThat(inner.layerLabels()).containsExactly("0", "1", "2");
  }

  @Test
  void templateAndCustomdata_fixtureF8_isPlotlys() {
    String[][][][] entries = {{{{"ab", "c"}, {"de", "f"}}}, {{{"idk", "l"}, {"mno", "p"}}}};
    TrajectoryLabels labels = new TrajectoryLabels(new String[][] {{"a"}, {"b"}}, entries);
    TrajectoryLabels.Hover hover = labels.templateAndCustomdata(10);
    assertThat(hover.template())
        .isEqualTo(
            "%{customdata[0]}%{customdata[1]}<br>%{customdata[2]}%{customdata[3]}<br><extra></extra>");
    assertThat(hover.customdata()[0][0]).containsExactly("  ab", " c", "  de", " f");
    assertThat(hover.customdata()[1][0]).containsExactly(" idk", " l", " mno", " p");
    assertThatThrownBy(
            () -> new TrajectoryLabels(new String[][] {{"a"}}, null).templateAndCustomdata(10))
        .hasMessageContaining("expected hover tables");
  }

  @Test
  void clip_setsValuesAndColours() {
    TrajectoryStatistic clipped =
        TrajectoryStatistic.of("x", new double[][] {{.1, 2}, {3, Double.NaN}}, null, true)
            .clip(1, 3);
    assertThat(clipped.stats()[0]).containsExactly(1, 2);
    assertThat(clipped.stats()[1]).containsExactly(3, Double.NaN);
    assertThat(clipped.min()).isEqualTo(1);
    assertThat(clipped.max()).isEqualTo(3);
    assertThatThrownBy(() -> clipped.clip(2, 2)).hasMessageContaining("smaller to a larger");
  }

  @Test
  void heatmap_logScale_keepsItsTitleAndLivesWithZero() {
    double[][] ranks = {{1, 50257}, {10, 0}};
    Heatmap map =
        new TrajectoryStatistic(
                "Rank", ranks, null, null, "", 50257.0, 1.0, true, new String[] {"0", "output"})
            .heatmap(HeatmapOptions.DEFAULT.logScale(true));
    assertThat(map.ticks()).containsExactly(0.0, 1.0, 2.0, 3.0, 4.0);
    assertThat(map.tickTexts()).startsWith("10^0.0", "10^1.0");
    assertThat(map.zmax()).isCloseTo(4.7011966, within(1e-7));
    assertThat(map.colorbarTitle()).isEqualTo("Rank");
    assertThat(map.share(1, 1)).isZero();
    JsonNode bar = new Figure("", List.of(map), 80).plotly().path("data").get(0).path("colorbar");
    assertThat(bar.path("title").path("text").stringValue()).isEqualTo("Rank");
    assertThat(bar.path("tickvals").size()).isEqualTo(5);
    double[][] divergences = {{0, .5}, {.01, 0}};
    Heatmap fromZero =
        new TrajectoryStatistic(
                "KL", divergences, null, null, "nats", null, 0.0, true, new String[] {"0", "o"})
            .heatmap(HeatmapOptions.DEFAULT.logScale(true));
    assertThat(fromZero.zmin()).isEqualTo(-2);
    assertThat(fromZero.colorbarTitle()).isEqualTo("KL (nats)");
  }

  @Test
  void heatmap_options_overrideWhatTheStatisticSays() {
    Heatmap map =
        TrajectoryStatistic.of("x", new double[][] {{0, 1}}, "u", true)
            .heatmap(
                new HeatmapOptions(ColorStops.named("Viridis"), false, -1.0, 2.0, "mine", false));
    assertThat(map.zmin()).isEqualTo(-1);
    assertThat(map.zmax()).isEqualTo(2);
    assertThat(map.colorbarTitle()).isEqualTo("mine");
    assertThat(map.colors().colors().getFirst()).isEqualTo(0x440154);
    assertThatThrownBy(() -> ColorStops.named("jet")).isInstanceOf(UsageException.class);
    assertThat(ColorStops.RDBU_R.color(0)).isEqualTo(0x053061);
    assertThat(ColorStops.RDBU_R.color(1)).isEqualTo(0x67001F);
    assertThat(ColorStops.RDBU_R.color(.5)).isEqualTo(0xF7F7F7);
  }

  @Test
  void figure_smallest_hasTheOriginalsSize() {
    JsonNode figure = TrajectoryStatistic.of("x", new double[3][2], "u", true).figure("t").plotly();
    assertThat(figure.path("layout").path("width").intValue()).isEqualTo(360);
    assertThat(figure.path("layout").path("title").path("x").doubleValue()).isEqualTo(.5);
  }

  @Test
  void statistic_shapesThatDoNotFit_areRefused() {
    String[][] two = {{"a", "b"}, {"c", "d"}};
    assertThatThrownBy(() ->
            new TrajectoryStatistic(
                "x",
                new double[2][3],
                null,
                new TrajectoryLabels(two, null),
                null,
                null,
                null,
                true,
                new String[] {"0", "1"}))
        .hasMessageContaining("expected labels of 2 x 3 cells");
    assertThatThrownBy(() -> TrajectoryStatistic.of("x", new double[0][0], null, true))
        .hasMessageContaining("expected rows");
    assertThatThrownBy(() ->
            new Figure(
                "",
                List.of(
                    TrajectoryStatistic.of("x", new double[2][3], null, true).heatmap(),
                    TrajectoryStatistic.of("x", new double[2][4], null, true).heatmap()),
                80))
        .hasMessageContaining("equally many positions, got 3 and 4");
  }

  private static final String[] WORDS = {
    "\u0120the",
    "\u0120the",
    "\u010A",
    "<script>alert(1)</script>&\"'",
    "\u4F60\u597D",
    "\uD83D\uDE00",
    "averyveryverylongtokenindeed",
    "\u0120",
    "\u05E9\u05DC\u05D5\u05DD"
  };

  private static Trajectory trajectory(int positions, int seed) {
    int vocabulary = WORDS.length;
    List<float[]> rows = new ArrayList<>();
    java.util.Random random = new java.util.Random(seed);
    for (int row = 0; row < 5; row++) {
      float[] logits = new float[positions * vocabulary];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = (float) (random.nextGaussian() * (1 + row));
      }
      rows.add(logits);
    }
    int[] ids = new int[positions];
    for (int i = 0; i < positions; i++) {
      ids[i] = (i * 5 + seed) % vocabulary;
    }
    return Trajectories.ofLogits(
        ids, vocabulary, rows, TrajectoryOptions.DEFAULT.targets(Targets.next(ids)));
  }

  private static Figure figure(int positions) {
    Trajectory trajectory = trajectory(positions, 1);
    List<Heatmap> panels = new ArrayList<>();
    for (LensStatistic statistic : List.of(LensStatistic.ENTROPY, LensStatistic.RANK)) {
      panels.add(
          TrajectoryStatistic.of(trajectory, statistic, id -> WORDS[id], TokenFormatter.DEFAULT)
              .heatmap());
    }
    return new Figure("Duplicate & <long> tokens", panels, 80);
  }

  @Test
  void top_moreThanThereAre_givesAll() {
    assertThat(trajectory(1, 0).top().ids()[0][0]).hasSize(WORDS.length);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 60, 512})
  void write_everyKind_isWhole(int positions) throws IOException {
    Figure figure = figure(positions);
    Path html = folder.resolve("f.html");
    figure.write(html);
    assertThat(Files.readString(html))
        .contains("Content-Security-Policy", "<h1>Duplicate &amp; &lt;long&gt; tokens</h1>")
        .doesNotContain("<script>alert", "http://", "https://");
    Path plotly = folder.resolve("f.plotly.json");
    figure.write(plotly);
    JsonNode tree = Json.read(plotly);
    assertThat(tree.path("data").size()).isEqualTo(2);
    assertThat(tree.path("data").get(1).path("yaxis").stringValue()).isEqualTo("y2");
    List<String> x = new ArrayList<>();
    tree.path("data").get(0).path("x").forEach(label -> x.add(label.stringValue()));
    assertThat(x).doesNotHaveDuplicates().hasSize(positions);
    Path svg = folder.resolve("f.svg");
    figure.write(svg);
    assertThat(Files.readString(svg)).startsWith("<svg ").endsWith("</svg>");
    Path png = folder.resolve("f.png");
    figure.write(png);
    var image = ImageIO.read(new ByteArrayInputStream(Files.readAllBytes(png)));
    assertThat(image.getWidth()).isLessThan(4400);
    assertThat(figure.picture(PictureFormat.PNG)).isEqualTo(Files.readAllBytes(png));
  }

  @Test
  void write_otherSuffix_isRefused() {
    assertThatThrownBy(() -> figure(1).write(folder.resolve("f.json")))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected a file name with .html, .svg, .svgz, .png or .plotly.json");
  }

  @Test
  void plotly_valuesOfALastPositionWithoutTarget_areLeftOut() {
    JsonNode rank = figure(3).plotly().path("data").get(1);
    assertThat(rank.path("z").get(0).get(2).isNull()).isTrue();
    assertThat(rank.path("z").get(0).get(1).isNumber()).isTrue();
    assertThat(rank.path("zmax").doubleValue()).isEqualTo(WORDS.length);
  }

  @Test
  void labels_ofABatch_areStarsWhereItsPromptsDiffer() {
    TrajectoryBatch batch =
        new TrajectoryBatch(List.of(trajectory(4, 0), trajectory(4, 0), trajectory(4, 1)));
    TrajectoryStatistic mean =
        TrajectoryStatistic.of(
            batch, LensStatistic.ENTROPY, id -> WORDS[id], TokenFormatter.DEFAULT);
    assertThat(mean.sequenceLabels()).containsOnly("*");
    TrajectoryLabels labels = mean.trajectoryLabels();
    assertThat(labels.hoverOverEntries()[0][0][0]).hasSize(6);
    assertThat(labels.templateAndCustomdata(10).template()).contains("%{customdata[53]}<br>");
    TrajectoryStatistic same =
        TrajectoryStatistic.of(
            new TrajectoryBatch(List.of(trajectory(4, 0), trajectory(4, 0))),
            LensStatistic.ENTROPY,
            id -> WORDS[id],
            TokenFormatter.DEFAULT);
    assertThat(same.sequenceLabels()).doesNotContain("*");
  }

  /** The original blanks every label of a figure where one cell is too small. */
  @Test
  void labels_smallProbability_blankTheirOwnCellOnly() {
    TopTokens top = new TopTokens(new int[][][] {{{0}, {4}}}, new float[][][] {{{.05f}, {.9f}}});
    TrajectoryLabels labels =
        TrajectoryLabels.largestProbabilities(
            List.of(top), id -> WORDS[id], TokenFormatter.DEFAULT, .1);
    assertThat(labels.labelStrings()[0]).containsExactly("", "\u4F60\u597D");
    assertThat(labels.hoverOverEntries()[0][1][0]).containsExactly("\u4F60\u597D", "90.00%");
    TopTokens changes =
        new TopTokens(new int[][][] {{{0}, {4}}}, new float[][][] {{{-.3f}, {.1f}}});
    TrajectoryLabels changed =
        TrajectoryLabels.largestChanges(
            List.of(changes), id -> WORDS[id], TokenFormatter.DEFAULT, .2);
    assertThat(changed.labelStrings()[0]).containsExactly("_the", "");
    assertThat(changed.hoverOverEntries()[0][0][0][1]).isEqualTo("\u0394-30.00%");
  }

  @Test
  void page_namesCannotEndItsData() {
    String html =
        new String(
            figure(4).page().html().getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    assertThat(html.split("</script>", -1)).hasSize(3);
  }
}
