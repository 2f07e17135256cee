package dev.diopter.lens.trajectory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.engine.Selection;
import dev.diopter.formats.Npz;
import dev.diopter.formats.NpzArray;
import dev.diopter.lens.tuned.Lens;
import dev.diopter.lens.tuned.LensFiles;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.Unembedding;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Beside what the Python package computed on the bundled models, and beside whole runs. */
class TrajectoryCasesTest {
  private static final Map<LensStatistic, String> NAMES =
      Map.of(
          LensStatistic.ENTROPY, "entropy",
          LensStatistic.CROSS_ENTROPY, "cross_entropy",
          LensStatistic.FORWARD_KL, "forward_kl",
          LensStatistic.MAX_PROBABILITY, "max_probability",
          LensStatistic.RANK, "rank",
          LensStatistic.LOG_PROB_DIFF, "log_prob_diff",
          LensStatistic.LOG_PROB_DIFF_DELTA, "log_prob_diff.delta",
          LensStatistic.KL_DIVERGENCE, "kl_divergence",
          LensStatistic.JEFFREYS, "js_divergence_as_named_there",
          LensStatistic.MAX_DIFFERENCE, "total_variation_as_named_there");

  private static Path folder(String model) {
    return Path.of(System.getProperty("diopter.root"), "fixtures/lens-cases", model);
  }

  private static Model open(String model) {
    return Model.open(model, new ModelOptions("cpu", 2));
  }

  private static Lens lens(String kind, Model model) {
    return kind.equals("logit")
        ? LogitLens.of(model.config())
        : LensFiles.load(folder(model.name()).resolve("tuned-lens")).lens();
  }

  @ParameterizedTest
  @CsvSource({"demo-gpt2,tuned", "demo-gpt2,logit", "demo-llama,tuned", "demo-llama,logit"})
  void statistics_ofTheCase_areTheOriginals(String name, String kind) {
    try (Model model = open(name);
        Npz npz = Npz.open(folder(name).resolve("trajectories.npz"))) {
      Lens lens = lens(kind, model);
      TrajectoryOptions options =
          TrajectoryOptions.DEFAULT
              .targets(new Targets(npz.read("targets").ints()))
              .antiTargets(new Targets(npz.read("anti_targets").ints()));
      Comparison ours =
          Trajectories.compare(
              new TrajectorySource(model, lens, Prompt.ofIds(npz.read("ids").ints()), options),
              new TrajectorySource(
                  model, lens, Prompt.ofIds(npz.read("other_ids").ints()), options));
      NAMES.forEach((statistic, theirs) -> {
        NpzArray expected = npz.read(kind + "." + theirs);
        double[] values = expected.doubles();
        double[][] found = ours.values(statistic);
        assertThat(expected.shape()).containsExactly(found.length, found[0].length);
        double tolerance = statistic == LensStatistic.RANK ? 0 : 1e-4;
        for (int i = 0; i < values.length; i++) {
          assertThat(found[i / found[0].length][i % found[0].length])
              .as("%s %d", theirs, i)
              .isCloseTo(values[i], within(tolerance));
        }
      });
    }
  }

  @ParameterizedTest
  @CsvSource({"demo-gpt2,tuned", "demo-llama,logit"})
  void logProbabilities_ofTheLastPosition_areTheOriginals(String name, String kind) {
    try (Model model = open(name);
        Npz npz = Npz.open(folder(name).resolve("trajectories.npz"))) {
      Lens lens = lens(kind, model);
      int vocabulary = model.config().vocabulary();
      Trajectory all =
          Trajectories.of(
              new TrajectorySource(
                  model,
                  lens,
                  Prompt.ofIds(npz.read("ids").ints()),
                  TrajectoryOptions.DEFAULT.topK(vocabulary)));
      double[] expected = npz.read(kind + ".log_probs.last_position").doubles();
      for (int row = 0; row <= all.layers(); row++) {
        int[] ids = all.top().ids()[row][12];
        float[] shares = all.top().values()[row][12];
        for (int k = 0; k < vocabulary; k++) {
          double log = expected[row * vocabulary + ids[k]];
          assertThat((double) shares[k]).isCloseTo(Math.exp(log), within(1e-5));
        }
      }
    }
  }

