package dev.diopter.lens.causal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.formats.Json;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.TunedLens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Against formulas in float64 with torch's derivatives, and the Python package tuned-lens. */
class CausalCasesTest {
  private static final BasisOptions THREE = BasisOptions.DEFAULT.vectors(3);

  private record Case(Model model, JsonNode expected, List<Prompt> prompts)
      implements AutoCloseable {
    static Case open(String name) {
      JsonNode expected = Json.read(folder(name).resolve("causal.json"));
      List<Prompt> prompts = new ArrayList<>();
      for (JsonNode row : expected.path("ids")) {
        int[] ids = new int[row.size()];
        for (int i = 0; i < ids.length; i++) {
          ids[i] = row.get(i).intValue();
        }
        prompts.add(Prompt.ofIds(ids));
      }
      return new Case(Model.open(name, new ModelOptions("cpu", 2)), expected, prompts);
    }

    Lens lens(String kind) {
      return kind.equals("logit")
          ? LogitLens.of(model.config())
          : LensFiles.load(folder(model.name()).resolve("tuned-lens")).lens();
    }

    @Override
    public void close() {
      model.close();
    }
  }

  private static Path folder(String model) {
    return Path.of(System.getProperty("diopter.root"), "fixtures/lens-cases", model);
  }

  private static double[] direction(int layer, int width) {
    double[] v = new double[width];
    double squares = 0;
    for (int i = 0; i < width; i++) {
      v[i] = Math.sin(1.0 + i * (layer + 1));
      squares += v[i] * v[i];
    }
    for (int i = 0; i < width; i++) {
      v[i] /= Math.sqrt(squares);
    }
    return v;
  }

