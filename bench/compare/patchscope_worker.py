"""The Python side of patchscope.py: patchscope_worker.py ENGINE MODEL_FOLDER THREADS, with ENGINE obvs or transformer_lens.

Reads one job a line, a JSON object with source and target as text and as ids and a number of layers, and runs the grid of the first layers from the
last position of the source to that of the target: obvs its own Patchscope.over, TransformerLens a run with a cache of the source and a run with a hook
for each cell, as its own patching functions do.
"""
import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

engine, folder, threads = sys.argv[1], Path(sys.argv[2]).resolve(), int(sys.argv[3])
answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

import torch

torch.set_num_threads(threads)
torch.set_grad_enabled(False)


class Obvs:
    packages = ("obvs", "nnsight", "torch", "transformers")

    def __init__(self):
        # It knows architectures by the model's name, in which no other folder must show, and writes a log where it runs.
        os.chdir(tempfile.mkdtemp())
        os.symlink(folder, folder.name)
        from obvs.patchscope import Patchscope, SourceContext, TargetContext
        side = dict(prompt="x", position=-1, model_name=folder.name, device="cpu")
        self.scope = Patchscope(SourceContext(**side), TargetContext(**side, max_new_tokens=1))

    def grid(self, job):
        self.scope.source.prompt, self.scope.target.prompt = job["source"], job["target"]
        layers = range(job["layers"])
        return [row.flatten() for row in self.scope.over(layers, layers)]

    def check(self, job):
        assert self.scope.source_token_ids == job["source_ids"] and self.scope.target_token_ids == job["target_ids"]


class TransformerLens:
    packages = ("transformer_lens", "torch")

    def __init__(self):
        import hooked
        self.model = hooked.load(folder)

    def grid(self, job):
        layers = range(job["layers"])
        _, cache = self.model.run_with_cache(torch.tensor([job["source_ids"]]))
        target = torch.tensor([job["target_ids"]])
        rows = []
        for source in layers:
            vector = cache["resid_post", source][0, -1]

            def write(stream, hook):
                stream[0, -1] = vector
                return stream

            rows += [self.model.run_with_hooks(target, fwd_hooks=[(f"blocks.{layer}.hook_resid_post", write)])[0, -1] for layer in layers]
        return rows

    def check(self, job):
        pass


peer = Obvs() if engine == "obvs" else TransformerLens()
packages = ", ".join(f"{p} {version(p)}" for p in peer.packages)
print(json.dumps({"ready": f"{packages}, {torch.get_num_threads()} threads"}), file=answers, flush=True)
for line in sys.stdin:
    job = json.loads(line)
    start = time.perf_counter()
    rows = peer.grid(job)
    ms = (time.perf_counter() - start) * 1e3
    peer.check(job)
    print(json.dumps({"ms": ms, "cells": len(rows), "values": torch.stack(rows).flatten().tolist()}), file=answers, flush=True)