  @Test
  void edits_flowThroughToEveryRow() {
    try (Model model = open("demo-gpt2")) {
      Prompt prompt = Prompt.ofIds(0, 665, 753, 345, 777);
      HookPlan plan =
          HookPlan.builder()
              .zero("blocks.2.hook_attn_out")
              .scale("unembed.hook_out", Selection.ALL, 0.5f)
              .build();
      Lens lens = LogitLens.of(model.config(), LensSite.RESID_POST);
      Trajectory patched =
          Trajectories.of(
              TrajectorySource.of(model, lens, prompt)
                  .options(TrajectoryOptions.DEFAULT.plan(plan).topK(1)));
      Trajectory clean = Trajectories.of(TrajectorySource.of(model, lens, prompt));
      RunResult run =
          model
              .run(
                  RunRequest.of(prompt)
                      .plan(plan.and(HookPlan.reading(LensSite.RESID_POST.hooks())))
                      .logits(Logits.ALL))
              .getFirst();
      Unembedding unembedding = new Unembedding(model);
      for (int row = 0; row <= patched.layers(); row++) {
        float[] logits =
            row == patched.layers()
                ? run.logits()
                : unembedding.logits(run.activation(lens.site().hook(row)).values());
        for (int position = 0; position < prompt.length(); position++) {
          int from = position * unembedding.vocabulary();
          double norm = RowSums.logNorm(logits, from, unembedding.vocabulary());
          float max = RowSums.max(logits, from, unembedding.vocabulary());
          assertThat(patched.values(LensStatistic.MAX_PROBABILITY)[row][position])
              .isCloseTo(Math.exp(max - norm), within(1e-9));
        }
      }
      double[][] before = clean.values(LensStatistic.ENTROPY);
      double[][] after = patched.values(LensStatistic.ENTROPY);
      assertThat(after[1]).isEqualTo(before[1]);
      assertThat(after[2]).isNotEqualTo(before[2]);
      // The output alone is halved, so the last block's row no longer equals it.
      assertThat(after[6]).isNotEqualTo(after[5]);
      assertThat(before[6]).isEqualTo(before[5]);
      assertThat(clean.values(LensStatistic.FORWARD_KL)[5]).containsOnly(0);
    }
  }

  @Test
  void batchAndBlocksAndThreads_changeNoBit() {
    try (Model model = open("demo-llama")) {
      Lens lens = lens("tuned", model);
      List<Prompt> prompts = List.of(Prompt.ofIds(0, 5, 6, 7), Prompt.ofIds(0, 9), Prompt.ofIds(3));
      TrajectoryBatch batch =
          Trajectories.ofBatch(model, lens, prompts, TrajectoryOptions.DEFAULT.threads(3));
      for (int i = 0; i < prompts.size(); i++) {
        Trajectory alone =
            Trajectories.of(
                TrajectorySource.of(model, lens, prompts.get(i))
                    .options(TrajectoryOptions.DEFAULT.threads(1)));
        Trajectory batched = batch.trajectories().get(i);
        assertThat(batched.top()).isEqualTo(alone.top());
        alone
            .statistics()
            .forEach((statistic, values) ->
                assertThat(Arrays.deepEquals(values, batched.values(statistic))).isTrue());
      }
    }
  }

  @Test
  void ofStreams_ofARunsOwnStreams_isTheRunsTrajectory() {
    try (Model model = open("demo-gpt2")) {
      Prompt prompt = Prompt.ofIds(0, 665, 753);
      LogitLens lens = LogitLens.of(model.config());
      RunResult run = model.run(prompt, HookPlan.reading("resid_pre:*,blocks.5.hook_resid_post"));
      List<float[]> streams = new ArrayList<>();
      for (int layer = 0; layer < 6; layer++) {
        streams.add(run.activation(LensSite.RESID_PRE.hook(layer)).values());
      }
      Trajectory given =
          Trajectories.ofStreams(
              model,
              lens,
              prompt.ids(),
              streams,
              run.activation("blocks.5.hook_resid_post").values(),
              TrajectoryOptions.DEFAULT);
      assertThat(given.top())
          .isEqualTo(Trajectories.of(TrajectorySource.of(model, lens, prompt)).top());
    }
  }

  @Test
  void manyPositions_inSeveralBlocks_areWholeAndReported() {
    int vocabulary = 100_000;
    int positions = 90;
    List<float[]> rows = new ArrayList<>();
    for (int row = 0; row < 2; row++) {
      float[] logits = new float[vocabulary * positions];
      for (int position = 0; position < positions; position++) {
        logits[position * vocabulary + position] = 20 + row;
      }
      rows.add(logits);
    }
    int[] ids = new int[positions];
    Trajectory trajectory =
        Trajectories.ofLogits(ids, vocabulary, rows, TrajectoryOptions.DEFAULT.topK(1));
    for (int position = 0; position < positions; position++) {
      assertThat(trajectory.top().ids()[0][position]).containsExactly(position);
      assertThat(trajectory.values(LensStatistic.ENTROPY)[0][position]).isPositive();
    }
  }
}
