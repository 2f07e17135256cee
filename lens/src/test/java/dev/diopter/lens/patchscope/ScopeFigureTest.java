package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.diopter.engine.Model;
import dev.diopter.engine.UsageException;
import dev.diopter.lens.plotting.Figure;
import dev.diopter.lens.plotting.TrajectoryStatistic;
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
