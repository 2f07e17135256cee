"""The Python side of compare.py: worker.py ENGINE MODEL_FOLDER THREADS, with ENGINE eager, default or transformer_lens.

Reads one job a line, does it once, and answers one line of JSON: see CompareWorker.java for the jobs.
"""
import json
import sys
import time

engine, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])

import torch

torch.set_num_threads(threads)
torch.set_grad_enabled(False)


def prompt(n):
    return torch.tensor([[(7 * i + 3) % 1000 + 10 for i in range(n)]])


def numbers(logits):
    return [float(logits[0]), float(logits[7]), float(logits[-1])]


class Transformers:
    def __init__(self, attention, dtype):
        from transformers import AutoModelForCausalLM
        options = {} if attention == "default" else {"attn_implementation": attention}
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **options).eval()

    def prefill(self, n):
        return numbers(self.model(prompt(n), use_cache=False, logits_to_keep=1).logits[0, -1].float())

    def decode(self, n, tokens):
        out = self.model(prompt(n), use_cache=True, logits_to_keep=1)
        ids = [int(out.logits[0, -1].argmax())]
        start = time.perf_counter()
        while len(ids) < tokens:
            out = self.model(torch.tensor([[ids[-1]]]), past_key_values=out.past_key_values, use_cache=True, logits_to_keep=1)
            ids.append(int(out.logits[0, -1].argmax()))
        return (time.perf_counter() - start) / (tokens - 1), [ids[0], ids[1], ids[-1]]


class TransformerLens:
    def __init__(self):
        import hooked
        self.model = hooked.load(folder)

    def rows(self, n):
        return numbers(self.model(prompt(n))[0, -1])

    def cache(self, n):
        logits, _ = self.model.run_with_cache(prompt(n))
        return numbers(logits[0, -1])


if engine == "transformer_lens":
    side = TransformerLens()
else:
    stored = json.load(open(folder + "/config.json")).get("torch_dtype", "float32")
    side = Transformers(engine, torch.bfloat16 if stored == "bfloat16" and "--bf16" in sys.argv else torch.float32)
print(json.dumps({"ready": f"torch {torch.__version__}, {torch.get_num_threads()} threads"}), flush=True)
for line in sys.stdin:
    job, *arguments = line.split()
    start = time.perf_counter()
    found = getattr(side, job)(*map(int, arguments))
    seconds = time.perf_counter() - start
    if job == "decode":
        seconds, found = found
    print(json.dumps({"ms": seconds * 1e3, "numbers": found}), flush=True)
