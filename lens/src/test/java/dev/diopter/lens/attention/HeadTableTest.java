package dev.diopter.lens.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Json;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class HeadTableTest {
  private static final Path ROOT = Path.of(System.getProperty("diopter.root"));
  private static final Sampling SAMPLING = Sampling.DEFAULT;

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void table_transformerLensSequence_givesItsScores(String name) {
    JsonNode expected =
        Json.read(ROOT.resolve("fixtures/lens-cases").resolve(name).resolve("head-scores.json"));
    JsonNode list = expected.get("ids");
    int[] ids = IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
    try (Model model = Model.open(name, new ModelOptions("cpu", 1))) {
      List<HeadScores> table =
          HeadTable.of(
              model, RepeatedSequence.of(ids), null, SAMPLING, SinkSet.FIRST, null, _ -> {});
      assertThat(table).hasSize(model.config().layers() * model.config().heads());
      for (HeadScores scores : table) {
        int l = scores.head().layer();
        int h = scores.head().head();
        String what = name + " " + scores.head();
        assertThat(scores.previousToken())
            .as(what)
            .isCloseTo(expected.get("previous").get(l).get(h).doubleValue(), within(1e-6));
        assertThat(scores.duplicateToken())
            .as(what)
            .isCloseTo(expected.get("duplicate").get(l).get(h).doubleValue(), within(1e-6));
        assertThat(scores.induction())
            .as(what)
            .isCloseTo(expected.get("induction").get(l).get(h).doubleValue(), within(1e-6));
        assertThat(scores.copying()).isNaN();
      }
    }
  }

  @Test
  void table_texts_giveWhatAScanOfEachHeadGives() {
    Corpus corpus =
        Corpus.of(List.of("Anna found a white coin in the market. She put the coin in her bag."));
    try (Model model = Model.open("demo-gpt2", new ModelOptions("cpu", 1))) {
      RepeatedSequence sequence = RepeatedSequence.random(model, 20, 3);
      List<HeadScores> table =
          HeadTable.of(model, sequence, corpus, SAMPLING, SinkSet.FIRST, null, _ -> {});
      for (HeadScores scores : table) {
        AttentionResult scan =
            AttentionData.of(model, corpus).ranked(AttentionQuery.of(scores.head()), 0, false);
        assertThat(scores.sinkShare()).isCloseTo(scan.sinkShare(), within(1e-12));
        assertThat(scores.meanDistance()).isCloseTo(scan.meanDistance(), within(1e-12));
        assertThat(scores.entropy()).isBetween(0.0, Math.log(30));
      }
      List<HeadScores> sorted = HeadScores.Column.INDUCTION.sorted(table);
      assertThat(sorted.getFirst().induction())
          .isEqualTo(table.stream().mapToDouble(HeadScores::induction).max().orElseThrow());
      assertThat(RepeatedSequence.random(model, 20, 3).ids()).isEqualTo(sequence.ids());
      assertThatThrownBy(() -> RepeatedSequence.random(model, 500, 3))
          .isInstanceOf(UsageException.class);
      assertThatThrownBy(() -> RepeatedSequence.of(1, 2, 3, 4)).isInstanceOf(UsageException.class);
    }
  }

  @Test
  void eigenvalues_randomMatrices_keepTracesOfPowers() {
    long seed = 77;
    Random random = new Random(seed);
    for (int n : new int[] {1, 2, 3, 8, 33, 64}) {
      double[][] m = new double[n][n];
      double trace = 0;
      double traceOfSquare = 0;
      for (double[] row : m) {
        Arrays.setAll(row, j -> random.nextGaussian());
      }
      for (int i = 0; i < n; i++) {
        trace += m[i][i];
        for (int j = 0; j < n; j++) {
          traceOfSquare += m[i][j] * m[j][i];
        }
      }
      double[][] values = Eigenvalues.of(m);
      double sum = 0;
      double squares = 0;
      double imaginary = 0;
      for (int i = 0; i < n; i++) {
        sum += values[0][i];
        squares += values[0][i] * values[0][i] - values[1][i] * values[1][i];
        imaginary += values[1][i];
      }
      String what = "seed %d, n %d".formatted(seed, n);
      assertThat(sum).as(what).isCloseTo(trace, within(1e-9 * n));
      assertThat(squares).as(what).isCloseTo(traceOfSquare, within(1e-8 * n * n));
      assertThat(imaginary).as(what).isCloseTo(0, within(1e-9 * n));
    }
  }

  @Test
  void copyingScore_knownMatrices_isTheirSign() {
    assertThat(OvCircuit.score(new double[][] {{2, 0}, {0, 3}})).isCloseTo(1, within(1e-12));
    assertThat(OvCircuit.score(new double[][] {{-2, 5}, {0, -3}})).isCloseTo(-1, within(1e-12));
    assertThat(OvCircuit.score(new double[][] {{0, -1}, {1, 0}})).isCloseTo(0, within(1e-12));
    assertThat(OvCircuit.score(new double[][] {{1, 0}, {0, -3}})).isCloseTo(-.5, within(1e-12));
    assertThat(OvCircuit.score(new double[][] {{0, 0}, {0, 0}})).isNaN();
  }

  /** The eigenvalues of the whole circuit, vocabulary x vocabulary, by numpy in float64. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2-tiny", "llama-gqa", "demo-gpt2", "demo-llama"})
  void copyingScores_modelsOfEachKind_areNumpys(String name) {
    JsonNode expected =
        Json.read(ROOT.resolve("fixtures/lens-cases/copying-scores.json")).get(name);
    String where = name.startsWith("demo") ? name : ROOT.resolve("fixtures/" + name).toString();
    try (OpenModel stored = ModelStore.system().open(where)) {
      double[][] scores = OvCircuit.copyingScores(stored, _ -> {});
      assertThat(scores.length).isEqualTo(expected.size());
      for (int l = 0; l < scores.length; l++) {
        for (int h = 0; h < scores[l].length; h++) {
          assertThat(scores[l][h])
              .as("%s L%dH%d", name, l, h)
              .isCloseTo(expected.get(l).get(h).doubleValue(), within(1e-5));
        }
      }
    }
  }
}
