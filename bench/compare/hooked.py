"""A stored GPT-2 or Llama model in TransformerLens, its weights as they are; for the workers."""
import torch
import transformer_lens
from transformer_lens.loading_from_pretrained import convert_gpt2_weights, convert_llama_weights
from transformers import AutoModelForCausalLM


def load(folder):
    hf = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    c = hf.config
    gpt2 = c.model_type == "gpt2"
    shared = dict(n_layers=c.num_hidden_layers, d_model=c.hidden_size, n_ctx=min(2048, c.max_position_embeddings), n_heads=c.num_attention_heads,
                  d_head=c.hidden_size // c.num_attention_heads, d_vocab=c.vocab_size, device="cpu", seed=0)
    if gpt2:
        cfg = transformer_lens.HookedTransformerConfig(**shared, d_mlp=4 * c.hidden_size, act_fn="gelu_new", normalization_type="LN", eps=c.layer_norm_epsilon,
                                                       original_architecture="GPT2LMHeadModel")
    else:
        grouped = {} if c.num_key_value_heads == c.num_attention_heads else {"n_key_value_heads": c.num_key_value_heads}
        cfg = transformer_lens.HookedTransformerConfig(**shared, **grouped, d_mlp=c.intermediate_size, act_fn="silu", normalization_type="RMS", eps=c.rms_norm_eps, gated_mlp=True,
                                                       positional_embedding_type="rotary", rotary_dim=shared["d_head"], rotary_base=c.rope_theta, rotary_adjacent_pairs=False,
                                                       final_rms=True, original_architecture="LlamaForCausalLM")
    model = transformer_lens.HookedTransformer(cfg)
    state = (convert_gpt2_weights if gpt2 else convert_llama_weights)(hf, cfg)
    model.load_and_process_state_dict(state, fold_ln=False, center_writing_weights=False, center_unembed=False, fold_value_biases=False)
    return model