  private static float[] narrowed(double[] v) {
    float[] out = new float[v.length];
    for (int i = 0; i < v.length; i++) {
      out[i] = (float) v[i];
    }
    return out;
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void energy_ofADirection_andItsGradient_areTorchs(String name) {
    try (Case c = Case.open(name)) {
      for (String kind : List.of("logit", "tuned")) {
        Lens lens = c.lens(kind);
        Alignment streams = new Alignment(c.model, lens, c.prompts);
        for (Ablation how : List.of(Ablation.ZERO, Ablation.MEAN)) {
          try (CausalBases bases = new CausalBases(c.model, lens, THREE.ablation(how))) {
            for (int layer = 0; layer < lens.layers(); layer++) {
              JsonNode row = c.expected.path(kind).get(layer).path(how.label());
              double expected = row.path("energy").doubleValue();
              double[] v = direction(layer, lens.width());
              double[] gradient = new double[v.length];
              double energy = bases.function(layer, streams.rows(layer), null).at(v, gradient);
              assertThat(energy).isCloseTo(expected, within(2e-6 + 2e-5 * expected));
              double along = 0;
              for (int i = 0; i < v.length; i++) {
                along += gradient[i] * v[i];
              }
              for (int i = 0; i < 5; i++) {
                double g = row.path("gradient").get(i).doubleValue();
                assertThat(gradient[i] - along * v[i])
                    .isCloseTo(g, within(1e-5 + 1e-4 * Math.abs(g)));
              }
              assertThat(bases.energy(layer, streams.rows(layer), narrowed(v)))
                  .isCloseTo(energy, within(1e-6));
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void measure_effectAndAlignment_areTorchs(String name) {
    try (Case c = Case.open(name)) {
      for (String kind : List.of("logit", "tuned")) {
        Lens lens = c.lens(kind);
        Alignment alignment = new Alignment(c.model, lens, c.prompts);
        for (int layer = 0; layer < lens.layers(); layer++) {
          JsonNode row = c.expected.path(kind).get(layer);
          Subspace v = Subspace.ofOrthonormal(narrowed(direction(layer, lens.width())));
          Response found = alignment.measure(layer, v, Ablation.MEAN, 0);
          double effect = row.path("effect").doubleValue();
          assertThat(found.effect()).isCloseTo(effect, within(2e-6 + 1e-4 * effect));
          assertThat(found.stimulus())
              .isCloseTo(row.path("mean").path("energy").doubleValue(), within(1e-5));
          assertThat(found.alignment())
              .isCloseTo(row.path("alignment").doubleValue(), within(1e-4));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void extract_threeDirections_haveTheEnergiesOfThePackageAndOfTorch(String name) {
    try (Case c = Case.open(name)) {
      for (String kind : List.of("logit", "tuned")) {
        Lens lens = c.lens(kind);
        Alignment streams = new Alignment(c.model, lens, c.prompts);
        try (CausalBases bases = new CausalBases(c.model, lens, THREE)) {
          for (int layer = 0; layer < lens.layers(); layer++) {
            CausalBasis basis = bases.extract(layer, streams.rows(layer));
            JsonNode torch = c.expected.path(kind).get(layer).path("extracted");
            double sum = 0;
            double torchSum = 0;
            for (int j = 0; j < 3; j++) {
              sum += basis.energies()[j];
              torchSum += torch.get(j).doubleValue();
              assertThat(bases.energy(layer, streams.rows(layer), basis.vectors()[j]))
                  .isCloseTo(basis.energies()[j], within(1e-5));
              if (kind.equals("logit")) {
                double theirs = c.expected.path("package").get(layer).get(j).doubleValue();
                assertThat(basis.energies()[j]).isCloseTo(theirs, within(6e-3 * theirs));
              }
            }
            // Behind a first direction there may be several local maxima.
            assertThat(sum).isGreaterThan(.995 * torchSum);
            requireOrthonormalAndSorted(basis);
          }
        }
      }
    }
  }

  private static void requireOrthonormalAndSorted(CausalBasis basis) {
    for (int i = 0; i < basis.size(); i++) {
      for (int j = 0; j < basis.size(); j++) {
        double dot = 0;
        for (int k = 0; k < basis.vectors()[i].length; k++) {
          dot += (double) basis.vectors()[i][k] * basis.vectors()[j][k];
        }
        assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-6));
      }
    }
    assertThat(basis.energies()).isSortedAccordingTo((a, b) -> Double.compare(b, a));
  }

  @Test
  void extract_untrainedTunedLens_isTheLogitLensToTheBit() {
    try (Case c = Case.open("demo-gpt2")) {
      Lens logit = c.lens("logit");
      Lens untrained =
          TunedLens.untrained(
              LensConfig.of("demo-gpt2", c.model.config(), LensSite.RESID_PRE, null));
      float[] rows = new Alignment(c.model, logit, c.prompts).rows(2);
      BasisOptions one = THREE.vectors(1).ablation(Ablation.RESAMPLE);
      try (CausalBases a = new CausalBases(c.model, logit, one);
          CausalBases b = new CausalBases(c.model, untrained, one)) {
        assertThat(b.extract(2, rows)).isEqualTo(a.extract(2, rows));
      }
    }
  }

  @Test
  void extract_labels_measuresHowTheCrossEntropyGrows() {
    try (Case c = Case.open("demo-llama")) {
      Lens lens = c.lens("tuned");
      float[] rows = new Alignment(c.model, lens, c.prompts).rows(3);
      int[] labels = new int[rows.length / lens.width()];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = i * 31 % 1000;
      }
      try (CausalBases bases = new CausalBases(c.model, lens, THREE.vectors(1))) {
        List<Integer> heard = new ArrayList<>();
        CausalBasis basis = bases.extract(3, rows, labels, (done, of) -> heard.add(done * 10 + of));
        assertThat(heard).containsExactly(11);
        float[] without = basis.direction(0).remove(rows, Ablation.MEAN, 0);
        double grown =
            crossEntropy(c.model, lens.transform(3, without), labels)
                - crossEntropy(c.model, lens.transform(3, rows), labels);
        assertThat(basis.energies()[0]).isCloseTo(grown, within(1e-4)).isPositive();
      }
    }
  }

  private static double crossEntropy(Model model, float[] rows, int[] labels) {
    int vocabulary = model.config().vocabulary();
    float[] logits = new float[labels.length * vocabulary];
    model.unembed(rows, labels.length, logits);
    double sum = 0;
    for (int r = 0; r < labels.length; r++) {
      double exps = 0;
      for (int v = 0; v < vocabulary; v++) {
        exps += Math.exp(logits[r * vocabulary + v]);
      }
      sum += Math.log(exps) - logits[r * vocabulary + labels[r]];
    }
    return sum / labels.length;
  }

  @Test
  void extract_badInput_isToldInOneLine() {
    try (Case c = Case.open("demo-gpt2");
        CausalBases bases = new CausalBases(c.model, c.lens("logit"), THREE)) {
      assertThatThrownBy(() -> bases.extract(0, new float[128]))
          .hasMessageContaining("expected at least 2 rows of 128 numbers, got 128");
      assertThatThrownBy(
              () -> bases.extract(0, new float[256], new int[1], CausalBases.Listener.NONE))
          .hasMessageContaining("expected a label for each of 2 rows, got 1");
      assertThatThrownBy(() -> new CausalBases(c.model, c.lens("logit"), THREE.vectors(129)))
          .hasMessageContaining("expected at most 128 vectors");
      assertThatThrownBy(() -> new BasisOptions(-1, Ablation.MEAN, 1, 0, 0))
          .hasMessageContaining("got -1");
    }
  }
}
