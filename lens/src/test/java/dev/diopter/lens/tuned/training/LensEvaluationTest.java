package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.HookPlan;
import dev.diopter.engine.LogProbabilities;
import dev.diopter.engine.Logits;
import dev.diopter.engine.Model;
import dev.diopter.engine.Prompt;
import dev.diopter.engine.RunRequest;
import dev.diopter.engine.RunResult;
import dev.diopter.formats.Json;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.Translator;
import dev.diopter.lens.tuned.TunedLens;
import dev.diopter.lens.tuned.Unembedding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every number of an evaluation against its definition, in double. */
class LensEvaluationTest {
  private static final int LENGTH = 32;
  private static final int CHUNKS = 3;

  @Test
  void run_twoLenses_everyNumberIsItsDefinition() {
    try (Model model = Demo.open("demo-llama")) {
      LensData data = Demo.texts(model, "held-out", LENGTH);
      TunedLens tuned = random(model);
      Evaluation evaluation =
          new LensEvaluation(model, data, new EvaluationOptions(CHUNKS * LENGTH + 5, 1, 2, true, 2))
              .run(List.of(LogitLens.of(model.config()), tuned), (done, total) -> {});
      assertThat(evaluation.tokens()).isEqualTo(CHUNKS * LENGTH);
      assertThat(evaluation.labels()).isEqualTo(CHUNKS * (LENGTH - 1L));
      LensScores.Transfer flat = Objects.requireNonNull(evaluation.lens("logit").transfer());
      for (double[] row : flat.kl()) {
        assertThat(row).containsExactly(new double[row.length], within(1e-9));
      }
      Sums sums = new Sums(model, data, tuned);
      assertThat(evaluation.crossEntropy()).isCloseTo(sums.ce, within(1e-4));
      assertThat(evaluation.entropy()).isCloseTo(sums.entropy, within(1e-4));
      LensScores scores = evaluation.lens("tuned");
      LensScores.Transfer transfer = Objects.requireNonNull(scores.transfer());
      assertThat(scores.crossEntropy()[2]).isCloseTo(sums.lensCe, within(1e-4));
      assertThat(scores.entropy()[2]).isCloseTo(sums.lensEntropy, within(1e-4));
      assertThat(scores.kl()[2]).isCloseTo(sums.lensKl, within(1e-4));
      assertThat(scores.bias()[2]).isCloseTo(sums.bias, within(1e-4));
      assertThat(transfer.kl()[4][2]).isCloseTo(sums.transferKl, within(1e-4));
      assertThat(transfer.crossEntropy()[4][2]).isCloseTo(sums.transferCe, within(1e-4));
      assertThat(transfer.kl()[2][2]).isZero();
      assertThat(transfer.crossEntropy()[2][2]).isCloseTo(scores.crossEntropy()[2], within(1e-9));
      assertThat(Arrays.stream(scores.marginals()[2]).sum()).isCloseTo(1, within(1e-4));
      assertThat(evaluation.bitsPerByte(1)).isEqualTo(evaluation.natsToBitsPerByte());
      assertThat(Evaluation.bitsPerToken(Math.log(2))).isCloseTo(1, within(1e-12));
    }
  }

  @Test
  void write_severalBatches_haveOneLineEachAndMeanTheWhole(@TempDir Path folder)
      throws IOException {
    try (Model model = Demo.open("demo-gpt2")) {
      LensData data = Demo.texts(model, "held-out", LENGTH);
      Evaluation evaluation =
          new LensEvaluation(model, data, new EvaluationOptions(5 * LENGTH, 1, 2, false, 2))
              .run(List.of(LogitLens.of(model.config())), (done, total) -> {});
      assertThat(evaluation.batches())
          .extracting(BatchScores::tokens)
          .containsExactly(2L * LENGTH, 2L * LENGTH, (long) LENGTH);
      double kl = 0;
      double ce = 0;
      for (BatchScores batch : evaluation.batches()) {
        kl += batch.lenses().getFirst().kl()[3] * batch.tokens();
        ce += batch.crossEntropy() * batch.labels();
      }
      assertThat(kl / evaluation.tokens())
          .isCloseTo(evaluation.lens("logit").kl()[3], within(1e-9));
      assertThat(ce / evaluation.labels()).isCloseTo(evaluation.crossEntropy(), within(1e-9));
      EvaluationFiles.write(folder, evaluation);
      List<String> lines = Files.readAllLines(folder.resolve("batches.jsonl"));
      assertThat(lines).hasSize(3);
      assertThat(Json.read("line", lines.getLast()).at("/logit/kl/layer_3").asDouble())
          .isEqualTo(
              evaluation.bitsPerByte(evaluation.batches().getLast().lenses().getFirst().kl()[3]));
    }
  }

