package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.FinalNorm;
import dev.diopter.models.DecoderConfig.Norm;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Gradients through the final norm: the reference's fixture F1, and differences. */
class NormGradientTest {
  private static final double[][] HEAD = {{1, 0, 0, 0}, {0, 1, 0, 1}, {.5, -.5, .5, -.5}};
  private static final float[] GAIN = {1, .5f, 2, 1};
  private static final float[] BIAS = {0, .1f, 0, -.1f};

  @Test
  void backward_fixtureF1_givesItsLossAndGradient() {
    float[] z = {1.21f, 1.48f, -1.02f, .75f};
    double[] p = {.2, .5, .3};
    FinalNorm norm = new FinalNorm(Norm.LAYER, GAIN, BIAS, 1e-5f);
    double[] logits = logits(norm, widened(z));
    assertThat(logits)
        .containsExactly(new double[] {.6212615631, .5981567942, -1.6571253676}, within(1e-6));
    double[] logQ = logSoftmax(logits);
    double kl = 0;
    float[] dn = new float[4];
    for (int v = 0; v < 3; v++) {
      kl += p[v] * (Math.log(p[v]) - logQ[v]);
      for (int i = 0; i < 4; i++) {
        dn[i] += (float) ((Math.exp(logQ[v]) - p[v]) * HEAD[v][i]);
      }
    }
    assertThat(kl).isCloseTo(.3975955534663686, within(1e-6));
    new NormGradient(norm).backward(z, dn, 1);
    assertThat(widened(dn))
        .containsExactly(
            new double[] {.0562216088, -.0952580555, -.0246793626, .0637158094}, within(1e-6));
  }

  @ParameterizedTest
  @EnumSource(Norm.class)
  void backward_randomRows_agreesWithDifferences(Norm kind) {
    long seed = System.nanoTime();
    System.out.println("NormGradientTest seed " + seed);
    Random random = new Random(seed);
    FinalNorm norm = new FinalNorm(kind, GAIN, kind == Norm.LAYER ? BIAS : null, 1e-5f);
    float[] z = new float[8];
    for (int i = 0; i < z.length; i++) {
      z[i] = (float) random.nextGaussian() * 3;
    }
    float[] derivatives = {1, -2, .5f, 3, -1, .25f, 2, 0};
    float[] found = derivatives.clone();
    new NormGradient(norm).backward(z, found, 2);
    for (int i = 0; i < z.length; i++) {
      int row = i / 4;
      double step = 1e-5;
      double[] x = widened(java.util.Arrays.copyOfRange(z, row * 4, row * 4 + 4));
      x[i % 4] += step;
      double[] up = normed(norm, x);
      x[i % 4] -= 2 * step;
      double[] down = normed(norm, x);
      double expected = 0;
      for (int j = 0; j < 4; j++) {
        expected += derivatives[row * 4 + j] * (up[j] - down[j]) / (2 * step);
      }
      assertThat((double) found[i])
          .as("seed %d, %d", seed, i)
          .isCloseTo(expected, within(1e-5 * Math.max(1, Math.abs(expected))));
    }
  }

  private static double[] logits(FinalNorm norm, double[] z) {
    double[] n = normed(norm, z);
    double[] out = new double[3];
    for (int v = 0; v < 3; v++) {
      for (int i = 0; i < 4; i++) {
        out[v] += HEAD[v][i] * n[i];
      }
    }
    return out;
  }

  /** The norm in double, from its definition. */
  static double[] normed(FinalNorm norm, double[] z) {
    int width = z.length;
    double mean = norm.kind() == Norm.LAYER ? java.util.Arrays.stream(z).sum() / width : 0;
    double squares = 0;
    for (double x : z) {
      squares += (x - mean) * (x - mean);
    }
    double scale = Math.sqrt(squares / width + norm.epsilon());
    float[] bias = norm.bias();
    double[] out = new double[width];
    for (int i = 0; i < width; i++) {
      out[i] = (z[i] - mean) / scale * norm.gain()[i] + (bias == null ? 0 : bias[i]);
    }
    return out;
  }

  static double[] logSoftmax(double[] logits) {
    double max = java.util.Arrays.stream(logits).max().orElseThrow();
    double sum = java.util.Arrays.stream(logits).map(x -> Math.exp(x - max)).sum();
    return java.util.Arrays.stream(logits).map(x -> x - max - Math.log(sum)).toArray();
  }

  static double[] widened(float[] x) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = x[i];
    }
    return out;
  }
}
