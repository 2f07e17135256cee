package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.FinalNorm;
import dev.diopter.engine.Model;
import dev.diopter.engine.Products;
import dev.diopter.lens.tuned.Translator;
import dev.diopter.models.ModelStore;
import dev.diopter.models.OpenModel;
import dev.diopter.models.StoredTensor;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Losses and gradients against a forward pass in double and its differences. */
class LayerTrainerTest {
  private static final int ROWS = 7;
  private static final double STEP = 1e-4;

  @ParameterizedTest
  @CsvSource({"gpt2-tiny,KL", "gpt2-tiny,CE", "llama-gqa,KL", "llama-gqa,CE"})
  void accumulate_randomTranslator_agreesWithDifferences(String fixture, LensLoss loss) {
    long seed = System.nanoTime();
    System.out.println("LayerTrainerTest seed " + seed);
    Random random = new Random(seed);
    String folder = Path.of(System.getProperty("diopter.root"), "fixtures", fixture).toString();
    try (Model model = Model.open(folder)) {
      int width = model.config().width();
      int vocabulary = model.config().vocabulary();
      double[][] head = head(folder, vocabulary, width);
      FinalNorm norm = model.finalNorm();
      float[] h = normal(random, ROWS * width, 2);
      float[] finals = normal(random, ROWS * width, 2);
      int[] labels = random.ints(ROWS, 0, vocabulary).toArray();
      Products products = model.products();
      Targets targets =
          loss == LensLoss.CE
              ? new Targets.Labels(labels)
              : Targets.predictions(model, products, finals, ROWS);
      double[][] p = new double[ROWS][];
      for (int r = 0; r < ROWS; r++) {
        p[r] = new double[vocabulary];
        if (loss == LensLoss.CE) {
          p[r][labels[r]] = 1;
        } else {
          double[] log = NormGradientTest.logSoftmax(logits(norm, head, row(finals, r, width)));
          for (int v = 0; v < vocabulary; v++) {
            p[r][v] = Math.exp(log[v]);
          }
        }
      }
      Translator start =
          new Translator(normal(random, width * width, .1), normal(random, width, .1));
      LayerTrainer trainer = new LayerTrainer(products, start, 1, false);
      try (HeadLoss headLoss = new HeadLoss(model, products)) {
        trainer.accumulate(h, targets, headLoss);
      }
      double[] w = NormGradientTest.widened(start.weight());
      double[] b = NormGradientTest.widened(start.bias());
      double expected = loss(norm, head, h, p, w, b);
      assertThat(trainer.loss(1)).isCloseTo(expected, within(1e-4 * Math.max(1, expected)));
      for (int trial = 0; trial < 40; trial++) {
        boolean weight = trial % 2 == 0;
        double[] x = weight ? w : b;
        float[] gradient = weight ? trainer.weightGradient() : trainer.biasGradient();
        int at = random.nextInt(x.length);
        x[at] += STEP;
        double up = loss(norm, head, h, p, w, b);
        x[at] -= 2 * STEP;
        double down = loss(norm, head, h, p, w, b);
        x[at] += STEP;
        double slope = (up - down) / (2 * STEP);
        assertThat((double) gradient[at])
            .as("seed %d, %s %d", seed, weight ? "W" : "b", at)
            .isCloseTo(slope, within(2e-4 * Math.max(1, Math.abs(slope))));
      }
    }
  }

  private static double loss(
      FinalNorm norm, double[][] head, float[] h, double[][] p, double[] w, double[] b) {
    int width = b.length;
    double sum = 0;
    for (int r = 0; r < ROWS; r++) {
      double[] x = row(h, r, width);
      double[] z = new double[width];
      for (int o = 0; o < width; o++) {
        z[o] = x[o] + b[o];
        for (int i = 0; i < width; i++) {
          z[o] += w[o * width + i] * x[i];
        }
      }
      double[] logQ = NormGradientTest.logSoftmax(logits(norm, head, z));
      for (int v = 0; v < logQ.length; v++) {
        sum += p[r][v] == 0 ? 0 : p[r][v] * (Math.log(p[r][v]) - logQ[v]);
      }
    }
    return sum;
  }

  private static double[] logits(FinalNorm norm, double[][] head, double[] z) {
    double[] n = NormGradientTest.normed(norm, z);
    double[] out = new double[head.length];
    for (int v = 0; v < out.length; v++) {
      for (int i = 0; i < n.length; i++) {
        out[v] += head[v][i] * n[i];
      }
    }
    return out;
  }

  private static double[][] head(String folder, int vocabulary, int width) {
    try (OpenModel stored = ModelStore.system().open(folder)) {
      StoredTensor own = stored.weights().head();
      StoredTensor head = own == null ? stored.weights().tokenEmbedding() : own;
      double[][] rows = new double[vocabulary][];
      for (int v = 0; v < vocabulary; v++) {
        rows[v] = NormGradientTest.widened(head.floats((long) v * width, width));
      }
      return rows;
    }
  }

  private static double[] row(float[] all, int row, int width) {
    return NormGradientTest.widened(
        java.util.Arrays.copyOfRange(all, row * width, (row + 1) * width));
  }

  private static float[] normal(Random random, int count, double scale) {
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) (random.nextGaussian() * scale);
    }
    return out;
  }
}
