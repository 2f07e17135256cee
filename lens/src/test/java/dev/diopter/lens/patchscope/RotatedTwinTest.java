package dev.diopter.lens.patchscope;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.engine.PromptOptions;
import dev.diopter.formats.JsonLines;
import dev.diopter.formats.SafetensorsFile;
import dev.diopter.formats.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A Llama and its twin, whose residual stream has another basis: norms' gains folded into what
 * reads the stream, everything turned by one orthogonal matrix, so that both compute the same
 * function. The map between them is that matrix.
 */
class RotatedTwinTest {
  private static final PromptOptions BOS = new PromptOptions(true, true);

  @TempDir Path folder;

  @Test
  void trainer_twinWithARotatedBasis_findsTheRotationAndPatchesAsWithinOneModel()
      throws IOException {
    int width = 128;
    double[][] turn = orthogonal(width, Models.random("twin"));
    twin(turn);
    try (Model model = Models.open("demo-llama", "cpu", 2);
        Model twin = Model.open(folder.toString(), new ModelOptions("cpu", 2))) {
      List<Layer> layers = Layer.all(model.config());
      List<Mapping.Route> routes =
          layers.stream()
              .map(l -> l.entry(model.config(), "source"))
              .map(e -> new Mapping.Route(e, e))
              .toList();
      MapTrainer trainer = new MapTrainer(model, twin, routes, true, 8);
      for (String text : texts()) {
        assertThat(trainer.add(text)).isTrue();
      }
      MapTrainer.Result fitted = trainer.solve("twin", 1e-10);
      for (Mapping.Route route : routes) {
        assertThat(fitted.fits().get(route).heldOutR2()).as("%s", route).isGreaterThan(0.999999);
        assertRotation(route, fitted.fits().get(route).map(), turn);
      }
      // All positions of prompts of one length: the twin says what the model says.
      Source source = Source.of(model, model.prompt("The capital of Japan is", BOS));
      Target there = Target.of(twin, twin.prompt("The sun is in the", BOS)).newTokens(1);
      assertThat(there.input().length()).isEqualTo(source.input().length());
      Patch whole = new Patch(source, fitted.map(), there);
      for (Cell cell : Patchscope.of(Sweep.of(whole).diagonal(layers)).run()) {
        assertThat(cell.reading().precisionAt1()).as("%s", cell.route()).isEqualTo(1);
        assertThat(cell.reading().klFromSource()).isLessThan(1e-4);
      }
      // Any patch across says what it says within one model.
      Preset identity = Preset.named("token-identity-demo");
      List<Cell> within =
          Patchscope.of(identity.sweep(source, model, null, BOS, Mapping.IDENTITY)).run();
      List<Cell> across =
          Patchscope.of(identity.sweep(source, twin, null, BOS, fitted.map())).run();
      for (Cell cell : across) {
        assertThat(cell.generatedIds())
            .as("%s", cell.route())
            .isEqualTo(within.get(cell.index()).generatedIds());
      }
    }
  }

  private static void assertRotation(Mapping.Route route, AffineMap.Part map, double[][] turn) {
    for (int i = 0; i < turn.length; i++) {
      assertThat(map.bias()[i]).as("%s bias", route).isCloseTo(0, offset(0.01f));
      for (int j = 0; j < turn.length; j++) {
        assertThat(map.weight()[i * turn.length + j])
            .as("%s [%d, %d]", route, i, j)
            .isCloseTo((float) turn[i][j], offset(0.01f));
      }
    }
  }

  private static List<String> texts() {
    List<String> texts = new ArrayList<>();
    try (JsonLines lines =
        JsonLines.open(Models.root().resolve("fixtures/lens-texts/train.jsonl"))) {
      while (texts.size() < 64 && lines.next()) {
        String text = lines.value().get("text").stringValue();
        texts.add(text.length() > 300 ? text.substring(0, 300) : text);
      }
    }
    return texts;
  }

