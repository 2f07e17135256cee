package dev.diopter.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.models.DecoderConfig;
import dev.diopter.models.ModelException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProductsTest {
  private static final String FOLDER =
      Path.of(System.getProperty("diopter.root"), "fixtures", "gpt2-tiny").toString();

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "reference"})
  void multiply_oddSizes_isTheProductOfEitherStride(String backend) {
    long seed = System.nanoTime();
    System.out.println("ProductsTest seed " + seed);
    Random random = new Random(seed);
    try (Model model = Model.open(FOLDER, new ModelOptions(backend, 2))) {
      Products products = model.products();
      for (int n : new int[] {1, 3, 17, 65}) {
        int in = 1 + random.nextInt(40);
        int out = 1 + random.nextInt(70);
        float[] x = normal(random, n * in);
        float[] w = normal(random, in * out);
        float[] plain = new float[n * out];
        float[] turned = new float[n * out];
        try (Products.Packed a = products.pack(w, in, out, out, 1);
            Products.Packed b = products.pack(w, in, out, 1, in)) {
          assertThat(a.in()).isEqualTo(in);
          assertThat(a.out()).isEqualTo(out);
          products.multiply(x, n, a, plain);
          products.multiply(x, n, b, turned);
        }
        for (int r = 0; r < n; r++) {
          for (int o = 0; o < out; o++) {
            double sum = 0;
            double other = 0;
            for (int i = 0; i < in; i++) {
              sum += (double) x[r * in + i] * w[i * out + o];
              other += (double) x[r * in + i] * w[o * in + i];
            }
            assertThat((double) plain[r * out + o])
                .as("seed %d", seed)
                .isCloseTo(sum, within(1e-4));
            assertThat((double) turned[r * out + o])
                .as("seed %d", seed)
                .isCloseTo(other, within(1e-4));
          }
        }
      }
    }
  }

  @Test
  void headTransposed_timesTheHead_agreesWithUnembed() {
    try (Model model = Model.open(FOLDER, new ModelOptions("cpu", 2))) {
      int width = model.config().width();
      int vocabulary = model.config().vocabulary();
      FinalNorm norm = model.finalNorm();
      assertThat(norm.kind()).isEqualTo(DecoderConfig.Norm.LAYER);
      float[] z = normal(new Random(4), width);
      float[] logits = new float[vocabulary];
      model.unembed(z, 1, logits);
      double[] n = normed(z, norm);
      float[] unit = new float[vocabulary];
      float[] row = new float[width];
      try (Products.Packed head = model.products().headTransposed()) {
        for (int v : new int[] {0, 5, vocabulary - 1}) {
          unit[v] = 1;
          model.products().multiply(unit, 1, head, row);
          unit[v] = 0;
          double dot = 0;
          for (int i = 0; i < width; i++) {
            dot += n[i] * row[i];
          }
          assertThat((double) logits[v]).isCloseTo(dot, within(1e-4));
        }
      }
    }
  }

  @Test
  void softmax_rows_sumToOne() {
    try (Model model = Model.open(FOLDER, new ModelOptions("cpu", 2))) {
      float[] x = {0, 1, 2, -1, 5, 5};
      float[] out = new float[6];
      model.products().softmax(x, 2, 3, out);
      double sum = 1 + Math.E + Math.E * Math.E;
      assertThat((double) out[0]).isCloseTo(1 / sum, within(1e-6));
      assertThat((double) out[2]).isCloseTo(Math.E * Math.E / sum, within(1e-6));
      assertThat((double) out[3] + out[4] + out[5]).isCloseTo(1, within(1e-6));
      assertThat(out[4]).isEqualTo(out[5]);
    }
  }

  @Test
  void multiply_wrongSizes_areRefused() {
    Model model = Model.open(FOLDER, new ModelOptions("cpu", 2));
    Products products = model.products();
    try (Products.Packed w = products.pack(new float[6], 2, 3, 3, 1)) {
      assertThatThrownBy(() -> products.multiply(new float[3], 2, w, new float[6]))
          .isInstanceOf(UsageException.class)
          .hasMessage("multiply: rows: expected 2 rows of 2 numbers, got 3 numbers");
    }
    model.close();
    assertThatThrownBy(() -> products.pack(new float[6], 2, 3, 3, 1))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("closed");
  }

  private static double[] normed(float[] z, FinalNorm norm) {
    double mean = 0;
    for (float x : z) {
      mean += x / (double) z.length;
    }
    double squares = 0;
    for (float x : z) {
      squares += (x - mean) * (x - mean) / z.length;
    }
    float[] bias = norm.bias();
    double[] out = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      out[i] = (z[i] - mean) / Math.sqrt(squares + norm.epsilon()) * norm.gain()[i];
      out[i] += bias == null ? 0 : bias[i];
    }
    return out;
  }

  private static float[] normal(Random random, int count) {
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }
}
