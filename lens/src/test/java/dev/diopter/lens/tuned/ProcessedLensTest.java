package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.SoftAssertions.assertSoftly;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.formats.FormatException;
import dev.diopter.lens.causal.Alignment;
import dev.diopter.lens.causal.BasisOptions;
import dev.diopter.lens.causal.CausalBases;
import dev.diopter.lens.trajectory.LensStatistic;
import dev.diopter.lens.trajectory.Trajectories;
import dev.diopter.lens.trajectory.TrajectoryOptions;
import dev.diopter.lens.trajectory.TrajectorySource;
import dev.diopter.models.ModelException;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
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
  void library_lensOfOtherProcessing_isRefusedEverywhere() {
    try (Model model = open("demo-gpt2", WeightProcessing.TRANSFORMER_LENS)) {
      Lens raw = TunedCase.lens("demo-gpt2");
      int width = raw.width();
      List<float[]> streams = Collections.nCopies(raw.layers(), new float[2 * width]);
      List<ThrowingCallable> makers =
          List.of(
              () -> new LensGeneration(model, raw, 1),
              () -> new CausalBases(model, raw, BasisOptions.DEFAULT),
              () -> new Alignment(model, raw, List.of(PROMPT)),
              () ->
                  Trajectories.ofStreams(
                      model,
                      raw,
                      new int[] {0, 1},
                      streams,
                      new float[2 * width],
                      TrajectoryOptions.DEFAULT));
      assertSoftly(softly ->
          makers.forEach(made ->
              softly
                  .assertThatThrownBy(made)
                  .isInstanceOf(ModelException.class)
                  .hasMessageContaining("a tuned lens holds for one of them only")));
      Lens logit = LogitLens.of(model.config());
      assertThat(new Alignment(model, logit, List.of(PROMPT)).rows(0))
          .hasSize(PROMPT.length() * width);
    }
  }

  @Test
  void config_stepsInAnyOrder_areTheSameProcessing() throws IOException {
    try (Model model = open("demo-gpt2", WeightProcessing.TRANSFORMER_LENS)) {
      LensConfig config = LensConfig.of(model, LensSite.RESID_PRE, null);
      LensFiles.save(folder, TunedLens.untrained(config));
      Path file = folder.resolve("config.json");
      String written = Files.readString(file);
      String moved =
          written
              .replace("\"fold_ln\"", "\"x\"")
              .replace("\"fold_value_biases\"", "\"fold_ln\"")
              .replace("\"x\"", "\"fold_value_biases\"");
      assertThat(moved).isNotEqualTo(written);
      Files.writeString(file, moved);
      TunedLens lens = LensFiles.load(folder).lens();
      assertThat(lens.config()).isEqualTo(config);
      assertThat(LensFit.of(model, null).check(lens, false)).isEmpty();
      Files.writeString(file, written.replace("fold_ln", "fold_lm"));
      assertThatThrownBy(() -> LensFiles.load(folder))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("processing: expected some of fold_ln,")
          .hasMessageContaining("got 'fold_lm'");
    }
  }

  @Test
  void check_nameFromAFile_isOneHarmlessLine() {
    try (Model model = open("demo-gpt2", WeightProcessing.NONE)) {
      LensConfig config = LensConfig.of(model, LensSite.RESID_PRE, "0".repeat(64));
      LensConfig hostile =
          new LensConfig(
              "a\u001b[31m\nb\u009b2Jc",
              null,
              config.width(),
              config.layers(),
              true,
              config.unembedHash(),
              config.site(),
              List.of());
      LensFit fit = LensFit.of(model, "1".repeat(64));
      assertThat(fit.check(TunedLens.untrained(hostile), true))
          .containsExactly("note: the lens was trained on another model, a [31m b 2Jc");
    }
  }

  @Test
  void hash_foldedHead_isAnother() {
    assertThat(hash("demo-gpt2", WeightProcessing.ofNames(List.of("fold_ln"))))
        .isNotEqualTo(hash("demo-gpt2", WeightProcessing.NONE));
  }
}
