"""The Python side of lens_training.py: lens_training_worker.py MODEL_FOLDER THREADS [bf16].

The training step of the tuned-lens package as its documentation and paper describe it, written for this comparison: one forward pass of the frozen model
with all hidden states, then for each layer lens logits, KL divergence and backward pass, then one clip of the gradient, one step of SGD with Nesterov
momentum. With "bf16" the lens's logits are computed under bfloat16 autocast, as the package does. Reads jobs: train FILE LENGTH CHUNKS STEPS.
"""
import contextlib
import copy
import json
import os
import sys
import time

folder, threads, half = sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["bf16"]
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

torch.set_num_threads(threads)
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().requires_grad_(False)
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
base = model.base_model
norm = copy.deepcopy(base.ln_f if hasattr(base, "ln_f") else base.norm)
head = model.get_output_embeddings()
layers, width = model.config.num_hidden_layers, model.config.hidden_size
print(json.dumps({"ready": f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads"}), file=answers, flush=True)


def chunks(file, length):
    ids = []
    for line in open(file):
        ids += [0] + tokenizer.encode(json.loads(line)["text"], add_special_tokens=False).ids
    return torch.tensor(ids[: len(ids) // length * length]).view(-1, length)


def train(file, length, count, steps):
    data = chunks(file, length)
    translators = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(layers))
    for t in translators:
        torch.nn.init.zeros_(t.weight)
        torch.nn.init.zeros_(t.bias)
    optimizer = torch.optim.SGD(translators.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: (steps + 1 - s) / (steps + 1))
    for step in range(steps + 1):
        if step == 1:
            start = time.perf_counter()
        batch = data[step * count:(step + 1) * count]
        with torch.no_grad():
            out = model(batch, output_hidden_states=True)
            target = out.logits.float().log_softmax(-1)
        for layer in range(layers):
            h = out.hidden_states[layer]
            with torch.autocast("cpu", dtype=torch.bfloat16) if half else contextlib.nullcontext():
                logits = head(norm(h + translators[layer](h)))
            q = logits.float().log_softmax(-1)
            loss = torch.sum(target.exp() * (target - q), dim=-1).mean()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(translators.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return time.perf_counter() - start, loss.item()


for line in sys.stdin:
    job = line.split()
    seconds, loss = train(job[1], *map(int, job[2:]))
    print(json.dumps({"ms": seconds * 1e3, "loss": loss}), file=answers, flush=True)
