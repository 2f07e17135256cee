package dev.diopter.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.formats.Npz;
import dev.diopter.formats.Resources;
import dev.diopter.formats.TensorType;
import dev.diopter.models.DecoderWeights.Layer;
import dev.diopter.models.DecoderWeights.Projection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processed weights against TransformerLens's, see fixtures/processing.py. */
class ProcessedWeightsTest {
  private static final Path FIXTURES = Resources.fixture("processing");

  private static String folder(String name) {
    return Stream.of(FIXTURES.resolve(name), Resources.fixture(name))
        .filter(Files::isDirectory)
        .map(Path::toString)
        .findFirst()
        .orElse(name);
  }

  private static OpenModel open(String name, WeightProcessing processing) {
    return ModelStore.of(Map.of(), "").open(folder(name), processing);
  }

  private static WeightProcessing steps(String joined) {
    return joined.equals("raw")
        ? WeightProcessing.NONE
        : WeightProcessing.ofNames(List.of(joined.split("\\+")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2-tiny", "llama-value-biases", "demo-gpt2", "demo-llama"})
  void weights_everyCombination_areTransformerLens(String name) {
    try (Npz file = Npz.open(FIXTURES.resolve(name + ".npz"))) {
      List<String> entries = file.names().stream().filter(n -> n.endsWith(".weights")).toList();
      assertThat(entries).hasSize(name.startsWith("demo") ? 6 : 16);
      for (String entry : entries) {
        String combination = entry.substring(0, entry.indexOf('.'));
        double[] expected = file.read(entry).doubles();
        try (OpenModel model = open(name, steps(combination))) {
          List<float[]> weights = flat(model);
          assertThat(expected).as(entry).hasSize(weights.size() * 5);
          for (int w = 0; w < weights.size(); w++) {
            check(entry + " " + w, weights.get(w), expected, w * 5);
          }
        }
      }
    }
  }

  private static void check(String what, float[] weights, double[] expected, int at) {
    double size = 0;
    double waves = 0;
    for (int k = 0; k < weights.length; k++) {
      size += Math.abs(weights[k]);
      waves += weights[k] * Math.cos(0.37 * k);
    }
    // Rounded to float32 once: half a unit in the last place of each.
    double bound = expected[at] * Math.scalb(1, -24) + 1e-12;
    assertThat(size).as(what).isCloseTo(expected[at], within(bound));
    assertThat(waves).as(what).isCloseTo(expected[at + 1], within(bound));
    int[] places = {0, weights.length / 2, weights.length - 1};
    for (int i = 0; i < places.length; i++) {
      double wanted = expected[at + 2 + i];
      assertThat((double) weights[places[i]])
          .as(what)
          .isCloseTo(wanted, within(Math.abs(wanted) * Math.scalb(1, -24) + 1e-15));
    }
  }

  /** In the order of the fixture; a bias that is not there is zero. */
  private static List<float[]> flat(OpenModel model) {
    DecoderWeights w = model.weights();
    DecoderConfig c = model.config();
    List<float[]> all = new ArrayList<>();
    all.add(all(w.tokenEmbedding()));
    if (w.positionEmbedding() != null) {
      all.add(all(w.positionEmbedding()));
    }
    for (Layer layer : w.layers()) {
      for (Projection each : List.of(layer.query(), layer.key(), layer.value(), layer.output())) {
        add(all, each);
      }
      if (layer.gate() != null) {
        all.add(layer.gate().matrix());
      }
      add(all, layer.up());
      add(all, layer.down());
    }
    StoredTensor head = w.head() == null ? w.tokenEmbedding() : w.head();
    all.add(new Projection(head, 0, c.width(), c.vocabulary(), 1, c.width(), null, 0).matrix());
    all.add(w.headBias() == null ? new float[c.vocabulary()] : all(w.headBias()));
    return all;
  }

  private static void add(List<float[]> all, Projection projection) {
    all.add(projection.matrix());
    StoredTensor bias = projection.bias();
    all.add(
        bias == null
            ? new float[projection.out()]
            : bias.floats(projection.biasOffset(), projection.out()));
  }

  private static float[] all(@Nullable StoredTensor tensor) {
    assertThat(tensor).isNotNull();
    return tensor.floats(0, tensor.shape().stream().reduce(1, (a, b) -> a * b));
  }

  @Test
  void open_stepsThatChangeNothing_areLeftOut() {
    try (OpenModel gpt2 = open("gpt2-tiny", WeightProcessing.TRANSFORMER_LENS);
        OpenModel biased = open("llama-value-biases", WeightProcessing.TRANSFORMER_LENS);
        OpenModel llama = open("demo-llama", WeightProcessing.TRANSFORMER_LENS);
        OpenModel raw = open("demo-llama", steps("center_writing_weights+fold_value_biases"))) {
      assertThat(gpt2.processing()).isEqualTo(WeightProcessing.TRANSFORMER_LENS);
      assertThat(biased.processing().names())
          .containsExactly("fold_ln", "center_unembed", "fold_value_biases");
      assertThat(llama.processing().names()).containsExactly("fold_ln", "center_unembed");
      assertThat(raw.processing()).isEqualTo(WeightProcessing.NONE);
      assertThat(raw.weights().head()).isNull();
      assertThat(raw.config().tiedHead()).isTrue();
    }
  }

  @Test
  void open_processedTiedHead_isOfItsOwn() {
    for (ProcessingStep step : ProcessingStep.values()) {
      try (OpenModel model = open("demo-gpt2", WeightProcessing.of(step))) {
        boolean tied = step == ProcessingStep.FOLD_VALUE_BIASES;
        assertThat(model.config().tiedHead()).as(step.label()).isEqualTo(tied);
        assertThat(model.weights().head() == null).as(step.label()).isEqualTo(tied);
        assertThat(model.info()).isEqualTo(open("demo-gpt2", WeightProcessing.NONE).info());
      }
    }
  }

  @Test
  void weights_whatNoStepTouches_staysAsItIsStored() {
    try (OpenModel model = open("demo-gpt2", steps("center_unembed"));
        OpenModel folded = open("demo-gpt2", steps("fold_ln"))) {
      assertThat(model.weights().tokenEmbedding().type()).isEqualTo(TensorType.F16);
      assertThat(model.weights().layers().get(3).up().weight().type()).isEqualTo(TensorType.F16);
      assertThat(model.weights().headBias()).isNull();
      Layer layer = folded.weights().layers().get(3);
      assertThat(layer.down().weight().type()).isEqualTo(TensorType.F16);
      assertThat(layer.up().weight().type()).isEqualTo(TensorType.F32);
      assertThat(layer.norm1().bias()).isNull();
      assertThat(all(layer.norm1().gain())).containsOnly(1);
    }
  }
}
