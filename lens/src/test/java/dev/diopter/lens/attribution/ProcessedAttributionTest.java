package dev.diopter.lens.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.Npz;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Attribution with processed weights, against TransformerLens's, see fixtures/processing.py. */
class ProcessedAttributionTest {
  private static final int ATTRIBUTED = 17;
  private static final Path FIXTURES = Path.of(System.getProperty("diopter.root"), "fixtures");

  private static String folder(String name) {
    return Stream.of(FIXTURES.resolve("processing").resolve(name), FIXTURES.resolve(name))
        .filter(Files::isDirectory)
        .map(Path::toString)
        .findFirst()
        .orElse(name);
  }

  private static Model open(String name, WeightProcessing processing) {
    return Model.open(folder(name), new ModelOptions("cpu", 1).withProcessing(processing));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2-tiny", "llama-value-biases", "demo-gpt2", "demo-llama"})
  void attribute_foldedNorms_isTransformerLens(String name) {
    try (Npz file = Npz.open(FIXTURES.resolve("processing").resolve(name + ".npz"))) {
      Prompt prompt = Prompt.ofIds(file.read("ids").ints());
      for (WeightProcessing steps :
          List.of(
              WeightProcessing.ofNames(List.of("fold_ln")), WeightProcessing.TRANSFORMER_LENS)) {
        double[] expected = file.read(String.join("+", steps.names()) + ".attribution").doubles();
        try (Model model = open(name, steps);
            OpenModel stored = ModelStore.system().open(folder(name), steps)) {
          ResidualParts parts = ResidualParts.of(model, prompt, HookPlan.NONE, -1);
          Attribution each =
              LogitDirection.of(stored, ATTRIBUTED).attribute(parts.decomposed(), parts);
          assertThat(each.labels()).hasSameSizeAs(expected);
          for (int c = 0; c < expected.length; c++) {
            assertThat(each.at(c, 0))
                .as("%s %s %s", name, steps, each.labels().get(c))
                .isCloseTo(expected[c], within(1e-5 * Math.max(1, Math.abs(expected[c]))));
          }
          double logit = parts.logits()[ATTRIBUTED];
          assertThat(each.total(0)).isCloseTo(logit, within(1e-5 * Math.max(1, Math.abs(logit))));
        }
      }
    }
  }

  @Test
  void attribute_partsOfAnotherProcessing_isRefused() {
    try (Model model = open("gpt2-tiny", WeightProcessing.ofNames(List.of("fold_ln")));
        OpenModel stored = ModelStore.system().open(folder("gpt2-tiny"))) {
      ResidualParts parts = ResidualParts.of(model, Prompt.ofIds(1, 2), HookPlan.NONE, -1);
      LogitDirection direction = LogitDirection.of(stored, 3);
      ResidualStack stack = parts.decomposed();
      assertThatThrownBy(() -> direction.attribute(stack, parts))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("(fold_ln), got weights as they are");
      BlockWeights weights = new BlockWeights(stored);
      assertThatThrownBy(() -> parts.full(1, true, weights)).isInstanceOf(UsageException.class);
      try (OpenModel folded =
          ModelStore.system()
              .open(folder("gpt2-tiny"), WeightProcessing.ofNames(List.of("fold_ln")))) {
        LogitDirection fitting = LogitDirection.of(folded, 3);
        assertThat(fitting.neurons(parts, 0, new BlockWeights(folded)).labels()).isNotEmpty();
        assertThatThrownBy(() -> fitting.neurons(parts, 0, weights))
            .isInstanceOf(UsageException.class)
            .hasMessageContaining("(fold_ln), got weights as they are");
      }
    }
  }
}
