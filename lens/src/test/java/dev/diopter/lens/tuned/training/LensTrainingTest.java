package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.UsageException;
import dev.diopter.formats.FormatException;
import dev.diopter.formats.SafetensorsFile;
import dev.diopter.formats.SafetensorsWriter;
import dev.diopter.lens.attention.Corpus;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensConfig;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.TunedLens;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.WeightProcessing;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LensTrainingTest {
  private static final TrainingOptions SMALL =
      TrainingOptions.DEFAULT.work(2, 8).budget(4, 4 * Demo.LENGTH);

  @TempDir Path folder;

  /** The acceptance of training, with a budget of a few seconds. */
  @ParameterizedTest
  @ValueSource(strings = {"demo-gpt2", "demo-llama"})
  void run_smallBudget_beatsTheLogitLensAtEveryLayer(String name) {
    TrainingOptions gradient = TrainingOptions.DEFAULT.work(2, 10).budget(50, 960);
    TrainingOptions ridge = TrainingOptions.DEFAULT.work(2, 10).ridge(48_000, 1e-3).budget(0, 96);
    try (Model model = Demo.open(name)) {
      List<Lens> lenses = new ArrayList<>(List.of(LogitLens.of(model.config())));
      for (TrainingOptions options : List.of(gradient, ridge)) {
        LensTraining.Result result = train(model, options, null);
        Evaluation evaluation = evaluate(model, LogitLens.of(model.config()), result.lens());
        double[] logit = evaluation.lens("logit").kl();
        double[] tuned = evaluation.lens("tuned").kl();
        System.out.printf(
            Locale.ROOT,
            "%s, %s: seed %d, %d tokens of steps, %d of ridge; held-out KL in nats, %d tokens:%n  logit %s%n  tuned %s%n",
            name,
            options.start(),
            options.seed(),
            result.tokens(),
            result.ridgeTokens(),
            evaluation.tokens(),
            java.util.Arrays.toString(logit),
            java.util.Arrays.toString(tuned));
        for (int layer = 0; layer < tuned.length; layer++) {
          assertThat(tuned[layer]).as("layer %d", layer).isPositive().isLessThan(logit[layer]);
          if (layer > 0) {
            assertThat(tuned[layer])
                .as("layer %d", layer)
                .isLessThanOrEqualTo(1.05 * tuned[layer - 1]);
          }
        }
        lenses.add(result.lens());
      }
      assertThat(lenses).hasSize(3);
    }
  }

  @Test
  void run_firstLossOfAnUntrainedLens_isTheLogitLensesDivergence() {
    try (Model model = Demo.open("demo-gpt2")) {
      List<String> texts = List.of("The capital of France is Paris. ".repeat(40));
      LensData data = LensData.ofTexts(model, List.of(Corpus.of(texts)), 64);
      List<TrainingStep> steps = new ArrayList<>();
      TrainingOptions options = TrainingOptions.DEFAULT.work(2, 8).budget(1, 64);
      new LensTraining(model, data, options, Demo.config(model), null).run(steps::add);
      Evaluation evaluation =
          new LensEvaluation(model, data, EvaluationOptions.DEFAULT.tokens(64))
              .run(List.of(LogitLens.of(model.config())), (done, total) -> {});
      assertThat(steps.getFirst().losses())
          .containsExactly(evaluation.lens("logit").kl(), within(1e-5));
    }
  }

  @Test
  void run_anyThreads_sameBits() {
    try (Model model = Demo.open("demo-llama")) {
      TunedLens one = train(model, SMALL.work(1, 8), null).lens();
      TunedLens three = train(model, SMALL.work(3, 8), null).lens();
      assertThat(one.translators()).isEqualTo(three.translators());
      assertThat(one.translator(3).isIdentity()).isFalse();
      assertThat(train(model, SMALL.seed(1), null).lens().translators())
          .isNotEqualTo(one.translators());
    }
  }

  @Test
  void run_crossEntropyAdamBiasOnlyAndOtherSites_lowerTheirLoss() {
    try (Model model = Demo.open("demo-llama")) {
      TrainingOptions adam = SMALL.budget(12, 480).optimizer(Optimizer.ADAM, 2, .9, 0, null);
      for (TrainingOptions options :
          List.of(
              adam.loss(LensLoss.CE, null),
              adam.loss(LensLoss.KL, -1),
              adam.optimizer(Optimizer.SGD, 1, .9, 0, null).shape(LensSite.RESID_MID, true, 1))) {
        List<double[]> losses = new ArrayList<>();
        LensConfig config = LensConfig.of(model.name(), model.config(), options.site(), null);
        LensData data = Demo.texts(model, "train", Demo.LENGTH);
        TunedLens lens =
            new LensTraining(model, data, options, config, null)
                .run(step -> losses.add(step.losses()))
                .lens();
        assertThat(losses.getLast()[1]).isLessThan(losses.getFirst()[1]);
        if (options.biasOnly()) {
          assertThat(lens.translator(1).weight()).containsOnly(0f);
        }
      }
    }
  }

  @Test
  void run_resumed_sameBitsAndLog() throws IOException {
    try (Model model = Demo.open("demo-gpt2")) {
      TrainingOptions options = SMALL.budget(6, 192).checkpoints(2);
      Path whole = folder.resolve("whole");
      TunedLens expected = train(model, options, whole).lens();
      Path checkpoints = whole.resolve("checkpoints");
      assertThat(checkpoints).isDirectoryContaining(f -> f.endsWith("snapshot_2.safetensors"));
      Files.delete(checkpoints.resolve("snapshot_6.safetensors"));
      String log = Files.readString(whole.resolve("log.csv"));
      LensTraining.Result resumed = train(model, options, whole);
      assertThat(resumed.resumedFrom()).isEqualTo(4);
      assertThat(resumed.lens().translators()).isEqualTo(expected.translators());
      assertThat(Files.readString(whole.resolve("log.csv"))).isEqualTo(log);
      assertThat(log.lines()).hasSize(7);
      LensTraining.Result done = train(model, options, whole);
      assertThat(done.resumedFrom()).isEqualTo(6);
      assertThat(done.lens().translators()).isEqualTo(expected.translators());
      assertThatThrownBy(() -> train(model, options.seed(9), whole))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("belongs to another training: expected options");
    }
  }

  @Test
  void run_brokenCheckpoint_isSaidAndEarlierOnesStay() throws IOException {
    try (Model model = Demo.open("demo-gpt2")) {
      TrainingOptions options = SMALL.checkpoints(2);
      train(model, options, folder);
      Path last = folder.resolve("checkpoints/snapshot_4.safetensors");
      byte[] bytes = Files.readAllBytes(last);
      Files.write(last, java.util.Arrays.copyOf(bytes, bytes.length / 2));
      assertThatThrownBy(() -> train(model, options, folder))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(
              "snapshot_4.safetensors: this checkpoint is cut off or damaged; delete it, and the training goes on from the one before");
      Files.delete(last);
      assertThat(train(model, options, folder).resumedFrom()).isEqualTo(2);
      assertThat(Files.readAllBytes(last)).isEqualTo(bytes);
    }
  }

  @Test
  void run_checkpointCannotBeWritten_isSaidAndEarlierOnesStay() throws IOException {
    try (Model model = Demo.open("demo-gpt2")) {
      // A folder in the way of a file, as a full disk would be.
      Path blocked = folder.resolve("checkpoints/snapshot_4.safetensors");
      Files.createDirectories(blocked.resolve("inside"));
      assertThatThrownBy(() -> train(model, SMALL.checkpoints(2), folder))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("snapshot_4.safetensors");
      Files.delete(blocked.resolve("inside"));
      Files.delete(blocked);
      assertThat(train(model, SMALL.checkpoints(2), folder).resumedFrom()).isEqualTo(2);
    }
  }

  @Test
  void run_checkpointOfOtherShapes_saysWhichFileToDelete() {
    try (Model model = Demo.open("demo-gpt2")) {
      TrainingOptions options = SMALL.checkpoints(2);
      train(model, options, folder);
      Path last = folder.resolve("checkpoints/snapshot_4.safetensors");
      Map<String, String> metadata;
      List<SafetensorsWriter.Tensor> tensors = new ArrayList<>();
      try (SafetensorsFile file = SafetensorsFile.open(last)) {
        metadata = Map.copyOf(file.metadata());
        for (SafetensorsFile.Entry entry : file.entries()) {
          int size = entry.name().equals("translators.2.bias") ? 3 : (int) entry.elements();
          tensors.add(
              SafetensorsWriter.Tensor.ofFloats(
                  entry.name(), List.of((long) size), new float[size]));
        }
      }
      SafetensorsWriter.write(last, tensors, metadata);
      assertThatThrownBy(() -> train(model, options, folder))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("snapshot_4.safetensors")
          .hasMessageContaining("of translators.2.bias, found F32 [3]; delete the file");
    }
  }

  @Test
  void run_fullDisk_isSaidAndCheckpointsStay() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "no /dev/full here, a file that no byte fits in");
    try (Model model = Demo.open("demo-gpt2")) {
      TrainingOptions options = SMALL.checkpoints(2);
      TunedLens expected = train(model, options, folder.resolve("room")).lens();
      Path log = folder.resolve("full/log.csv");
      TrainingListener filling =
          new TrainingListener() {
            @Override
            public void step(TrainingStep step) {}

            @Override
            public void checkpoint(Path file) {
              try {
                Files.delete(log);
                Files.createSymbolicLink(log, full);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            }
          };
      LensData data = Demo.texts(model, "train", Demo.LENGTH);
      assertThatThrownBy(() ->
              new LensTraining(model, data, options, Demo.config(model), folder.resolve("full"))
                  .run(filling))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("log.csv: cannot be written: No space left on device; checkpoints")
          .hasMessageContaining("make room and start again");
      Files.delete(log);
      LensTraining.Result resumed = train(model, options, folder.resolve("full"));
      assertThat(resumed.resumedFrom()).isEqualTo(2);
      assertThat(resumed.lens().translators()).isEqualTo(expected.translators());
    }
  }

  @Test
  void startingAt_aLens_goesOnFromItAndCheckpointsKnowIt() {
    try (Model model = Demo.open("demo-gpt2")) {
      LensData data = Demo.texts(model, "train", Demo.LENGTH);
      TunedLens first = train(model, SMALL, null).lens();
      TrainingOptions options = SMALL.startAtLens().checkpoints(2);
      LensTraining training = new LensTraining(model, data, options, Demo.config(model), folder);
      List<double[]> losses = new ArrayList<>();
      training.startingAt(first).run(step -> losses.add(step.losses()));
      List<double[]> cold = new ArrayList<>();
      new LensTraining(model, data, SMALL, Demo.config(model), null)
          .run(step -> cold.add(step.losses()));
      assertThat(losses.getFirst()[1]).isLessThan(cold.getFirst()[1]);
      assertThat(training.startingAt(first).run(TrainingListener.NONE).resumedFrom()).isEqualTo(4);
      TunedLens other = train(model, SMALL.seed(5), null).lens();
      assertThatThrownBy(() -> training.startingAt(other).run(TrainingListener.NONE))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("belongs to another training: expected start_lens");
      assertThatThrownBy(() -> train(model, options, null))
          .isInstanceOf(IllegalArgumentException.class);
      LensConfig mid = LensConfig.of(model.name(), model.config(), LensSite.RESID_MID, null);
      assertThatThrownBy(() -> training.startingAt(TunedLens.untrained(mid)))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("that reads resid_pre, got 6 of width")
          .hasMessageContaining("that read resid_mid");
    }
  }

  @Test
  void run_tooLittleData_saysHowManyStepsThereAre() {
    try (Model model = Demo.open("demo-gpt2")) {
      LensData data = LensData.ofTexts(model, List.of(Corpus.of(List.of("sun moon tree"))), 96);
      assertThatThrownBy(() -> train(model, data, SMALL))
          .isInstanceOf(TrainingException.class)
          .hasMessageContaining("not enough data for a single chunk of 96 tokens");
      LensData some = Demo.texts(model, "held-out", 96);
      assertThatThrownBy(() -> train(model, some, SMALL.budget(1000, 960)))
          .isInstanceOf(TrainingException.class)
          .hasMessageContaining("can only take 10 steps of 960 tokens");
      assertThatThrownBy(() -> train(model, some, SMALL.budget(2, 1000)))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining(
              "multiple of the chunks of 96 tokens, got 1000; the nearest is 960");
      assertThatThrownBy(() ->
              new LensEvaluation(model, some, EvaluationOptions.DEFAULT.tokens(1_000_000))
                  .run(List.of(LogitLens.of(model.config())), (done, total) -> {}))
          .isInstanceOf(TrainingException.class)
          .hasMessageContaining("requested to evaluate on 1000000 tokens");
    }
  }

  @Test
  void run_lossesWithoutEnd_stopAndSayWhere() {
    try (Model model = Demo.open("demo-gpt2")) {
      TrainingOptions wild = SMALL.optimizer(Optimizer.SGD, 1e38, .9, 1e-3, null).checkpoints(1);
      assertThatThrownBy(() -> train(model, wild, folder))
          .isInstanceOf(TrainingException.class)
          .hasMessageMatching(
              "the (loss|parameters) of layer \\d .* in step \\d: lower the learning rate .*");
      Path whole = folder.resolve("checkpoints/snapshot_1.safetensors");
      assertThat(whole).isRegularFile();
      assertThatThrownBy(() -> train(model, wild.work(1, 8), folder))
          .hasMessageContaining("train into another folder; --start there takes a checkpoint");
    }
  }

  @Test
  void run_parametersWithoutEnd_writeNoCheckpointAndNoLens() {
    try (Model model = Demo.open("demo-gpt2")) {
      for (Optimizer optimizer : Optimizer.values()) {
        TrainingOptions wild = SMALL.optimizer(optimizer, 1e45, .9, 1e-3, 0).checkpoints(1);
        assertThatThrownBy(() -> train(model, wild, folder))
            .as(optimizer.label())
            .isInstanceOf(TrainingException.class)
            .hasMessageMatching(
                "the parameters of layer \\d are no numbers any more in step 1: lower the learning rate .*");
        assertThat(folder.resolve("checkpoints")).doesNotExist();
      }
    }
  }

  @Test
  void run_checkpoint_isALensToReadAndStartFrom() {
    try (Model model = Demo.open("demo-gpt2")) {
      for (boolean biasOnly : new boolean[] {false, true}) {
        Path to = folder.resolve("bias-" + biasOnly);
        TrainingOptions options = SMALL.shape(LensSite.RESID_POST, biasOnly, 1).checkpoints(2);
        LensConfig config = LensConfig.of(model, options.site(), "hash");
        LensData data = Demo.texts(model, "train", Demo.LENGTH);
        TunedLens trained =
            new LensTraining(model, data, options, config, to).run(TrainingListener.NONE).lens();
        Path file = to.resolve("checkpoints/snapshot_4.safetensors");
        assertThat(LensFiles.load(file)).isEqualTo(new LensFiles.Loaded(trained, List.of()));
      }
    }
  }

  @Test
  void run_resumedWithChunksOfAnotherLengthOrWeights_isRefused() {
    try (Model model = Demo.open("demo-gpt2")) {
      TrainingOptions options = SMALL.budget(2, 256).checkpoints(1);
      LensData data = Demo.texts(model, "train", 32);
      LensConfig config = Demo.config(model);
      new LensTraining(model, data, options, config, folder)
          .ofWeights("a")
          .run(TrainingListener.NONE);
      LensData longer = Demo.texts(model, "train", 64);
      assertThatThrownBy(() ->
              new LensTraining(model, longer, options, config, folder)
                  .ofWeights("a")
                  .run(TrainingListener.NONE))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("another training: expected chunk_length 64, found 32");
      assertThatThrownBy(() ->
              new LensTraining(model, data, options, config, folder)
                  .ofWeights("b")
                  .run(TrainingListener.NONE))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("another training: expected weights b, found a");
    }
  }

  @Test
  void run_resumedUnderOtherProcessing_saysSoAndNotTheHash() {
    LensConfig plain;
    try (Model model = Demo.open("demo-gpt2")) {
      plain = LensConfig.of(model, LensSite.RESID_PRE, "one");
      LensData data = Demo.texts(model, "train", Demo.LENGTH);
      new LensTraining(model, data, SMALL.checkpoints(2), plain, folder).run(TrainingListener.NONE);
    }
    try (OpenModel stored =
            ModelStore.system().open("demo-gpt2", WeightProcessing.ofNames(List.of("fold_ln")));
        Model model = Model.open(stored, new ModelOptions("cpu", 2))) {
      LensConfig folded = LensConfig.of(model, LensSite.RESID_PRE, "other");
      LensData data = Demo.texts(model, "train", Demo.LENGTH);
      assertThatThrownBy(() ->
              new LensTraining(model, data, SMALL.checkpoints(2), folded, folder)
                  .run(TrainingListener.NONE))
          .hasMessageContaining("another training: expected processing fold_ln, found");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {32, 40, -32, Integer.MIN_VALUE})
  void run_shiftBeyondTheChunk_isRefused(int shift) {
    try (Model model = Demo.open("demo-gpt2")) {
      LensData data = Demo.texts(model, "train", 32);
      assertThatThrownBy(() -> train(model, data, SMALL.budget(1, 256).loss(LensLoss.KL, shift)))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("expected fewer than the 32 positions of a chunk, got " + shift);
      assertThatThrownBy(() ->
              new LensEvaluation(model, data, new EvaluationOptions(64, shift, 2, false, 2))
                  .run(List.of(LogitLens.of(model.config())), (done, total) -> {}))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("expected fewer than the 32 positions of a chunk, got " + shift);
      assertThatThrownBy(() ->
              new LensEvaluation(model, data, EvaluationOptions.DEFAULT.tokens(5))
                  .run(List.of(LogitLens.of(model.config())), (done, total) -> {}))
          .isInstanceOf(UsageException.class)
          .hasMessageContaining("expected at least the 32 of one chunk, got 5");
    }
  }

  @Test
  void options_outOfRange_areRefused() {
    assertThatThrownBy(() -> SMALL.budget(-1, 96)).isInstanceOf(UsageException.class);
    assertThatThrownBy(() -> SMALL.optimizer(Optimizer.SGD, 1, 1, 0, null))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("momentum");
    assertThatThrownBy(() -> SMALL.optimizer(Optimizer.SGD, 1, 0, 0, 4))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("fewer than the 4 steps, got 4");
    assertThatThrownBy(() -> LensLoss.of("mse")).hasMessageContaining("kl or ce, got 'mse'");
  }

  private static LensTraining.Result train(Model model, TrainingOptions options, Path to) {
    LensData data = Demo.texts(model, "train", Demo.LENGTH);
    return new LensTraining(model, data, options, Demo.config(model), to)
        .run(TrainingListener.NONE);
  }

  private static void train(Model model, LensData data, TrainingOptions options) {
    new LensTraining(model, data, options, Demo.config(model), null).run(TrainingListener.NONE);
  }

  private static Evaluation evaluate(Model model, Lens... lenses) {
    LensData data = Demo.texts(model, "held-out", Demo.LENGTH);
    return new LensEvaluation(model, data, EvaluationOptions.DEFAULT)
        .run(List.of(lenses), (done, total) -> {});
  }
}
