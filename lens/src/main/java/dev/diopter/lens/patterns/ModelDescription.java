package dev.diopter.lens.patterns;

import dev.diopter.formats.Json;
import dev.diopter.models.DecoderConfig;
import dev.diopter.models.DecoderConfig.Mlp;
import dev.diopter.models.DecoderConfig.Norm;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * A model's configuration as {@code model_cfg.json} has it: the keys of TransformerLens's
 * configuration, in its order, with what is so for a model of ours.
 */
final class ModelDescription {
  private static final double INITIAL_RANGE = 0.8;

  private ModelDescription() {}

  /**
   * The object.
   *
   * @param name the model's name
   * @param bos whether prompts get BOS in front
   * @param template whether the tokenizer's own template puts it there
   */
  static ObjectNode of(DecoderConfig c, String name, boolean bos, boolean template) {
    ObjectNode o = Json.object();
    boolean gpt2 = c.architecture().equals("gpt2");
    boolean gated = c.mlp() == Mlp.SILU_GATED;
    o.put("n_layers", c.layers());
    o.put("d_model", c.width());
    o.put("n_ctx", c.contextLength());
    o.put("d_head", c.headDim());
    o.put("model_name", name);
    o.put("n_heads", c.heads());
    o.put("d_mlp", c.mlpWidth());
    o.put("act_fn", gated ? "silu" : "gelu_new");
    o.put("d_vocab", c.vocabulary());
    o.put("eps", decimal(c.normEpsilon()));
    o.put("use_attn_result", false);
    o.put("use_attn_scale", true);
    o.put("attn_scale", scale(c));
    for (String key :
        new String[] {
          "use_split_qkv_input", "use_hook_mlp_in", "use_attn_in", "use_qk_norm", "use_local_attn"
        }) {
      o.put(key, false);
    }
    o.put("ungroup_grouped_query_attention", false);
    o.put("original_architecture", gpt2 ? "GPT2LMHeadModel" : "LlamaForCausalLM");
    o.put("from_checkpoint", false);
    putNulls(o, "checkpoint_index", "checkpoint_label_type", "checkpoint_value", "tokenizer_name");
    putNulls(o, "window_size", "attn_types");
    o.put("init_mode", "gpt2");
    o.put("normalization_type", c.norm() == Norm.LAYER ? "LN" : "RMS");
    o.put("device", "cpu");
    o.put("n_devices", 1);
    o.put("attention_dir", "causal");
    o.put("attn_only", false);
    o.putNull("seed");
    o.put("initializer_range", INITIAL_RANGE / Math.sqrt(c.width()));
    o.put("init_weights", true);
    o.put("scale_attn_by_inverse_layer_idx", c.scaleByLayer());
    o.put("positional_embedding_type", c.rotary() == null ? "standard" : "rotary");
    o.put("final_rms", c.norm() == Norm.RMS);
    o.put("d_vocab_out", c.vocabulary());
    o.put("parallel_attn_mlp", false);
    o.put("rotary_dim", c.rotary() == null ? null : c.headDim());
    o.put("n_params", parameters(c, gated));
    o.put("use_hook_tokens", false);
    o.put("gated_mlp", gated);
    o.put("default_prepend_bos", bos);
    o.put("dtype", "torch.float32");
    o.put("tokenizer_prepends_bos", template);
    o.put("n_key_value_heads", c.keyValueHeads() == c.heads() ? null : c.keyValueHeads());
    o.put("post_embedding_ln", false);
    putBase(o, c.rotary(), c.headDim());
    o.put("trust_remote_code", false);
    o.put("rotary_adjacent_pairs", false);
    o.put("load_in_4bit", false);
    putNulls(o, "num_experts", "experts_per_token", "relative_attention_max_distance");
    putNulls(o, "relative_attention_num_buckets", "decoder_start_token_id");
    o.put("tie_word_embeddings", c.tiedHead());
    o.put("use_normalization_before_and_after", false);
    o.put("attn_scores_soft_cap", -1.0);
    o.put("output_logits_soft_cap", -1.0);
    // Of llama3 scaling only the frequencies are left; these are its published defaults.
    o.put("use_NTK_by_parts_rope", c.rotary() != null && c.rotary().kind().equals("llama3"));
    o.put("NTK_by_parts_low_freq_factor", 1.0);
    o.put("NTK_by_parts_high_freq_factor", 4.0);
    o.put("NTK_by_parts_factor", 8.0);
    o.put("NTK_original_ctx_len", 8192);
    return o;
  }

  private static void putNulls(ObjectNode object, String... keys) {
    for (String key : keys) {
      object.putNull(key);
    }
  }

  /** The double that prints as the float does. */
  private static double decimal(float value) {
    return Double.parseDouble(Float.toString(value));
  }

  /** The divisor of the scores; the root of the head's width in full precision where it is that. */
  private static double scale(DecoderConfig c) {
    double root = Math.sqrt(c.headDim());
    return c.attentionScale() == (float) (1 / root) ? root : 1 / decimal(c.attentionScale());
  }

  /** TransformerLens counts the weights of attention (as if ungrouped) and MLP. */
  private static long parameters(DecoderConfig c, boolean gated) {
    long attention = 4L * c.width() * c.headDim() * c.heads();
    long mlp = (gated ? 3L : 2L) * c.width() * c.mlpWidth();
    return c.layers() * (attention + mlp);
  }

  private static void putBase(ObjectNode o, DecoderConfig.@Nullable Rotary rotary, int headDim) {
    double base = 10000;
    if (rotary != null && rotary.inverseFrequencies().length > 1) {
      // The highest frequencies are scaled alike or not at all, so their quotient tells the base.
      double[] f = rotary.inverseFrequencies();
      base = Math.pow(f[0] / f[1], headDim / 2.0);
    }
    double whole = Math.rint(base);
    if (Math.abs(base - whole) < 1e-6 * base && whole < Long.MAX_VALUE) {
      o.put("rotary_base", (long) whole);
    } else {
      o.put("rotary_base", base);
    }
  }
}
