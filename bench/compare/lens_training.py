"""Training of a tuned lens beside the original's loop in PyTorch: the same model, texts, chunks a step and threads, alternating in one run.

    python3 bench/compare/lens_training.py [--rounds N] [--steps N] [--models NAMES] [--write]

Needs what compare.py needs. Prints a table; --write puts it into docs/tuned-lens-training.md.
"""
import argparse
import datetime
import os
import statistics
from pathlib import Path

from compare import ROOT, TORCH, Side, build, environment, interval, machine

BUNDLED = ROOT / "models/src/main/resources/dev/diopter/models/bundled"
TEXTS = ROOT / "fixtures/lens-texts/train.jsonl"
LENGTH = 96
CHUNKS = 10


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--steps", type=int, default=10)
    options.add_argument("--models", default="demo-gpt2,demo-llama")
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--python", help="a Python that has the packages, instead of an environment of its own")
    options.add_argument("--classes", help="Diopter's class path, instead of a build")
    options.add_argument("--write", action="store_true", help="write the table into docs/tuned-lens-training.md")
    o = options.parse_args()
    python = o.python or environment("torch", TORCH)
    classes = o.classes or build()
    java = Path(os.environ.get("JAVA_HOME", "")) / "bin" / "java"
    worker = Path(__file__).parent / "lens_training_worker.py"
    rows = []
    for name in o.models.split(","):
        folder = BUNDLED / name
        sides = {
            "ours": Side("Diopter", [java, "-Xmx3g", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", classes,
                                     "dev.diopter.bench.LensTrainingWorker", folder, o.threads]),
            "float32": Side("PyTorch", [python, worker, folder, o.threads]),
            "bfloat16": Side("PyTorch, autocast", [python, worker, folder, o.threads, "bf16"]),
        }
        times = {side: [] for side in sides}
        for n in range(-2, o.rounds):
            for side in sides:
                answer = sides[side].ask(f"train {TEXTS} {LENGTH} {CHUNKS} {o.steps}")
                if n >= 0:  # The first rounds warm all up.
                    times[side].append(answer["ms"])
        for side in sides.values():
            side.close()
        tokens = o.steps * CHUNKS * LENGTH
        rates = [tokens / statistics.median(times[side]) * 1e3 for side in sides]
        for peer in ("float32", "bfloat16"):
            ratio = interval([b / a for a, b in zip(times["ours"], times[peer])])
            rows.append((name, peer, rates[0], rates[1 if peer == "float32" else 2], *ratio))
    text = [f"Machine: {machine()}; {o.threads} threads. Date: {datetime.date.today()}. Peer: {', '.join(TORCH[:2])}.",
            f"{CHUNKS} chunks of {LENGTH} tokens a step, {o.steps} steps behind the first, {o.rounds} rounds.", "",
            "| model | peer's lens logits in | Diopter tokens/s | PyTorch tokens/s | Diopter / PyTorch | range |", "|---|---|---|---|---|---|"]
    text += ["| %s | %s | %.0f | %.0f | **%.2f** | %.2f to %.2f |" % r for r in rows]
    table = "\n".join(text)
    print(table)
    if o.write:
        page = ROOT / "docs" / "tuned-lens-training.md"
        before, rest = page.read_text().split("<!-- speed: begin -->")
        _, after = rest.split("<!-- speed: end -->")
        page.write_text(before + "<!-- speed: begin -->\n" + table + "\n<!-- speed: end -->" + after)


if __name__ == "__main__":
    main()
