package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.models.DecoderConfig.Mlp;
import dev.diopter.models.DecoderConfig.Norm;
import dev.diopter.models.DecoderConfig.Positions;
import dev.diopter.models.DecoderConfig.Rotary;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Translates a {@code config.json} into a {@link DecoderConfig}. Every field is read, known to
 * change nothing, or refused by name; the rules for the latter are those of {@link HarmlessFields}.
 * Adding an architecture is one method here and one in {@link WeightMap}.
 */
public final class DecoderConfigs {
  private static final List<String> ARCHITECTURES = List.of("gpt2", "llama");

  private DecoderConfigs() {}

  /**
   * Translates a checkpoint's configuration.
   *
   * @throws UnsupportedModelException where a field asks for a computation that Diopter does not
   *     have
   * @throws FormatException where a field is missing or of the wrong kind, or sizes do not go
   *     together
   */
  public static DecoderConfig read(Checkpoint checkpoint) {
    return read(
        checkpoint.describe("config.json"), checkpoint.config(), checkpoint.generationConfig());
  }

  /**
   * Translates a configuration.
   *
   * @param source name of the file for messages
   * @param config {@code config.json}
   * @param generationConfig {@code generation_config.json}, whose ids that end a text join the
   *     configuration's; or null
   * @throws UnsupportedModelException where a field asks for a computation that Diopter does not
   *     have
   * @throws FormatException where a field is missing or of the wrong kind, or sizes do not go
   *     together
   */
  public static DecoderConfig read(
      String source, JsonNode config, @Nullable JsonNode generationConfig) {
    ConfigReader reader = new ConfigReader(source, "", config);
    String architecture = reader.choice("model_type", "absent", ARCHITECTURES);
    Ids ids = Ids.read(reader, generationConfig);
    return architecture.equals("gpt2") ? gpt2(reader, ids) : llama(reader, ids);
  }

  private static DecoderConfig gpt2(ConfigReader config, Ids ids) {
    int layers = config.aliasedSize("n_layer", "num_hidden_layers");
    int width = config.aliasedSize("n_embd", "hidden_size");
    int heads = config.aliasedSize("n_head", "num_attention_heads");
    int context = config.aliasedSize("n_positions", "max_position_embeddings");
    int vocabulary = config.size("vocab_size");
    if (width % heads != 0) {
      throw config.inconsistent(
          "expected n_embd to be a multiple of n_head, found %d and %d".formatted(width, heads));
    }
    int headDim = width / heads;
    int mlpWidth = config.size("n_inner", product(config, "4 * n_embd", 4, width));
    config.choice("activation_function", "gelu_new", List.of("gelu_new", "gelu_pytorch_tanh"));
    float epsilon = (float) config.positive("layer_norm_epsilon", 1e-5);
    boolean scale = config.flag("scale_attn_weights", true);
    boolean scaleByLayer = config.flag("scale_attn_by_inverse_layer_idx", false);
    boolean tied = config.flag("tie_word_embeddings", true);
    config.refuseRest(HarmlessFields.GPT2);
    return new DecoderConfig(
        "gpt2",
        layers,
        width,
        heads,
        heads,
        headDim,
        mlpWidth,
        vocabulary,
        context,
        Norm.LAYER,
        epsilon,
        Positions.LEARNED,
        null,
        Mlp.GELU_TANH,
        scale ? attentionScale(headDim) : 1,
        scaleByLayer,
        tied,
        ids.bos(),
        ids.eos());
  }

  private static DecoderConfig llama(ConfigReader config, Ids ids) {
    int layers = config.size("num_hidden_layers");
    int width = config.size("hidden_size");
    int heads = config.size("num_attention_heads");
    int keyValueHeads = config.size("num_key_value_heads", heads);
    int context = config.size("max_position_embeddings");
    int vocabulary = config.size("vocab_size");
    int mlpWidth = config.size("intermediate_size");
    if (heads % keyValueHeads != 0) {
      throw config.inconsistent(
          "expected num_attention_heads to be a multiple of num_key_value_heads, found %d and %d"
              .formatted(heads, keyValueHeads));
    }
    int headDim = headDim(config, width, heads);
    product(config, "num_attention_heads * head_dim", heads, headDim);
    config.choice("hidden_act", "silu", List.of("silu", "swish"));
    float epsilon = (float) config.positive("rms_norm_eps", 1e-6);
    // Read by the map of weights.
    config.flag("attention_bias", false);
    config.flag("mlp_bias", false);
    boolean tied = config.flag("tie_word_embeddings", false);
    Rotary rotary = RotaryConfig.read(config, headDim);
    refuseWindow(config, context);
    config.refuseRest(HarmlessFields.LLAMA);
    return new DecoderConfig(
        "llama",
        layers,
        width,
        heads,
        keyValueHeads,
        headDim,
        mlpWidth,
        vocabulary,
        context,
        Norm.RMS,
        epsilon,
        Positions.ROTARY,
        rotary,
        Mlp.SILU_GATED,
        attentionScale(headDim),
        false,
        tied,
        ids.bos(),
        ids.eos());
  }

  private static int headDim(ConfigReader config, int width, int heads) {
    int absent = width % heads == 0 ? width / heads : -1;
    int headDim = config.size("head_dim", absent);
    if (headDim < 1) {
      throw config.inconsistent(
          "expected head_dim, or hidden_size to be a multiple of num_attention_heads, found %d and %d"
              .formatted(width, heads));
    }
    if (headDim % 2 != 0) {
      throw config.inconsistent("expected an even head_dim for rotary positions, found " + headDim);
    }
    return headDim;
  }

  /** A window matters only where it is in use and shorter than the context. */
  private static void refuseWindow(ConfigReader config, int context) {
    JsonNode window = config.get("sliding_window");
    boolean used = config.flag("use_sliding_window", window != null);
    if (window != null && used && !(window.canConvertToInt() && window.intValue() >= context)) {
      throw config.unsupported(
          "sliding_window", window, "attention reaches back to the first token; ");
    }
    JsonNode types = config.get("layer_types");
    if (types != null) {
      if (!types.isArray()) {
        throw config.unsupported("layer_types", types, "expected a list of full_attention; ");
      }
      for (JsonNode type : types) {
        if (!type.isString() || !type.stringValue().equals("full_attention")) {
          throw config.unsupported("layer_types", types, "supported: full_attention; ");
        }
      }
    }
  }

  private static float attentionScale(int headDim) {
    return (float) (1 / Math.sqrt(headDim));
  }

  private static int product(ConfigReader config, String what, int a, int b) {
    long product = (long) a * b;
    if (product > Integer.MAX_VALUE) {
      throw config.inconsistent("expected %s below 2^31, found %d".formatted(what, product));
    }
    return (int) product;
  }

  /**
   * Special ids of a configuration.
   *
   * @param bos opens a text
   * @param eos end a text
   */
  private record Ids(@Nullable Integer bos, Set<Integer> eos) {
    static Ids read(ConfigReader config, @Nullable JsonNode generationConfig) {
      Set<Integer> bos = config.ids("bos_token_id");
      Set<Integer> eos = new TreeSet<>(config.ids("eos_token_id"));
      if (generationConfig != null) {
        ConfigReader generation = new ConfigReader("generation_config.json", "", generationConfig);
        eos.addAll(generation.ids("eos_token_id"));
        if (bos.isEmpty()) {
          bos = generation.ids("bos_token_id");
        }
      }
      return new Ids(
          bos.isEmpty() ? null : bos.iterator().next(), Collections.unmodifiableSet(eos));
    }
  }
}
