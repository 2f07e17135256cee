package dev.diopter.lens.tuned;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.FinalNorm;
import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.models.DecoderConfig.Norm;
import dev.diopter.models.WeightProcessing;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class InversionTest {

  private static double[] probabilities(float[] logits, int row, int vocabulary) {
    double[] out = new double[vocabulary];
    double sum = 0;
    for (int v = 0; v < vocabulary; v++) {
      out[v] = Math.exp(logits[row * vocabulary + v]);
      sum += out[v];
    }
    for (int v = 0; v < vocabulary; v++) {
      out[v] /= sum;
    }
    return out;
  }

  private static void requireSame(float[] found, float[] wanted, int vocabulary) {
    for (int r = 0; r < wanted.length / vocabulary; r++) {
      double[] p = probabilities(wanted, r, vocabulary);
      double[] q = probabilities(found, r, vocabulary);
      for (int v = 0; v < vocabulary; v++) {
        // The reference's bounds.
        assertThat(q[v]).isCloseTo(p[v], within(5e-4 + .01 * p[v]));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"demo-gpt2, false", "demo-llama, false", "demo-gpt2, true", "demo-llama, true"})
  void invert_logitsOfAnyVectors_reproducesTheProbabilities(String name, boolean processed) {
    long seed = System.nanoTime();
    System.out.println("InversionTest seed " + seed);
    Random random = new Random(seed);
    WeightProcessing steps = processed ? WeightProcessing.TRANSFORMER_LENS : WeightProcessing.NONE;
    try (Model model = Model.open(name, new ModelOptions("cpu", 2).withProcessing(steps))) {
      assertThat(model.products().headBias() != null)
          .isEqualTo(processed && name.equals("demo-gpt2"));
      Unembedding unembedding = new Unembedding(model);
      float[] rows = new float[4 * unembedding.width()];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = (float) random.nextGaussian();
      }
      float[] logits = unembedding.logits(rows);
      for (int i = 0; i < logits.length; i++) {
        logits[i] += 7; // a constant is no difference
      }
      InversionOutput found = unembedding.invert(logits);
      requireSame(unembedding.logits(found.residuals()), logits, unembedding.vocabulary());
      assertThat(found.kl()).isBetween(-1e-9, 1e-5);
      // The pseudo-inverse of logits that the model can have is the end already.
      assertThat(found.evaluations()).isLessThan(10);
      assertThat(found.loss()).isEqualTo(found.kl());
      assertThat(found.preimage()).hasSize(rows.length);
      // From somewhere else the search has to do the work.
      float[] start = new float[rows.length];
      for (int i = 0; i < start.length; i++) {
        start[i] = (float) random.nextGaussian();
      }
      InversionOutput climbed =
          new Inversion(model).invert(logits, start, InversionOptions.DEFAULT);
      assertThat(climbed.evaluations()).isGreaterThan(10);
      requireSame(unembedding.logits(climbed.residuals()), logits, unembedding.vocabulary());
    }
  }

  @ParameterizedTest
  @EnumSource(Norm.class)
  void loss_gradient_agreesWithDifferences(Norm kind) {
    Random random = new Random(5);
    FinalNorm norm =
        new FinalNorm(
            kind,
            new float[] {1, .5f, 2},
            kind == Norm.LAYER ? new float[] {0, .1f, 1} : null,
            1e-5f);
    float[] head = new float[15];
    for (int i = 0; i < head.length; i++) {
      head[i] = (float) random.nextGaussian();
    }
    double[][] targets = {{-1, -2, -3, -1.5, -1.2}, {-2, -1, Double.NEGATIVE_INFINITY, -1, -2}};
    InversionOptions options =
        new InversionOptions(
            9,
            0,
            new float[] {1, 2, .5f, 1, 3},
            (row, g) -> {
              double sum = 0;
              for (int i = 0; i < row.length; i++) {
                g[i] = row[i];
                sum += row[i] * row[i] / 2;
              }
              return sum;
            },
            .3);
    float[] headBias = kind == Norm.LAYER ? new float[] {.5f, -1, 0, 2, 1} : null;
    InversionLoss loss = new InversionLoss(head, headBias, norm, targets, options);
    double[] x = random.doubles(6, -2, 2).toArray();
    double[] gradient = new double[6];
    loss.at(x, gradient);
    for (int i = 0; i < 6; i++) {
      double[] up = x.clone();
      double[] down = x.clone();
      up[i] += 1e-5;
      down[i] -= 1e-5;
      double slope = (loss.at(up, new double[6]) - loss.at(down, new double[6])) / 2e-5;
      assertThat(gradient[i]).isCloseTo(slope, within(1e-7 + 1e-6 * Math.abs(slope)));
    }
  }

  @Test
  void invert_whatNoVectorHas_comesAsNearAsItCan() {
    try (Model model = TunedCase.open("demo-gpt2")) {
      int vocabulary = model.config().vocabulary();
      float[] wanted = new float[vocabulary];
      Arrays.fill(wanted, Float.NEGATIVE_INFINITY); // all but two tokens are impossible
      wanted[7] = 0;
      wanted[600] = 0;
      Inversion inversion = new Inversion(model);
      InversionOptions few = new InversionOptions(200, 1e-7, null, null, 0);
      InversionOutput found = inversion.invert(wanted, few);
      float[] logits = new Unembedding(model).logits(found.residuals());
      double[] q = probabilities(logits, 0, vocabulary);
      for (int v = 0; v < vocabulary; v++) {
        assertThat(q[v])
            .isLessThanOrEqualTo(v == 600 ? q[600] : v == 7 ? q[7] : Math.min(q[7], q[600]));
      }
      assertThat(found.kl()).isPositive();
      assertThatThrownBy(() -> inversion.invert(new float[3], few))
          .hasMessageContaining("expected rows of %d logits, got 3".formatted(vocabulary));
      float[] nan = new float[vocabulary];
      nan[1] = Float.NaN;
      assertThatThrownBy(() -> inversion.invert(nan, few))
          .hasMessageContaining("without NaN and infinity in row 0");
      assertThatThrownBy(() -> new InversionOptions(0, 0, null, null, 0))
          .hasMessageContaining("expected at least 1 evaluation");
    }
  }
}
