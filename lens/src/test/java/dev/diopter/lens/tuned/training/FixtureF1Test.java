package dev.diopter.lens.tuned.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.diopter.engine.Model;
import dev.diopter.engine.ModelOptions;
import dev.diopter.formats.SafetensorsWriter;
import dev.diopter.lens.tuned.LensSite;
import dev.diopter.lens.tuned.LogitLens;
import dev.diopter.lens.tuned.Translator;
import dev.diopter.lens.tuned.Unembedding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The reference's fixture F1 on models that have its norm and head: what a user calls, not formulas
 * written again.
 */
class FixtureF1Test {
  private static final float[] H = {1, 2, -1, .5f};
  private static final float[] HEAD = {1, 0, 0, 0, 0, 1, 0, 1, .5f, -.5f, .5f, -.5f};
  private static final float[] GAIN = {1, .5f, 2, 1};
  private static final Translator TRANSLATOR =
      new Translator(
          new float[] {.1f, 0, 0, .2f, 0, -.1f, .3f, 0, 0, 0, .05f, 0, .1f, .1f, .1f, .1f},
          new float[] {.01f, -.02f, .03f, 0});

  @TempDir Path folder;

  private final List<SafetensorsWriter.Tensor> tensors = new ArrayList<>();

  private void tensor(String name, float[] numbers, long... shape) {
    List<Long> sizes = java.util.Arrays.stream(shape).boxed().toList();
    tensors.add(SafetensorsWriter.Tensor.ofFloats(name, sizes, numbers));
  }

  private void zeros(String name, long... shape) {
    int size = 1;
    for (long n : shape) {
      size *= (int) n;
    }
    tensor(name, new float[size], shape);
  }

  private Model model(String config) throws IOException {
    Files.writeString(folder.resolve("config.json"), config);
    SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors, Map.of());
    return Model.open(folder.toString(), new ModelOptions("cpu", 1));
  }

  private Model layerNormed() throws IOException {
    tensor("wte.weight", HEAD, 3, 4);
    zeros("wpe.weight", 8, 4);
    for (String norm : List.of("h.0.ln_1", "h.0.ln_2")) {
      zeros(norm + ".weight", 4);
      zeros(norm + ".bias", 4);
    }
    zeros("h.0.attn.c_attn.weight", 4, 12);
    zeros("h.0.attn.c_attn.bias", 12);
    zeros("h.0.attn.c_proj.weight", 4, 4);
    zeros("h.0.attn.c_proj.bias", 4);
    zeros("h.0.mlp.c_fc.weight", 4, 16);
    zeros("h.0.mlp.c_fc.bias", 16);
    zeros("h.0.mlp.c_proj.weight", 16, 4);
    zeros("h.0.mlp.c_proj.bias", 4);
    tensor("ln_f.weight", GAIN, 4);
    tensor("ln_f.bias", new float[] {0, .1f, 0, -.1f}, 4);
    return model(
        """
        {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 4, "n_head": 1,
         "n_layer": 1, "n_positions": 8, "vocab_size": 3, "activation_function": "gelu_new",
         "layer_norm_epsilon": 1e-5, "bos_token_id": 0, "eos_token_id": 0}
        """);
  }

  private Model rootMeanSquareNormed() throws IOException {
    tensor("model.embed_tokens.weight", HEAD, 3, 4);
    String block = "model.layers.0.";
    zeros(block + "input_layernorm.weight", 4);
    zeros(block + "post_attention_layernorm.weight", 4);
    for (String projection : List.of("q", "k", "v", "o")) {
      zeros(block + "self_attn." + projection + "_proj.weight", 4, 4);
    }
    zeros(block + "mlp.gate_proj.weight", 8, 4);
    zeros(block + "mlp.up_proj.weight", 8, 4);
    zeros(block + "mlp.down_proj.weight", 4, 8);
    tensor("model.norm.weight", GAIN, 4);
    return model(
        """
        {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4,
         "intermediate_size": 8, "num_attention_heads": 1, "num_key_value_heads": 1,
         "num_hidden_layers": 1, "max_position_embeddings": 8, "vocab_size": 3,
         "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
         "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 0}
        """);
  }

  private static void requireLogits(float[] found, double... expected) {
    assertThat(found).hasSize(3);
    for (int v = 0; v < 3; v++) {
      assertThat((double) found[v]).isCloseTo(expected[v], within(2e-6));
    }
  }

  @Test
  void logits_layerNorm_areTheFixtures() throws IOException {
    try (Model model = layerNormed()) {
      Unembedding unembedding = new Unembedding(model);
      requireLogits(
          unembedding.logits(LogitLens.of(model.config(), LensSite.RESID_PRE).transform(0, H)),
          .3464086835,
          .5196130253,
          -1.5877064661);
      float[] logits = unembedding.logits(TRANSLATOR.apply(H));
      requireLogits(logits, .6212615631, .5981567942, -1.6571253676);
      double[] logQ = NormGradientTest.logSoftmax(NormGradientTest.widened(logits));
      assertThat(logQ)
          .containsExactly(new double[] {-.7321801039, -.7552848728, -3.0105670346}, within(2e-6));
    }
  }

  @Test
  void logits_rmsNorm_areTheFixtures() throws IOException {
    try (Model model = rootMeanSquareNormed()) {
      Unembedding unembedding = new Unembedding(model);
      requireLogits(unembedding.logits(H), .7999997440, 1.1999996160, -.9999996800);
      requireLogits(
          unembedding.logits(TRANSLATOR.apply(H)), 1.0554306216, 1.2996625010, -1.0118177860);
    }
  }

  @Test
  void gradient_ofTheDivergence_isTheFixtures() throws IOException {
    try (Model model = layerNormed();
        HeadLoss head = new HeadLoss(model)) {
      float[] p = {.2f, .5f, .3f};
      double entropy = 0;
      for (float each : p) {
        entropy -= each * Math.log(each);
      }
      LayerTrainer layer = new LayerTrainer(model.products(), TRANSLATOR, 1, false);
      layer.begin();
      layer.accumulate(H, new Targets.Predictions(p, new double[] {entropy}), head);
      assertThat(layer.loss(1)).isCloseTo(.3975955534663686, within(2e-6));
      double[] db = {.0562216088, -.0952580555, -.0246793626, .0637158094};
      for (int o = 0; o < 4; o++) {
        assertThat((double) layer.biasGradient()[o]).isCloseTo(db[o], within(2e-6));
        for (int i = 0; i < 4; i++) {
          assertThat((double) layer.weightGradient()[o * 4 + i])
              .isCloseTo(db[o] * H[i], within(4e-6));
        }
      }
    }
  }
}
