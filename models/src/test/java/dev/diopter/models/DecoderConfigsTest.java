package dev.diopter.models;

import static dev.diopter.formats.Messages.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig.Mlp;
import dev.diopter.models.DecoderConfig.Norm;
import dev.diopter.models.DecoderConfig.Positions;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

class DecoderConfigsTest {
  private static DecoderConfig published(String name) throws IOException {
    try (InputStream in =
        DecoderConfigsTest.class.getResourceAsStream("configs/" + name + ".json")) {
      return DecoderConfigs.read(name, Json.read(name, in), null);
    }
  }

  /** The tiny configuration with fields added or replaced. */
  private static DecoderConfig with(String base, String fields) {
    ObjectNode config = TinyModels.config(base);
    Json.read("fields", fields).forEachEntry(config::set);
    return DecoderConfigs.read("config.json", config, null);
  }

  @ParameterizedTest
  @CsvSource({
    "gpt2, 12, 768, 12, 12, 64, 3072, 50257, 1024, true",
    "gpt2-medium, 24, 1024, 16, 16, 64, 4096, 50257, 1024, true",
    "distilgpt2, 6, 768, 12, 12, 64, 3072, 50257, 1024, true",
    "gpt2-crfm, 12, 768, 12, 12, 64, 3072, 50257, 1024, true",
    "dialogpt, 12, 768, 12, 12, 64, 3072, 50257, 1024, true",
    "llama-7b, 32, 4096, 32, 32, 128, 11008, 32000, 2048, false",
    "llama-2-7b, 32, 4096, 32, 32, 128, 11008, 32000, 4096, false",
    "tinyllama, 22, 2048, 32, 4, 64, 5632, 32000, 2048, false",
    "llama-3-8b, 32, 4096, 32, 8, 128, 14336, 128256, 8192, false",
    "llama-3.1-8b-instruct, 32, 4096, 32, 8, 128, 14336, 128256, 131072, false",
    "llama-3.2-1b, 16, 2048, 32, 8, 64, 8192, 128256, 131072, true",
    "llama-3.2-1b-v5, 16, 2048, 32, 8, 64, 8192, 128256, 131072, true",
    "smollm2-135m-instruct, 30, 576, 9, 3, 64, 1536, 49152, 8192, true"
  })
  void read_publishedConfig_isUnderstood(
      String name,
      int layers,
      int width,
      int heads,
      int keyValueHeads,
      int headDim,
      int mlp,
      int vocabulary,
      int context,
      boolean tied)
      throws IOException {
    DecoderConfig config = published(name);
    assertThat(config)
        .extracting(
            DecoderConfig::layers,
            DecoderConfig::width,
            DecoderConfig::heads,
            DecoderConfig::keyValueHeads,
            DecoderConfig::headDim,
            DecoderConfig::mlpWidth,
            DecoderConfig::vocabulary,
            DecoderConfig::contextLength,
            DecoderConfig::tiedHead)
        .containsExactly(
            layers, width, heads, keyValueHeads, headDim, mlp, vocabulary, context, tied);
    boolean gpt2 = config.architecture().equals("gpt2");
    assertThat(config.norm()).isEqualTo(gpt2 ? Norm.LAYER : Norm.RMS);
    assertThat(config.positions()).isEqualTo(gpt2 ? Positions.LEARNED : Positions.ROTARY);
    assertThat(config.rotary() == null).isEqualTo(gpt2);
    assertThat(config.mlp()).isEqualTo(gpt2 ? Mlp.GELU_TANH : Mlp.SILU_GATED);
    assertThat(config.attentionScale()).isEqualTo((float) (1 / Math.sqrt(headDim)));
    assertThat(config.scaleByLayer()).isEqualTo(name.equals("gpt2-crfm"));
    assertThat(config.normEpsilon()).isEqualTo(name.equals("llama-7b") ? 1e-6f : 1e-5f);
  }

  @Test
  void read_idsThatOpenAndEnd_comeFromBothFiles() throws IOException {
    assertThat(published("gpt2").bosId()).isEqualTo(50256);
    assertThat(published("gpt2").eosIds()).containsExactly(50256);
    assertThat(published("llama-3.1-8b-instruct").eosIds()).containsExactly(128001, 128008, 128009);
    DecoderConfig config =
        DecoderConfigs.read(
            "c",
            TinyModels.config(TinyModels.LLAMA),
            Json.read("g", "{\"bos_token_id\":3,\"eos_token_id\":[5,2,4]}"));
    assertThat(config.bosId()).isEqualTo(1);
    assertThat(config.eosIds()).containsExactly(2, 4, 5);
    ObjectNode without = TinyModels.config(TinyModels.LLAMA);
    without.remove(List.of("bos_token_id", "eos_token_id"));
    assertThat(DecoderConfigs.read("c", without, null).bosId()).isNull();
    assertThat(DecoderConfigs.read("c", without, null).eosIds()).isEmpty();
    assertThat(
            DecoderConfigs.read(
                    "c", without, Json.read("g", "{\"bos_token_id\":3,\"eos_token_id\":-1}"))
                .bosId())
        .isEqualTo(3);
  }

