package dev.diopter.models;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Mappings;
import dev.diopter.formats.Npz;
import dev.diopter.formats.Resources;
import dev.diopter.formats.TensorType;
import dev.diopter.models.DecoderWeights.Projection;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class WeightMapTest {
  @TempDir Path folder;

  /** Element of a tensor as a number. */
  private static double element(StoredTensor tensor, long index) {
    return switch (tensor.type()) {
      case F32 -> tensor.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, index * 4);
      case F16 ->
          Float.float16ToFloat(tensor.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, index * 2));
      case BF16 ->
          Float.intBitsToFloat(
              tensor.data().get(ValueLayout.JAVA_SHORT_UNALIGNED, index * 2) << 16);
      default -> throw new AssertionError(tensor.type());
    };
  }

  /** One row through a projection, by the definition of its strides. */
  private static double[] apply(Projection p, double[] x) {
    double[] y = new double[p.out()];
    for (int o = 0; o < p.out(); o++) {
      for (int i = 0; i < p.in(); i++) {
        y[o] += x[i] * element(p.weight(), p.offset() + i * p.inStride() + o * p.outStride());
      }
      y[o] += p.bias() == null ? 0 : element(p.bias(), p.biasOffset() + o);
    }
    return y;
  }

  private static double[] gained(double[] normalized, DecoderWeights.Norm norm) {
    double[] y = new double[normalized.length];
    for (int i = 0; i < y.length; i++) {
      y[i] =
          normalized[i] * element(norm.gain(), i)
              + (norm.bias() == null ? 0 : element(norm.bias(), i));
    }
    return y;
  }

  private static double[] row(Npz npz, String name, int row, int width) {
    double[] all = npz.read(name).doubles();
    return java.util.Arrays.copyOfRange(all, row * width, (row + 1) * width);
  }

  private static void assertClose(double[] found, double[] expected, String what) {
    assertThat(found).as(what).hasSameSizeAs(expected).containsExactly(expected, offset(2e-5));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2-tiny", "gpt2-odd-f16", "llama-gqa", "llama-sharded-bf16"})
  void of_fixture_everyRoleGivesTheExpectedValues(String name) {
    try (OpenModel model = ModelStore.of(Map.of(), "").open(Resources.fixture(name).toString());
        Npz npz = Npz.open(Resources.fixture(name + "/expected.npz"))) {
      DecoderConfig c = model.config();
      DecoderWeights w = model.weights();
      int[] ids = npz.read("ids").ints();
      int p = 3;
      double[] embedding = new double[c.width()];
      for (int i = 0; i < c.width(); i++) {
        embedding[i] = element(w.tokenEmbedding(), (long) ids[p] * c.width() + i);
      }
      assertClose(embedding, row(npz, "hook_embed", p, c.width()), "embedding");
      assertThat(w.layers()).hasSize(c.layers());
      for (int l = 0; l < c.layers(); l++) {
        DecoderWeights.Layer layer = w.layers().get(l);
        String b = "blocks." + l + ".";
        double[] x = gained(row(npz, b + "ln1.hook_normalized", p, c.width()), layer.norm1());
        assertClose(
            apply(layer.query(), x), row(npz, b + "attn.hook_q", p, layer.query().out()), b + "q");
        assertClose(
            apply(layer.key(), x), row(npz, b + "attn.hook_k", p, layer.key().out()), b + "k");
        assertClose(
            apply(layer.value(), x), row(npz, b + "attn.hook_v", p, layer.value().out()), b + "v");
        double[] z = row(npz, b + "attn.hook_z", p, c.heads() * c.headDim());
        assertClose(
            apply(layer.output(), z), row(npz, b + "hook_attn_out", p, c.width()), b + "attn_out");
        x = gained(row(npz, b + "ln2.hook_normalized", p, c.width()), layer.norm2());
        Projection pre = layer.gate() == null ? layer.up() : layer.gate();
        assertClose(apply(pre, x), row(npz, b + "mlp.hook_pre", p, c.mlpWidth()), b + "pre");
        if (layer.gate() != null) {
          assertClose(
              apply(layer.up(), x),
              row(npz, b + "mlp.hook_pre_linear", p, c.mlpWidth()),
              b + "pre_linear");
        }
        double[] post = row(npz, b + "mlp.hook_post", p, c.mlpWidth());
        assertClose(
            apply(layer.down(), post), row(npz, b + "hook_mlp_out", p, c.width()), b + "mlp_out");
      }
      double[] x = row(npz, "unembed.hook_in", p, c.width());
      assertClose(
          gained(row(npz, "ln_final.hook_normalized", p, c.width()), w.finalNorm()),
          x,
          "final norm");
      StoredTensor head = w.head() == null ? w.tokenEmbedding() : w.head();
      double[] logits =
          apply(new Projection(head, 0, c.width(), c.vocabulary(), 1, c.width(), null, 0), x);
      assertClose(logits, row(npz, "logits", p, c.vocabulary()), "logits");
      if (w.positionEmbedding() != null) {
        double[] position = new double[c.width()];
        for (int i = 0; i < c.width(); i++) {
          position[i] = element(w.positionEmbedding(), (long) p * c.width() + i);
        }
        assertClose(position, row(npz, "hook_pos_embed", p, c.width()), "positions");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "transformer."})
  void of_gpt2Layouts_areRead(String prefix) throws IOException {
    Map<String, List<Long>> tensors = TinyModels.gpt2(prefix);
    tensors.put(prefix + "h.0.attn.bias", List.of(1L, 1L, 5L, 5L));
    tensors.put(prefix + "h.1.attn.masked_bias", List.of());
    tensors.put("lm_head.weight", List.of(7L, 4L));
    try (OpenModel model = open(TinyModels.GPT2, tensors)) {
      assertThat(model.weights().head()).isNull();
      assertThat(model.config().tiedHead()).isTrue();
      assertThat(model.info().parameters())
          .isEqualTo(7 * 4 + 5 * 4 + 2 * (8 + 48 + 12 + 16 + 4 + 8 + 64 + 16 + 64 + 4) + 8);
    }
    try (OpenModel model =
        open(
            TinyModels.GPT2.replace("{\"model", "{\"tie_word_embeddings\": false, \"model"),
            tensors)) {
      assertThat(model.weights().head()).isNotNull();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "model."})
  void of_llamaLayouts_areRead(String prefix) throws IOException {
    Map<String, List<Long>> tensors = TinyModels.llama(prefix);
    tensors.put(prefix + "layers.0.self_attn.rotary_emb.inv_freq", List.of(1L));
    try (OpenModel model = open(TinyModels.LLAMA, tensors)) {
      assertThat(model.weights().head()).isNotNull();
      assertThat(model.weights().layers().getFirst().key().out()).isEqualTo(2);
    }
    tensors.remove("lm_head.weight");
    assertRefused(
        FormatException.class, () -> open(TinyModels.LLAMA, tensors), "lm_head.weight, found none");
    try (OpenModel model =
        open(
            TinyModels.LLAMA.replace("{\"model", "{\"tie_word_embeddings\": true, \"model"),
            tensors)) {
      assertThat(model.weights().head()).isNull();
    }
  }

  static Stream<Arguments> brokenWeights() {
    return Stream.of(
        change("a missing embedding", t -> t.remove("wte.weight"), "wte.weight, found none"),
        change(
            "a missing bias",
            t -> t.remove("h.1.attn.c_attn.bias"),
            "h.1.attn.c_attn.bias, found none"),
        change(
            "a turned matrix",
            t -> t.put("h.0.attn.c_attn.weight", List.of(12L, 4L)),
            "h.0.attn.c_attn.weight: expected shape [4, 12] from config.json, found [12, 4]"),
        change(
            "another vocabulary",
            t -> t.put("wte.weight", List.of(8L, 4L)),
            "wte.weight: expected shape [7, 4]"),
        change(
            "another context",
            t -> t.put("wpe.weight", List.of(6L, 4L)),
            "wpe.weight: expected shape [5, 4]"),
        change(
            "an axis more",
            t -> t.put("ln_f.bias", List.of(1L, 4L)),
            "ln_f.bias: expected shape [4]"),
        change(
            "a layer more",
            t -> t.put("h.2.ln_1.weight", List.of(4L)),
            "expected no tensor h.2.ln_1.weight",
            "2 layers"),
        change(
            "a norm more",
            t -> t.put("h.0.attn.q_norm.weight", List.of(4L)),
            "expected no tensor h.0.attn.q_norm.weight"));
  }

  private static Arguments change(
      String what, Consumer<Map<String, List<Long>>> change, String... parts) {
    return arguments(what, change, parts);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenWeights")
  void of_weightsThatDoNotFit_areRefusedByName(
      String what, Consumer<Map<String, List<Long>>> change, String[] parts) {
    Map<String, List<Long>> tensors = TinyModels.gpt2("");
    change.accept(tensors);
    assertRefused(FormatException.class, () -> open(TinyModels.GPT2, tensors), parts);
  }

  @Test
  void of_biases_mustBeAsTheConfigSays() throws IOException {
    Map<String, List<Long>> tensors = TinyModels.llama("model.");
    String with = TinyModels.LLAMA.replace("{\"model", "{\"attention_bias\": true, \"model");
    assertRefused(FormatException.class, () -> open(with, tensors), "q_proj.bias, found none");
    for (int l = 0; l < 2; l++) {
      for (String part : new String[] {"q", "k", "v", "o"}) {
        long size = part.equals("q") || part.equals("o") ? 4 : 2;
        tensors.put("model.layers." + l + ".self_attn." + part + "_proj.bias", List.of(size));
      }
    }
    try (OpenModel model = open(with, tensors)) {
      assertThat(model.weights().layers().getFirst().output().bias()).isNotNull();
    }
    assertRefused(
        FormatException.class,
        () -> open(TinyModels.LLAMA, tensors),
        "expected no tensor",
        "_proj.bias");
  }

  @ParameterizedTest
  @ValueSource(strings = {"F64", "I8", "F8_E4M3", "BOOL", "U16"})
  void of_otherElementTypes_areRefusedByName(String type) throws IOException {
    TinyModels.write(folder, TinyModels.GPT2, Map.of());
    TinyModels.writeWeights(
        folder.resolve("model.safetensors"), TinyModels.gpt2(""), TensorType.valueOf(type));
    assertRefused(
        UnsupportedModelException.class,
        () -> OpenModel.open("x", "x", ModelFiles.of(folder), WeightProcessing.NONE),
        "wte.weight",
        "dtype " + type,
        "F32, F16, BF16");
  }

  @Test
  void open_refusedModel_canBeDeletedAndReplaced() throws IOException {
    Map<String, List<Long>> tensors = TinyModels.gpt2("");
    tensors.remove("ln_f.bias");
    assertRefused(FormatException.class, () -> open(TinyModels.GPT2, tensors), "ln_f.bias");
    Mappings.assertNone(folder);
    Files.delete(folder.resolve("model.safetensors"));
    try (OpenModel model = open(TinyModels.GPT2, TinyModels.gpt2(""))) {
      assertThat(model.weights().finalNorm().bias()).isNotNull();
    }
  }

  private OpenModel open(String config, Map<String, List<Long>> tensors) throws IOException {
    TinyModels.write(folder, config, tensors);
    return OpenModel.open("tiny", folder.toString(), ModelFiles.of(folder), WeightProcessing.NONE);
  }
}