  private static TunedLens random(Model model) {
    Random random = new Random(3);
    int width = model.config().width();
    List<Translator> translators = new ArrayList<>();
    for (int layer = 0; layer < model.config().layers(); layer++) {
      float[] w = new float[width * width];
      float[] b = new float[width];
      for (int i = 0; i < w.length; i++) {
        w[i] = (float) (random.nextGaussian() * .05);
      }
      for (int i = 0; i < width; i++) {
        b[i] = (float) (random.nextGaussian() * .5);
      }
      translators.add(new Translator(w, b));
    }
    return new TunedLens(Demo.config(model), translators);
  }

  /** The definitions, for translator 2 on layer 2 and translator 4 on it. */
  private static final class Sums {
    double ce;
    double entropy;
    double lensCe;
    double lensEntropy;
    double lensKl;
    double bias;
    double transferKl;
    double transferCe;

    Sums(Model model, LensData data, TunedLens lens) {
      int vocabulary = model.config().vocabulary();
      double[] meanP = new double[vocabulary];
      double[] meanQ = new double[vocabulary];
      Unembedding unembedding = new Unembedding(model);
      try (TokenChunks chunks = data.open()) {
        for (int c = 0; c < CHUNKS; c++) {
          int[] ids = Objects.requireNonNull(chunks.next());
          RunResult run =
              model
                  .run(
                      RunRequest.of(Prompt.ofIds(ids))
                          .plan(HookPlan.reading("blocks.2.hook_resid_pre"))
                          .logits(Logits.ALL))
                  .getFirst();
          float[] h = run.activation("blocks.2.hook_resid_pre").values();
          float[] own = unembedding.logits(lens.transform(2, h));
          float[] other = unembedding.logits(lens.transform(4, h));
          for (int r = 0; r < LENGTH; r++) {
            double[] p = row(run.logits(), r, vocabulary);
            double[] q = row(own, r, vocabulary);
            double[] o = row(other, r, vocabulary);
            for (int v = 0; v < vocabulary; v++) {
              entropy -= p[v] * Math.log(p[v]);
              lensEntropy -= q[v] * Math.log(q[v]);
              lensKl += p[v] * Math.log(p[v] / q[v]);
              transferKl += q[v] * Math.log(q[v] / o[v]);
              meanP[v] += p[v];
              meanQ[v] += q[v];
            }
            if (r + 1 < LENGTH) {
              ce -= Math.log(p[ids[r + 1]]);
              lensCe -= Math.log(q[ids[r + 1]]);
              transferCe -= Math.log(o[ids[r + 1]]);
            }
          }
        }
      }
      int tokens = CHUNKS * LENGTH;
      int labels = CHUNKS * (LENGTH - 1);
      ce /= labels;
      lensCe /= labels;
      transferCe /= labels;
      entropy /= tokens;
      lensEntropy /= tokens;
      lensKl /= tokens;
      transferKl /= tokens;
      for (int v = 0; v < vocabulary; v++) {
        bias += meanP[v] / tokens * Math.log(meanP[v] / meanQ[v]);
      }
    }

    private static double[] row(float[] logits, int row, int vocabulary) {
      return LogProbabilities.probabilities(
          Arrays.copyOfRange(logits, row * vocabulary, (row + 1) * vocabulary));
    }
  }
}