  /** Gram and Schmidt on normal numbers. */
  private static double[][] orthogonal(int n, Random random) {
    double[][] rows = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        rows[i][j] = random.nextGaussian();
      }
      for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < i; k++) {
          double dot = dot(rows[i], rows[k]);
          for (int j = 0; j < n; j++) {
            rows[i][j] -= dot * rows[k][j];
          }
        }
      }
      double norm = Math.sqrt(dot(rows[i], rows[i]));
      for (int j = 0; j < n; j++) {
        rows[i][j] /= norm;
      }
    }
    return rows;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private void twin(double[][] turn) throws IOException {
    Path from =
        Models.root().resolve("models/src/main/resources/dev/diopter/models/bundled/demo-llama");
    for (String name : new String[] {"tokenizer.json", "tokenizer_config.json"}) {
      if (Files.exists(from.resolve(name))) {
        Files.copy(from.resolve(name), folder.resolve(name));
      }
    }
    String config =
        Files.readString(from.resolve("config.json"))
            .replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false")
            .replace("\"float16\"", "\"float32\"");
    Files.writeString(folder.resolve("config.json"), config);
    List<SafetensorsWriter.Tensor> tensors = new ArrayList<>();
    try (SafetensorsFile file = SafetensorsFile.open(from.resolve("model.safetensors"))) {
      float[] embedding = floats(file, "model.embed_tokens.weight");
      float[] finalGain = floats(file, "model.norm.weight");
      for (SafetensorsFile.Entry entry : file.entries()) {
        String name = entry.name();
        float[] values = floats(file, name);
        if (name.endsWith("norm.weight")) {
          java.util.Arrays.fill(values, 1);
        } else if (name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight")) {
          values = written(values, turn);
        } else if (name.contains("embed_tokens")) {
          values = read(values, null, turn);
        } else {
          String norm = name.contains("mlp") ? "post_attention_layernorm" : "input_layernorm";
          String layer = name.substring(0, name.indexOf('.', "model.layers.".length()) + 1);
          values = read(values, floats(file, layer + norm + ".weight"), turn);
        }
        tensors.add(SafetensorsWriter.Tensor.ofFloats(name, entry.shape(), values));
      }
      List<Long> shape =
          java.util.Objects.requireNonNull(file.find("model.embed_tokens.weight")).shape();
      tensors.add(
          SafetensorsWriter.Tensor.ofFloats(
              "lm_head.weight", shape, read(embedding, finalGain, turn)));
    }
    SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors, Map.of());
  }

  /** Rows over the stream [out, width], the gain in front of them, in the other basis. */
  private static float[] read(float[] weight, float[] gain, double[][] turn) {
    int n = turn.length;
    float[] out = new float[weight.length];
    for (int row = 0; row < weight.length / n; row++) {
      double[] sum = new double[n];
      for (int i = 0; i < n; i++) {
        double x = weight[row * n + i] * (gain == null ? 1.0 : gain[i]);
        for (int j = 0; j < n; j++) {
          sum[j] += x * turn[i][j];
        }
      }
      for (int j = 0; j < n; j++) {
        out[row * n + j] = (float) sum[j];
      }
    }
    return out;
  }

  /** What is added to the stream [width, in], in the other basis. */
  private static float[] written(float[] weight, double[][] turn) {
    int n = turn.length;
    int in = weight.length / n;
    float[] out = new float[weight.length];
    for (int j = 0; j < n; j++) {
      for (int k = 0; k < in; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
          sum += turn[i][j] * weight[i * in + k];
        }
        out[j * in + k] = (float) sum;
      }
    }
    return out;
  }

  private static float[] floats(SafetensorsFile file, String name) {
    SafetensorsFile.Entry entry = java.util.Objects.requireNonNull(file.find(name));
    ValueLayout.OfShort half = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[(int) entry.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.float16ToFloat(entry.data().get(half, 2L * i));
    }
    return values;
  }
}
