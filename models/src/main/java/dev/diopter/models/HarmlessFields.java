package dev.diopter.models;

import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Which fields of a {@code config.json} may stand there though Diopter does not read them.
 *
 * <ol>
 *   <li>Fields of the harmless list may have any value: training (dropout, initialisation), heads
 *       for other tasks, defaults of generation, notes of tools.
 *   <li>Every other field may have a neutral value: null, false, 0, 1, an empty string, list or
 *       object.
 *   <li>Fields of the strict list may only be null, false, 0 or empty: a 1 there means something.
 *   <li>Anything else is refused by name, even if nobody here knows what it does: a model never
 *       runs wrong.
 * </ol>
 */
enum HarmlessFields {
  GPT2(
      Set.of(
          "attn_pdrop",
          "embd_pdrop",
          "resid_pdrop",
          "n_ctx",
          "n_special",
          "predict_special_tokens",
          // Order of operations in half precision; the same in exact arithmetic.
          "reorder_and_upcast_attn")),
  LLAMA(
      Set.of(
          "attention_dropout",
          "hidden_dropout",
          "is_llama_config",
          "max_window_layers",
          "max_sequence_length",
          // Splits a product into parts that are added up; the same in exact arithmetic.
          "pretraining_tp")),
  ROPE(Set.of());

  private static final Set<String> COMMON =
      Set.of(
          "architectures",
          "bad_words_ids",
          "begin_suppress_tokens",
          "chunk_size_feed_forward",
          "cls_token_id",
          "decoder_start_token_id",
          "diversity_penalty",
          "do_sample",
          "dtype",
          "early_stopping",
          "encoder_no_repeat_ngram_size",
          "exponential_decay_length_penalty",
          "finetuning_task",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "gradient_checkpointing",
          "id2label",
          "initializer_range",
          "is_decoder",
          "keys_to_ignore",
          "label2id",
          "length_penalty",
          "mask_token_id",
          "max_length",
          "max_new_tokens",
          "min_length",
          "model_max_length",
          "neftune_noise_alpha",
          "no_repeat_ngram_size",
          "num_beam_groups",
          "num_beams",
          "num_labels",
          "num_return_sequences",
          "output_attentions",
          "output_hidden_states",
          "output_past",
          "output_scores",
          "pad_token_id",
          "prefix",
          "problem_type",
          "remove_invalid_values",
          "repetition_penalty",
          "return_dict",
          "return_dict_in_generate",
          "sep_token_id",
          "suppress_tokens",
          "task_specific_params",
          "temperature",
          "tf_legacy_loss",
          "tokenizer_class",
          "top_k",
          "top_p",
          "torch_dtype",
          "torchscript",
          "typical_p",
          "unk_token_id",
          "use_bfloat16",
          "use_cache",
          "use_return_dict",
          "attn_implementation",
          "attention_implementation",
          "license",
          "tags",
          "description");

  private static final Set<String> STRICT =
      Set.of(
          "add_cross_attention",
          "attention_multiplier",
          "attn_logit_softcapping",
          "auto_map",
          "cross_attention_hidden_size",
          "final_logit_softcapping",
          "is_encoder_decoder",
          "moe_intermediate_size",
          "n_routed_experts",
          "n_shared_experts",
          "num_experts",
          "num_experts_per_tok",
          "num_local_experts",
          "pruned_heads",
          "quantization_config",
          "query_pre_attn_scalar",
          "sliding_window",
          "tie_encoder_decoder",
          "use_sliding_window");

  @SuppressWarnings("ImmutableEnumChecker") // Set.of
  private final Set<String> own;

  HarmlessFields(Set<String> own) {
    this.own = own;
  }

  /** Whether the field may stand there with that value. */
  boolean allows(String name, JsonNode value) {
    if (isHarmless(name) || isEmpty(value)) {
      return true;
    }
    return !STRICT.contains(name) && value.isNumber() && value.doubleValue() == 1;
  }

  /** Whether the field is on one of the lists. */
  boolean isKnown(String name) {
    return isHarmless(name) || STRICT.contains(name);
  }

  private boolean isHarmless(String name) {
    boolean common =
        COMMON.contains(name)
            || name.startsWith("_")
            || name.startsWith("summary_")
            || name.startsWith("transformers")
            || name.startsWith("unsloth");
    return own.contains(name) || (common && this != ROPE);
  }

  private static boolean isEmpty(JsonNode value) {
    return switch (value.getNodeType()) {
      case NULL -> true;
      case BOOLEAN -> !value.booleanValue();
      case NUMBER -> value.doubleValue() == 0;
      case STRING -> value.stringValue().isEmpty();
      default -> value.isEmpty();
    };
  }
}
