"""Diopter beside PyTorch + transformers and TransformerLens: the same weights, ids, threads and rows of logits, alternating in one run.

    python3 bench/compare/compare.py [--rounds N] [--quick] [--write]

Needs a JDK 25, Maven, pip and its package index; makes its own environments and random models under target/compare (about 4 GB, once).
Prints a table; --write puts it into docs/performance.md. Every ratio is the median over pairs that ran one after the other, with the
interval that holds the median at 95 % (order statistics of the pairs).
"""
import argparse
import datetime
import json
import math
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "compare"
TORCH = ["torch==2.15.0", "transformers==5.23.0", "numpy==2.4.6", "safetensors==0.8.0"]
LENS = ["torch==2.15.0", "transformer_lens==2.18.0", "pyarrow==19.0.1"]
WARM = 5


def environment(name, packages):
    folder = WORK / name
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        print(f"making {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "done").touch()
    return python


def build():
    jars = WORK / "jars"
    subprocess.run(["mvn", "-q", "-B", "-DskipGates", "-Dmaven.test.skip", "-Ddiopter.target=target/compare", "-pl", "bench", "-am", "package"], cwd=ROOT, check=True)
    made = ROOT / "bench" / "target" / "compare"
    return f"{made}/*:{made}/lib/*"


class Side:
    """A process that answers one job a line."""

    def __init__(self, name, command):
        clean = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        self.name = name
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=clean)
        self.ready = self.read()["ready"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended without an answer")
        return json.loads(line)

    def ask(self, job):
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def interval(values):
    """The median and the order statistics that hold it at 95 %."""
    s, n = sorted(values), len(values)
    k = max(0, int(n / 2 - 1.96 * math.sqrt(n) / 2))
    return statistics.median(s), s[k], s[n - 1 - k]


def pair(ours, theirs, ours_job, theirs_job, rounds):
    """Times in turn; the outputs must agree."""
    for _ in range(WARM):
        a, b = ours.ask(ours_job), theirs.ask(theirs_job)
    times = []
    for _ in range(rounds):
        a, b = ours.ask(ours_job), theirs.ask(theirs_job)
        times.append((a["ms"], b["ms"]))
    scale = max(1.0, *(abs(x) for x in b["numbers"]))
    difference = max(abs(x - y) for x, y in zip(a["numbers"], b["numbers"]))
    ratio = interval([y / x for x, y in times])
    return statistics.median(x for x, _ in times), statistics.median(y for _, y in times), ratio, difference / scale


def machine():
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    flags = next((l for l in open("/proc/cpuinfo") if l.startswith("flags")), "")
    width = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    return f"{cpu}, {os.cpu_count()} cores, {width}"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--quick", action="store_true", help="fewer models and lengths")
    options.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    options.add_argument("--real-model", default=str(ROOT / "target" / "real-model"))
    o = options.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    torch, lens, classes = environment("torch", TORCH), environment("lens", LENS), build()
    java = Path(os.environ.get("JAVA_HOME", "")) / "bin" / "java"
    base = [java, "-Xmx6g", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", classes]
    models = WORK / "models"
    subprocess.run([*map(str, base), "dev.diopter.bench.RandomCheckpoint", str(models)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    worker = Path(__file__).parent / "worker.py"
    rows = []

    def compare(model, engine, jobs, extra=()):
        folder = Path(o.real_model) if model == "real model" else models / model
        if not folder.exists():
            print(f"{model}: not there ({folder}), left out", file=sys.stderr)
            return
        ours = Side("Diopter", [*base, "dev.diopter.bench.CompareWorker", folder, o.threads])
        theirs = Side(engine, [lens if engine == "transformer_lens" else torch, worker, engine, folder, o.threads, *extra])
        for job, factor in jobs:
            x, y, (r, low, high), difference = pair(ours, theirs, job, job, max(5, int(o.rounds * factor)))
            rows.append((model + (" (bfloat16 both)" if extra else ""), job, engine, x, y, r, low, high, difference))
            print("%-16s %-14s %-16s Diopter %8.1f ms, peer %8.1f ms, ratio %.2f [%.2f, %.2f], largest difference %.1e" % rows[-1], file=sys.stderr)
        ours.close()
        theirs.close()

    prefill = [("prefill 32", 1), ("prefill 128", 1), ("prefill 512", 0.5)]
    decode = [("decode 128 32", 0.5)]
    for engine in ("eager", "default"):
        for model in ["gpt2-small", "llama-110m"] + ([] if o.quick else ["real model"]):
            compare(model, engine, prefill + decode)
    compare("llama-110m-bf16", "default", decode, ["--bf16"])
    for model in ["gpt2-small"] + ([] if o.quick else ["llama-110m"]):
        compare(model, "transformer_lens", [("rows 128", 0.5), ("cache 32", 0.5), ("cache 128", 0.5)])

    hooks = []
    ours = Side("Diopter", [*base, "dev.diopter.bench.CompareWorker", models / "gpt2-small", o.threads])
    for kind in ("ONE_READ", "ALL_RESIDUALS", "ALL_PATTERNS", "RESIDUALS_AND_PATTERNS", "EVERYTHING", "NO_OP_EDIT", "HEAD_ABLATION", "CALLBACK_EVERYWHERE"):
        x, y, (r, low, high), _ = pair(ours, ours, "hooks 128 NONE", f"hooks 128 {kind}", max(50, o.rounds))
        hooks.append((kind.lower().replace("_", " "), x, y, r, low, high))
        print("hooks: %-24s plain %.1f ms, hooked %.1f ms, ratio %.3f [%.3f, %.3f]" % hooks[-1], file=sys.stderr)
    ready = ours.ready
    ours.close()

    text = [f"Machine: {machine()}; {ready}; {o.threads} threads on every side. Date: {datetime.date.today()}.",
            f"Peers: {', '.join(TORCH[:2])}; {LENS[1]}. Command: `python3 bench/compare/compare.py --rounds {o.rounds} --write`.", "",
            "| model | job | peer | Diopter ms | peer ms | peer / Diopter | 95 % | largest difference |", "|---|---|---|---|---|---|---|---|"]
    text += ["| %s | %s | %s | %.1f | %.1f | **%.2f** | %.2f to %.2f | %.0e |" % r for r in rows]
    text += ["", "| hooks on gpt2-small, 128 tokens | plain ms | hooked ms | hooked / plain | 95 % |", "|---|---|---|---|---|"]
    text += ["| %s | %.1f | %.1f | **%.3f** | %.3f to %.3f |" % h for h in hooks]
    table = "\n".join(text)
    print(table)
    if o.write:
        page = ROOT / "docs" / "performance.md"
        before, rest = page.read_text().split("<!-- compare: begin -->")
        _, after = rest.split("<!-- compare: end -->")
        page.write_text(before + "<!-- compare: begin -->\n" + table + "\n<!-- compare: end -->" + after)


if __name__ == "__main__":
    main()