  @Test
  void read_rotaryKinds_haveTheirFrequencies() throws IOException {
    assertThat(with(TinyModels.LLAMA, "{\"head_dim\":4}").rotary().inverseFrequencies())
        .containsExactly(1, 0.01);
    for (String scaling :
        new String[] {
          "{\"type\":\"linear\",\"factor\":2}", "{\"rope_type\":\"linear\",\"factor\":2.0}"
        }) {
      DecoderConfig config =
          with(
              TinyModels.LLAMA,
              "{\"head_dim\":4,\"rope_theta\":100,\"rope_scaling\":" + scaling + "}");
      assertThat(config.rotary().kind()).isEqualTo("linear");
      assertThat(config.rotary().inverseFrequencies()).containsExactly(0.5, 0.05);
    }
    double[] old = published("llama-3.2-1b").rotary().inverseFrequencies();
    double[] now = published("llama-3.2-1b-v5").rotary().inverseFrequencies();
    assertThat(old).hasSize(32).isEqualTo(now);
    // The shortest wavelengths are kept, the longest divided by the factor of 32, those between
    // blended.
    assertThat(old[0]).isEqualTo(1);
    assertThat(old[31]).isCloseTo(Math.pow(500000, -62.0 / 64) / 32, offset(1e-15));
    double wavelength = 2 * Math.PI / Math.pow(500000, -30.0 / 64);
    double blend = (8192 / wavelength - 1) / 3;
    assertThat(blend).isBetween(0.0, 1.0);
    assertThat(old[15])
        .isCloseTo(((1 - blend) / 32 + blend) * Math.pow(500000, -30.0 / 64), offset(1e-12));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"rope_scaling\":{\"rope_type\":\"default\"}}",
        "{\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":10000.0}}",
        "{\"rope_theta\":10000,\"rope_parameters\":{\"rope_theta\":10000.0}}",
        "{\"rope_scaling\":{\"type\":\"default\",\"rope_type\":\"default\"},\"rope_theta\":null}",
        "{\"partial_rotary_factor\":1.0,\"rope_scaling\":null,\"rope_parameters\":null}"
      })
  void read_plainRotarySpellings_areTheSame(String fields) {
    assertThat(with(TinyModels.LLAMA, fields).rotary().kind()).isEqualTo("default");
    assertThat(with(TinyModels.LLAMA, fields).rotary().inverseFrequencies())
        .isEqualTo(with(TinyModels.LLAMA, "{}").rotary().inverseFrequencies());
  }

  @Test
  void read_absentFields_haveTheFamilysDefaults() {
    DecoderConfig llama =
        with(TinyModels.LLAMA, "{\"num_key_value_heads\":null,\"rms_norm_eps\":null}");
    assertThat(llama.keyValueHeads()).isEqualTo(2);
    assertThat(llama.normEpsilon()).isEqualTo(1e-6f);
    assertThat(llama.tiedHead()).isFalse();
    assertThat(with(TinyModels.LLAMA, "{\"hidden_size\":5,\"head_dim\":6}").headDim()).isEqualTo(6);
    DecoderConfig gpt2 =
        with(TinyModels.GPT2, "{\"activation_function\":null,\"layer_norm_epsilon\":null}");
    assertThat(gpt2.tiedHead()).isTrue();
    assertThat(gpt2.mlpWidth()).isEqualTo(16);
    assertThat(with(TinyModels.GPT2, "{\"n_inner\":9}").mlpWidth()).isEqualTo(9);
    assertThat(with(TinyModels.GPT2, "{\"scale_attn_weights\":false}").attentionScale())
        .isEqualTo(1);
    assertThat(with(TinyModels.GPT2, "{\"n_embd\":null,\"hidden_size\":8}").width()).isEqualTo(8);
  }

  static Stream<Arguments> unsupportedFields() {
    String gpt2 = TinyModels.GPT2;
    String llama = TinyModels.LLAMA;
    return Stream.of(
        arguments(gpt2, "{\"model_type\":\"mistral\"}", "model_type = mistral"),
        arguments(gpt2, "{\"model_type\":null}", "model_type = absent"),
        arguments(gpt2, "{\"activation_function\":\"gelu\"}", "activation_function = gelu"),
        arguments(gpt2, "{\"activation_function\":\"relu\"}", "activation_function = relu"),
        arguments(gpt2, "{\"add_cross_attention\":true}", "add_cross_attention = true"),
        arguments(gpt2, "{\"is_encoder_decoder\":true}", "is_encoder_decoder = true"),
        arguments(gpt2, "{\"pruned_heads\":{\"0\":[1]}}", "pruned_heads"),
        arguments(gpt2, "{\"quantization_config\":{\"bits\":4}}", "quantization_config"),
        arguments(gpt2, "{\"rotary_dim\":64}", "rotary_dim = 64"),
        arguments(
            gpt2,
            "{\"parallel_attn\":true}",
            "parallel_attn = true is not supported; unknown to Diopter"),
        arguments(
            gpt2, "{\"position_embedding_type\":\"alibi\"}", "position_embedding_type = \"alibi\""),
        arguments(llama, "{\"hidden_act\":\"gelu\"}", "hidden_act = gelu"),
        arguments(
            llama,
            "{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2.0}}",
            "rope_scaling.type = dynamic"),
        arguments(
            llama,
            "{\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2.0}}",
            "rope_scaling.rope_type = yarn is not supported; supported: default, linear, llama3"),
        arguments(llama, "{\"rope_scaling\":{\"rope_type\":\"longrope\"}}", "longrope"),
        arguments(llama, "{\"rope_scaling\":{\"rope_type\":\"mrope\"}}", "mrope"),
        arguments(
            llama,
            "{\"rope_parameters\":{\"rope_type\":\"yarn\"}}",
            "rope_parameters.rope_type = yarn"),
        arguments(
            llama,
            "{\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"default\"}}}",
            "rope_parameters.full_attention"),
        arguments(
            llama,
            "{\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2,\"attention_factor\":0.5}}",
            "rope_scaling.attention_factor"),
        arguments(llama, "{\"partial_rotary_factor\":0.5}", "partial_rotary_factor = 0.5"),
        arguments(
            llama,
            "{\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}}",
            "rope_parameters.partial_rotary_factor"),
        arguments(llama, "{\"rope_interleaved\":true}", "rope_interleaved = true"),
        arguments(llama, "{\"sliding_window\":8}", "sliding_window = 8"),
        arguments(llama, "{\"sliding_window\":8,\"use_sliding_window\":true}", "sliding_window"),
        arguments(
            llama, "{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}", "layer_types"),
        arguments(llama, "{\"layer_types\":\"sliding_attention\"}", "layer_types"),
        arguments(
            llama, "{\"quantization_config\":{\"quant_method\":\"gptq\"}}", "quantization_config"),
        arguments(llama, "{\"num_local_experts\":8}", "num_local_experts"),
        arguments(llama, "{\"num_experts\":1}", "num_experts"),
        arguments(llama, "{\"n_routed_experts\":64}", "n_routed_experts"),
        arguments(llama, "{\"attn_logit_softcapping\":50.0}", "attn_logit_softcapping"),
        arguments(llama, "{\"final_logit_softcapping\":30.0}", "final_logit_softcapping"),
        arguments(llama, "{\"residual_multiplier\":0.22}", "residual_multiplier"),
        arguments(llama, "{\"embedding_multiplier\":12.0}", "embedding_multiplier"),
        arguments(llama, "{\"attention_multiplier\":1.0}", "attention_multiplier"),
        arguments(llama, "{\"logits_scaling\":8.0}", "logits_scaling"),
        arguments(llama, "{\"logit_scale\":0.5}", "logit_scale"),
        arguments(llama, "{\"query_pre_attn_scalar\":256}", "query_pre_attn_scalar"),
        arguments(llama, "{\"auto_map\":{\"AutoModel\":\"modeling.Own\"}}", "auto_map"),
        arguments(llama, "{\"qk_norm\":true}", "qk_norm = true"),
        arguments(llama, "{\"clip_qkv\":8.0}", "clip_qkv"),
        arguments(llama, "{\"use_parallel_residual\":true}", "use_parallel_residual"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("unsupportedFields")
  void read_fieldThatChangesTheComputation_isRefusedByName(
      String base, String fields, String part) {
    assertRefused(
        UnsupportedModelException.class,
        () -> with(base, fields),
        "config.json: ",
        part,
        "not supported");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"quantization_config\":null,\"add_cross_attention\":false,\"pruned_heads\":{},\"unknown_switch\":false,\"unknown_count\":0}",
        "{\"unknown_multiplier\":1.0,\"unknown_list\":[],\"unknown_text\":\"\",\"unknown_null\":null}",
        "{\"_name_or_path\":\"x\",\"transformers_version\":\"5\",\"summary_type\":\"cls_index\",\"unsloth_fixed\":true,\"torch_dtype\":\"float16\"}",
        "{\"id2label\":{\"0\":\"A\"},\"temperature\":0.7,\"top_k\":50,\"max_length\":20,\"use_cache\":true,\"architectures\":[\"X\"]}"
      })
  void read_fieldThatChangesNothing_isAllowed(String fields) {
    assertThat(with(TinyModels.GPT2, fields)).isEqualTo(with(TinyModels.GPT2, "{}"));
    assertThat(with(TinyModels.LLAMA, fields).layers()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"sliding_window\":16}",
            "{\"sliding_window\":8,\"use_sliding_window\":false,\"max_window_layers\":28}",
        "{\"layer_types\":[\"full_attention\",\"full_attention\"]}",
            "{\"pretraining_tp\":4,\"hidden_act\":\"swish\"}"
      })
  void read_llamaFieldInItsHarmlessForm_isAllowed(String fields) {
    assertThat(with(TinyModels.LLAMA, fields).layers()).isEqualTo(2);
  }

  static Stream<Arguments> brokenFields() {
    String gpt2 = TinyModels.GPT2;
    String llama = TinyModels.LLAMA;
    return Stream.of(
        arguments(gpt2, "{\"n_layer\":null}", "expected n_layer, found none"),
        arguments(gpt2, "{\"n_layer\":0}", "n_layer: expected a whole number from 1"),
        arguments(gpt2, "{\"n_layer\":-1}", "n_layer"),
        arguments(gpt2, "{\"n_layer\":1.5}", "n_layer"),
        arguments(gpt2, "{\"n_layer\":\"2\"}", "n_layer"),
        arguments(gpt2, "{\"n_layer\":2147483648}", "n_layer"),
        arguments(gpt2, "{\"n_layer\":1e2}", "n_layer"),
        arguments(gpt2, "{\"vocab_size\":[7]}", "vocab_size"),
        arguments(gpt2, "{\"n_head\":3}", "multiple of n_head, found 4 and 3"),
        arguments(gpt2, "{\"n_embd\":1000000000}", "4 * n_embd below 2^31"),
        arguments(gpt2, "{\"n_embd\":1000000000,\"n_inner\":8}", "below 2^31"),
        arguments(gpt2, "{\"hidden_size\":8}", "n_embd and hidden_size to agree, found 4 and 8"),
        arguments(
            gpt2, "{\"layer_norm_epsilon\":0}", "layer_norm_epsilon: expected a number above 0"),
        arguments(gpt2, "{\"layer_norm_epsilon\":\"NaN\"}", "layer_norm_epsilon"),
        arguments(gpt2, "{\"layer_norm_epsilon\":1e999}", "layer_norm_epsilon"),
        arguments(gpt2, "{\"scale_attn_weights\":1}", "scale_attn_weights: expected true or false"),
        arguments(gpt2, "{\"activation_function\":3}", "activation_function: expected a string"),
        arguments(gpt2, "{\"eos_token_id\":\"x\"}", "eos_token_id"),
        arguments(gpt2, "{\"eos_token_id\":[1,2.5]}", "eos_token_id"),
        arguments(gpt2, "{\"eos_token_id\":-2}", "eos_token_id"),
        arguments(llama, "{\"num_key_value_heads\":3}", "multiple of num_key_value_heads"),
        arguments(
            llama, "{\"num_attention_heads\":3,\"num_key_value_heads\":3}", "expected head_dim"),
        arguments(llama, "{\"head_dim\":3}", "even head_dim"),
        arguments(llama, "{\"head_dim\":2000000000}", "below 2^31"),
        arguments(llama, "{\"rope_theta\":0}", "rope_theta"),
        arguments(llama, "{\"rope_theta\":\"10000\"}", "rope_theta"),
        arguments(llama, "{\"rope_scaling\":[]}", "rope_scaling: expected an object"),
        arguments(
            llama, "{\"rope_scaling\":{\"type\":\"linear\"}}", "rope_scaling.factor, found none"),
        arguments(
            llama, "{\"rope_scaling\":{\"type\":\"linear\",\"factor\":-1}}", "rope_scaling.factor"),
        arguments(
            llama,
            "{\"rope_scaling\":{\"type\":\"linear\",\"rope_type\":\"llama3\",\"factor\":2}}",
            "rope_type and type to agree"),
        arguments(
            llama, "{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":2}}", "low_freq_factor"),
        arguments(
            llama,
            "{\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":2,\"low_freq_factor\":4,\"high_freq_factor\":4,\"original_max_position_embeddings\":8}}",
            "below high_freq_factor"),
        arguments(
            llama,
            "{\"rope_theta\":5,\"rope_parameters\":{\"rope_theta\":6}}",
            "to agree, found 5 and 6"),
        arguments(
            llama,
            "{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2},\"rope_parameters\":{\"rope_type\":\"default\"}}",
            "to agree"),
        arguments(llama, "{\"attention_bias\":\"no\"}", "attention_bias"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("brokenFields")
  void read_brokenField_isRefusedByName(String base, String fields, String part) {
    assertRefused(FormatException.class, () -> with(base, fields), "config.json: ", part);
  }
}
