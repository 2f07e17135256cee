package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.Trajectories;
import dev.diopter.lens.trajectory.TrajectorySource;
import dev.diopter.models.ModelException;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lenses of models with processed weights. */
class ProcessedLensTest {
  private static final Prompt PROMPT = Prompt.ofIds(0, 300, 17, 512, 17, 1000, 64);

  @TempDir Path folder;

  private static Model open(String name, WeightProcessing processing) {
    return Model.open(name, new ModelOptions("cpu", 2).withProcessing(processing));
  }

  private static String hash(String name, WeightProcessing processing) {
    try (OpenModel stored = ModelStore.system().open(name, processing)) {
      return UnembedHash.of(stored.weights());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void logitLens_anyProcessing_saysTheSame(String name) {
    try (Model raw = open(name, WeightProcessing.NONE);
        Model processed = open(name, WeightProcessing.TRANSFORMER_LENS)) {
      double[][] expected = entropies(raw);
      double[][] actual = entropies(processed);
      for (int l = 0; l < expected.length; l++) {
        for (int p = 0; p < expected[l].length; p++) {
          assertThat(actual[l][p]).isCloseTo(expected[l][p], within(1e-4));
        }
      }
    }
  }

  private static double[][] entropies(Model model) {
    TrajectorySource source = TrajectorySource.of(model, LogitLens.of(model.config()), PROMPT);
    return Trajectories.of(source).values(LensStatistic.of("entropy"));
  }

  @Test
  void tunedLens_otherProcessing_isRefused() {
    WeightProcessing centred = WeightProcessing.ofNames(List.of("center_writing_weights"));
    try (Model raw = open("demo-gpt2", WeightProcessing.NONE);
        Model processed = open("demo-gpt2", centred)) {
      String hash = hash("demo-gpt2", centred);
      LensConfig config = LensConfig.of(processed, LensSite.RESID_PRE, hash);
      LensFiles.save(folder, TunedLens.untrained(config));
      TunedLens lens = LensFiles.load(folder).lens();
      assertThat(lens.config().processing()).containsExactly("center_writing_weights");
      assertThat(LensFit.of(processed, hash).check(lens, false)).isEmpty();
      assertThat(TrajectorySource.of(processed, lens, PROMPT).lens()).isSameAs(lens);
      // Centring leaves the head alone, so the hash does not tell.
      assertThat(hash).isEqualTo(hash("demo-gpt2", WeightProcessing.NONE));
      String message =
          "the lens is for center_writing_weights, but demo-gpt2 is run with weights as they are:"
              + " a tuned lens holds for one of them only";
      assertThatThrownBy(() -> LensFit.of(raw, hash).check(lens, true))
          .isInstanceOf(ModelException.class)
          .hasMessage(message);
      assertThatThrownBy(() -> TrajectorySource.of(raw, lens, PROMPT))
          .isInstanceOf(ModelException.class)
          .hasMessage(message);
      LensConfig plain = LensConfig.of(raw, LensSite.RESID_PRE, hash);
      assertThatThrownBy(() -> LensFit.requireProcessing(TunedLens.untrained(plain), processed))
          .isInstanceOf(ModelException.class)
          .hasMessageContaining("weights as they are, but demo-gpt2 is run with center_writing");
    }
  }

  @Test
  void hash_foldedHead_isAnother() {
    assertThat(hash("demo-gpt2", WeightProcessing.ofNames(List.of("fold_ln"))))
        .isNotEqualTo(hash("demo-gpt2", WeightProcessing.NONE));
  }
}
