"""The Python side of patching.py: patching_worker.py GPT2_FOLDER THREADS. Reads one job a line, NAME CLEAN_IDS CORRUPT_IDS ANSWER WRONG, and runs
TransformerLens's own get_act_patch_NAME with a cache of the clean prompt.
"""
import json
import os
import sys
import time

folder, threads = sys.argv[1], int(sys.argv[2])
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

import torch

torch.set_num_threads(threads)
torch.set_grad_enabled(False)

from importlib.metadata import version

import hooked
from transformer_lens import patching

model = hooked.load(folder)

print(json.dumps({"ready": f"TransformerLens {version('transformer_lens')} on torch {torch.__version__}, {torch.get_num_threads()} threads"}), file=answers, flush=True)
for line in sys.stdin:
    name, clean, corrupt, answer, wrong = line.split()
    clean, corrupt = (torch.tensor([[int(i) for i in ids.split(",")]]) for ids in (clean, corrupt))
    answer, wrong = int(answer), int(wrong)
    start = time.perf_counter()
    difference = lambda logits: logits[0, -1, answer] - logits[0, -1, wrong]
    clean_logits, cache = model.run_with_cache(clean)
    high, low = difference(clean_logits), difference(model(corrupt))
    values = getattr(patching, "get_act_patch_" + name)(model, corrupt, cache, lambda logits: (difference(logits) - low) / (high - low))
    ms = (time.perf_counter() - start) * 1e3
    print(json.dumps({"ms": ms, "values": values.flatten().tolist()}), file=answers, flush=True)
