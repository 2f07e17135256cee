package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.pictures.PictureFormat;
import dev.diopter.lens.plotting.Figure;
import dev.diopter.lens.plotting.TrajectoryStatistic;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Heatmaps of cells (A18). */
class ScopeFigureTest {
  private static Model model;
  private static Patch patch;

  @BeforeAll
  static void open() {
    model = Models.open("demo-llama", "cpu", 1);
    patch =
        Patch.of(
            Source.of(model, "The sun and the sun").at(-1),
            Target.of(model, "The moon is").at(-1).newTokens(1));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static List<Cell> grid(String sources, String targets) {
    return Patchscope.of(
            Sweep.of(patch)
                .grid(Layer.list(sources, model.config()), Layer.list(targets, model.config())))
        .run();
  }

  private static TrajectoryStatistic only(List<Cell> cells, int columns) {
    Figure figure = ScopeFigure.of("t", List.of(new ScopeFigure.Panel("patched", cells)), columns);
    return figure.panels().getFirst().statistic();
  }

  @Test
  void of_gridThatIsNotSquare_hasSourceLayersAcrossAndTargetLayersUpward() {
    List<Cell> cells = grid("embed,1,4", "2,final");
    TrajectoryStatistic drawn = only(cells, 3);
    assertThat(drawn.sequenceLabels()).containsExactly("from embed", "from 1", "from 4");
    assertThat(drawn.layerLabels()).containsExactly("to 2", "to final");
    for (int column = 0; column < 3; column++) {
      for (int row = 0; row < 2; row++) {
        Reading.Candidate best = cells.get(column * 2 + row).reading().top().getFirst();
        assertThat(drawn.stats()[row][column]).isEqualTo(best.probability());
      }
    }
  }

  private static Figure.Axes axes(Sweep sweep) {
    List<Cell> cells = Patchscope.of(sweep).run();
    int columns = CellLayout.of(cells).columns();
    return ScopeFigure.of("t", List.of(new ScopeFigure.Panel("patched", cells)), columns).axes();
  }

  @Test
  void axes_areWhatColumnsAndRowsAre() {
    List<Layer> layers = Layer.list("0,1", model.config());
    List<Heads> heads = List.of(Heads.of(0), Heads.of(3));
    Sweep byHead = Sweep.of(patch.source(patch.source().heads(Heads.of(1)))).targetHeads(heads);
    Sweep byPosition = Sweep.of(patch).targetPositions(List.of(Positions.at(0), Positions.at(1)));
    String both = "Source and target layer";
    assertThat(axes(Sweep.of(patch).grid(layers, layers)))
        .isEqualTo(new Figure.Axes("Source layer", "Target layer", false));
    assertThat(axes(byPosition.grid(layers, layers)).columns()).isEqualTo("Source layer, position");
    assertThat(axes(byPosition.diagonal(layers)))
        .isEqualTo(new Figure.Axes("Position", both, false));
    assertThat(axes(byHead.diagonal(layers))).isEqualTo(new Figure.Axes("Head", both, false));
  }

  @Test
  void write_eachKind_namesItsAxesAndNumbersNoColumns() {
    List<Cell> cells = grid("embed,0,1", "2,3");
    Figure figure = ScopeFigure.of("t", List.of(new ScopeFigure.Panel("patched", cells)), 3);
    String svg = new String(figure.picture(PictureFormat.SVG), StandardCharsets.UTF_8);
    assertThat(svg).contains(">Source layer<", ">Target layer \u2191<").doesNotContain(">Input<");
    String html = figure.page().html();
    assertThat(html).contains("<th>Target layer</th>").doesNotContain("class=\"place\"");
    assertThat(figure.plotly().at("/layout/yaxis/title/text").stringValue())
        .isEqualTo("Target layer");
  }

  @Test
  void of_bothSidesVarying_cutsNoLabel() {
    List<Positions> each = List.of(Positions.at(1), Positions.at(2));
    Sweep sweep =
        Sweep.of(patch)
            .over(each, (p, at) -> p.source(p.source().at(at)).target(p.target().at(at)))
            .grid(Layer.list("0,1", model.config()), Layer.list("0,1", model.config()));
    List<Cell> cells = Patchscope.of(sweep).run();
    Figure figure = ScopeFigure.of("t", List.of(new ScopeFigure.Panel("patched", cells)), 4);
    assertThat(new String(figure.picture(PictureFormat.SVG), StandardCharsets.UTF_8))
        .contains("from 0 @1 sun&gt;moon");
  }

  @Test
  void of_cellsThatDoNotFit_isRefused() {
    List<Cell> cells = grid("0-2", "0,1");
    assertThatThrownBy(() -> only(cells, 4))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected 4 columns of equally many cells, got 6 cells");
    assertThatThrownBy(() -> only(cells.subList(0, 5), 3)).isInstanceOf(UsageException.class);
    assertThatThrownBy(() -> only(List.of(), 1)).isInstanceOf(UsageException.class);
  }

  @Test
  void of_equalLabels_keepTheirOwnColumns() {
    // The same layer twice, and a prompt with a token twice: no cell is merged with another.
    TrajectoryStatistic drawn = only(grid("1,1,1", "0,0"), 3);
    assertThat(drawn.sequenceLabels()).containsExactly("from 1", "from 1", "from 1");
    assertThat(drawn.layerLabels()).containsExactly("to 0", "to 0");
    assertThat(drawn.stats()).hasDimensions(2, 3);
  }

  @Test
  void of_diagonal_isMarkedAndGoesToItsPair() {
    List<Layer> layers = Layer.list("0-3", model.config());
    List<Cell> diagonal = Patchscope.of(Sweep.of(patch).diagonal(layers)).run();
    TrajectoryStatistic drawn = only(diagonal, 4);
    assertThat(drawn.layerLabels()).containsExactly("to its pair");
    assertThat(drawn.trajectoryLabels().labelStrings()[0])
        .allSatisfy(text -> assertThat(text).startsWith("\u25c6 "));
    TrajectoryStatistic square = only(grid("0,1", "0,1"), 2);
    assertThat(square.trajectoryLabels().labelStrings()[0][0]).startsWith("\u25c6");
    assertThat(square.trajectoryLabels().labelStrings()[0][1]).doesNotStartWith("\u25c6");
    // One source layer into one target layer has a name.
    assertThat(only(grid("0", "3"), 1).layerLabels()).containsExactly("to 3");
  }

  @Test
  void of_pairsAtEveryPosition_hasPositionsAcrossAndLayersUpward() {
    List<Positions> each =
        java.util.stream.IntStream.range(0, 3).mapToObj(i -> Positions.at(i)).toList();
    Sweep sweep =
        Sweep.of(patch)
            .over(each, (p, at) -> p.source(p.source().at(at)).target(p.target().at(at)))
            .diagonal(Layer.list("0,2", model.config()));
    List<Cell> cells = Patchscope.of(sweep).run();
    int columns = CellLayout.of(cells).columns();
    TrajectoryStatistic drawn = only(cells, columns);
    assertThat(drawn.stats()).hasDimensions(2, 3);
    assertThat(drawn.layerLabels()).containsExactly("0", "2");
    // The position is said once, with the token of either prompt.
    assertThat(drawn.sequenceLabels()).containsExactly("@0 The", "@1 sun>moon", "@2 and>is");
    assertThat(drawn.stats()[1][2])
        .isEqualTo(cells.get(5).reading().top().getFirst().probability());
    assertThat(drawn.trajectoryLabels().labelStrings()[0][0]).doesNotContain("\u25c6");
  }

  @Test
  void of_pairsForEveryHead_hasHeadsAcross() {
    List<Heads> heads = List.of(Heads.of(0), Heads.of(3));
    Sweep sweep =
        Sweep.of(patch)
            .over(heads, (p, h) -> p.source(p.source().heads(h)).target(p.target().heads(h)))
            .pairs(Layer.list("0,1,2", model.config()), Layer.list("2,1,0", model.config()));
    List<Cell> cells = Patchscope.of(sweep).run();
    TrajectoryStatistic drawn = only(cells, CellLayout.of(cells).columns());
    assertThat(drawn.stats()).hasDimensions(3, 2);
    assertThat(drawn.layerLabels()).containsExactly("0 to 2", "1", "2 to 0");
    assertThat(drawn.sequenceLabels()).containsExactly("H0", "H3");
  }

  @Test
  void layout_ofGridsAndPairs_isAsBefore() {
    assertThat(CellLayout.of(grid("0-2", "0,1")).columns()).isEqualTo(3);
    List<Layer> layers = Layer.list("0-3", model.config());
    assertThat(CellLayout.of(Patchscope.of(Sweep.of(patch).diagonal(layers)).run()).columns())
        .isEqualTo(4);
    Sweep varied = Sweep.of(patch).targetPositions(List.of(Positions.at(0), Positions.at(1)));
    List<Cell> cells = Patchscope.of(varied.grid(layers.subList(0, 2), layers.subList(0, 3))).run();
    CellLayout layout = CellLayout.of(cells);
    assertThat(layout.columns()).isEqualTo(4);
    assertThat(layout.column(0)).startsWith("from 0 > @0");
    assertThat(layout.column(3)).startsWith("from 1 > @1");
    assertThat(layout.row(2)).isEqualTo("to 2");
  }

  @Test
  void under_anotherRoute_changesTheLayersAndNothingElse() {
    Cell cell = Patchscope.run(Controls.unpatched(patch));
    Mapping.Route route = new Mapping.Route(2, 5);
    Cell under = cell.under(route);
    assertThat(under.route()).isEqualTo(route);
    assertThat(under.index()).isEqualTo(cell.index());
    assertThat(under.patch()).isEqualTo(cell.patch());
    assertThat(under.reading()).isEqualTo(cell.reading());
    assertThat(under.logits()).isSameAs(cell.logits());
    assertThat(under.generatedIds()).isSameAs(cell.generatedIds());
    // So a control stands under the layers of the cell that it is compared with.
    assertThat(only(List.of(under), 1).sequenceLabels()).containsExactly("from 1");
    assertThat(CellJson.object(under).get("target_layer").intValue()).isEqualTo(4);
  }
}
