"""Diopter's patterns commands beside pattern-lens on TransformerLens: the same texts, weights, compression level and threads, alternating in one run.

    python3 bench/compare/patterns.py [--prompts N] [--rounds N] [--write]

Needs what compare.py needs. Prints a table; --write puts it into docs/performance.md. Each round stores and draws the same new folder on each side;
models are loaded before. What both wrote is compared: names of files, arrays, pixels.
"""
import argparse
import datetime
import os
import random
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from compare import ROOT, WORK, Side, build, environment, interval, java, machine

PACKAGES = ["pattern-lens==0.6.0", "transformer-lens==2.16.1", "torch==2.15.0", "transformers<5", "pyarrow==19.0.1"]
MODEL = ROOT / "models/src/main/resources/dev/diopter/models/bundled/demo-gpt2"
LEVEL = 6
WARM = 3
CHECK = '''
import sys, numpy as np
from pathlib import Path
from PIL import Image
a, b = map(Path, sys.argv[1:])
files = {p.relative_to(a) for p in a.rglob("*.npz")} | {p.relative_to(a) for p in a.rglob("raw.png")}
assert files == {p.relative_to(b) for p in b.rglob("*.npz")} | {p.relative_to(b) for p in b.rglob("raw.png")}, "different files"
worst = different = pixels = 0
for f in files:
    if f.suffix == ".npz":
        x, y = np.load(a / f), np.load(b / f)
        assert x.files == y.files
        worst = max([worst] + [float(abs(x[k] - y[k]).max()) for k in x.files])
    else:
        x, y = np.array(Image.open(a / f)), np.array(Image.open(b / f))
        different += int((x != y).any(-1).sum())
        pixels += x.shape[0] * x.shape[1]
print(f"largest difference of the arrays {worst:.0e}, {different} of {pixels} pixels differ")
'''


def texts(count, file):
    """Words in random order, of lengths like those of a corpus that is cut at 300 characters."""
    rng = random.Random(20261124)
    words = "the year king city people river language north money house Mary John gave store of in to and was from 1871 1898 speak pay euro yen country".split()
    with open(file, "w") as out:
        for i in range(count):
            text = f"{i} " + " ".join(rng.choices(words, k=60))
            out.write('{"text": "%s", "meta": {}}\n' % text[: rng.randrange(60, 300)])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--prompts", type=int, default=200)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--python", help="a Python that has the packages, instead of an environment of its own")
    options.add_argument("--classes", help="Diopter's class path, instead of a build")
    options.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    o = options.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    python = o.python or environment("patterns", PACKAGES)
    classes = o.classes or build()
    file, data = WORK / "texts.jsonl", WORK / "patterns"
    texts(o.prompts, file)
    command = [java(), "-Xmx3g", "-Djava.awt.headless=true", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", classes,
               "dev.diopter.bench.PatternsWorker", MODEL, o.threads]
    times = {name: {"activations": [], "figures": []} for name in ("ours", "theirs")}
    with Side("Diopter", command) as ours, Side("pattern-lens", [python, Path(__file__).parent / "patterns_worker.py", MODEL, o.threads]) as theirs:
        sides = [("ours", ours), ("theirs", theirs)]
        for n in range(-WARM, o.rounds):
            for name, side in sides if n % 2 == 0 else sides[::-1]:
                where = data / name
                shutil.rmtree(where, ignore_errors=True)
                for job, line in (("activations", f"activations {file} {where} {LEVEL}"), ("figures", f"figures {where}")):
                    ms = side.ask(line)["ms"]
                    if n >= 0:  # The first rounds warm both up.
                        times[name][job].append(ms)
    agreement = subprocess.run([python, "-c", CHECK, data / "ours", data / "theirs"], check=True, capture_output=True, text=True).stdout.strip()
    heads = 24
    rows = []
    for job in ("activations", "figures", "both"):
        a, b = ([sum(x) for x in zip(*times[n].values())] if job == "both" else times[n][job] for n in ("ours", "theirs"))
        rates = [o.prompts * heads / statistics.median(x) * 1e3 for x in (a, b)]
        rows.append((job, *rates, *interval([y / x for x, y in zip(a, b)])))
    text = [f"Machine: {machine()}; {o.threads} threads, compression level {LEVEL} on both sides. Date: {datetime.date.today()}.",
            f"Peer: {', '.join(PACKAGES[:3])}. {o.prompts} prompts of 60 to 300 characters, model demo-gpt2 (6 layers of 4 heads), {o.rounds} rounds.",
            f"Both wrote the same files: {agreement}.", "",
            "| stage | Diopter patterns/s | pattern-lens patterns/s | Diopter / pattern-lens | range |", "|---|---|---|---|---|"]
    text += ["| %s | %.0f | %.0f | **%.1f** | %.1f to %.1f |" % r for r in rows]
    table = "\n".join(text)
    print(table)
    if o.write:
        page = ROOT / "docs" / "performance.md"
        before, rest = page.read_text().split("<!-- patterns: begin -->")
        _, after = rest.split("<!-- patterns: end -->")
        page.write_text(before + "<!-- patterns: begin -->\n" + table + "\n<!-- patterns: end -->" + after)


if __name__ == "__main__":
    main()
