"""The Python side of patterns.py: patterns_worker.py MODEL_FOLDER THREADS, with a GPT-2 folder that has a tokenizer.json.

pattern-lens's own main functions, on a TransformerLens model that is loaded once. Reads one job a line: activations TEXTS FOLDER LEVEL (its level is
always 6), or figures FOLDER.
"""
import json
import os
import sys
import time

folder, threads = sys.argv[1], int(sys.argv[2])

# What the libraries print goes nowhere; the answers keep the real standard output.
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

import torch

torch.set_num_threads(threads)

import transformer_lens
from transformer_lens.loading_from_pretrained import convert_gpt2_weights
from transformers import AutoModelForCausalLM, AutoTokenizer

import pattern_lens
from pattern_lens import activations, figures

hf = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
c = hf.config
config = transformer_lens.HookedTransformerConfig(
    n_layers=c.n_layer, d_model=c.n_embd, n_ctx=c.n_positions, n_heads=c.n_head, d_head=c.n_embd // c.n_head, d_vocab=c.vocab_size, d_mlp=4 * c.n_embd, act_fn="gelu_new",
    normalization_type="LN", eps=c.layer_norm_epsilon, original_architecture="GPT2LMHeadModel", device="cpu", seed=0, model_name="m")
tokenizer = AutoTokenizer.from_pretrained(folder)
model = transformer_lens.HookedTransformer(config, tokenizer=tokenizer, default_padding_side="right")
model.load_and_process_state_dict(convert_gpt2_weights(hf, config), fold_ln=False, center_writing_weights=False, center_unembed=False, fold_value_biases=False)
# Loading is no part of what is measured, on either side.
transformer_lens.HookedTransformer.from_pretrained = staticmethod(lambda *a, **k: model)
activations.HookedTransformer.from_pretrained = staticmethod(lambda *a, **k: model)

print(json.dumps({"ready": f"pattern-lens on torch {torch.__version__}, {torch.get_num_threads()} threads"}), file=answers, flush=True)
for line in sys.stdin:
    job, *arguments = line.split()
    start = time.perf_counter()
    if job == "activations":
        texts, where, level = arguments
        assert level == "6"
        activations.activations_main(model_name="m", save_path=where, prompts_path=texts, raw_prompts=True, min_chars=0, max_chars=1_000_000, force=False, n_samples=None,
                                     no_index_html=True, device="cpu")
    else:
        figures.figures_main("m", arguments[0], None, False, parallel=threads if threads > 1 else False)
    print(json.dumps({"ms": (time.perf_counter() - start) * 1e3, "done": 0}), file=answers, flush=True)
