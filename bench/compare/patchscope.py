"""Diopter's patchscope grid beside obvs and TransformerLens: the same prompts, weights, threads and cells, in turn, in one run.

    python3 bench/compare/patchscope.py [--rounds N] [--peer-rounds N] [--obvs-rounds N] [--write]

Needs what compare.py needs, and Python 3.11 for obvs, whose packages are of 2024. The 6 x 6 grid of block outputs of both demo models, from the last
position of a source to the last of a target, one new token: from text (obvs, Diopter) or ids (TransformerLens) to 36 rows of logits. Each side
runs the source's pass too; models are loaded before. The logits are compared, and the most probable ids. Prints a table; --write puts it into
docs/performance.md.
"""
import argparse
import datetime
import json
import os
import statistics
import sys
from pathlib import Path

from compare import LENS, ROOT, WORK, Side, build, environment, interval, java, machine

MODELS = ["demo-gpt2", "demo-llama"]
BUNDLED = ROOT / "models/src/main/resources/dev/diopter/models/bundled"
OBVS = ["obvs==0.1.2", "nnsight==0.2.21", "torch==2.2.0", "transformers==4.40.1", "numpy<2"]
WARM = 200  # of Diopter, whose code is compiled while it runs; each peer has one cell


def grid_job(name):
    cases = json.loads((ROOT / "fixtures/lens-cases" / name / "patchscope.json").read_text())["cases"]
    case = next(c for c in cases if c["name"] == "grid")
    assert case["source"]["position"] == case["target"]["position"] == -1
    return {"source": case["source"]["prompt"], "target": case["target"]["prompt"], "source_ids": case["source_ids"], "target_ids": case["target_ids"], "layers": 6}


def best(values, cells):
    n = len(values) // cells
    return [max(range(n), key=values[c * n:(c + 1) * n].__getitem__) for c in range(cells)]


def compare(name, mine, peer):
    worst = max(abs(a - b) for a, b in zip(mine["values"], peer["values"], strict=True))
    assert worst < 1e-4, (name, worst)
    assert best(mine["values"], 36) == best(peer["values"], 36), name
    return worst


def measure(model, sides, o):
    job = grid_job(model)
    ours, peers = sides[0], sides[1:]
    ids = [",".join(map(str, job[side])) for side in ("source_ids", "target_ids")]
    own = "\t".join([job["source"], job["target"], *ids, str(job["layers"])])
    small, job = json.dumps({**job, "layers": 1}), json.dumps(job)
    for _ in range(WARM):
        ours.ask(own)
    for peer in peers:
        peer.ask(small)
    times = {side.name: [] for side in sides}
    for n in range(o.rounds):
        mine = ours.ask(own)
        times[ours.name].append(mine["ms"])
        for peer in peers:
            if n < (o.obvs_rounds if peer.name == "obvs" else o.peer_rounds):
                answer = peer.ask(job)
                times[peer.name].append(answer["ms"])
                compare(f"{model}, {peer.name}", mine, answer)
    middle, low, high = interval(times[ours.name])
    rows = [f"| {model} | {ours.name} | {middle:.2f} ({low:.2f} to {high:.2f}) ms | {middle / 36 * 1000:.0f} us | |"]
    for peer in peers:
        ms = statistics.median(times[peer.name])
        rows.append(f"| {model} | {peer.name} | {ms:,.0f} ms | {ms / 36:.1f} ms | **{ms / middle:,.0f}** |")
    return rows


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=25)
    options.add_argument("--peer-rounds", type=int, default=11)
    options.add_argument("--obvs-rounds", type=int, default=3, help="rounds of obvs, which takes seconds for each")
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--python", help="a Python that has TransformerLens, instead of an environment of its own")
    options.add_argument("--obvs-python", help="a Python that has obvs, instead of an environment of its own")
    options.add_argument("--classes", help="Diopter's class path, instead of a build")
    options.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    o = options.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    if not o.obvs_python and sys.version_info[:2] != (3, 11):
        sys.exit("obvs needs Python 3.11: start this with one, or name a Python that has obvs with --obvs-python")
    lens = o.python or environment("lens", LENS)
    obvs = o.obvs_python or environment("obvs", OBVS)
    classes = o.classes or build()
    worker = Path(__file__).parent / "patchscope_worker.py"
    rows, versions = [], {}
    for model in MODELS:
        folder = BUNDLED / model
        sides = [
            Side("Diopter", [java(), "-Xmx3g", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", classes, "dev.diopter.bench.PatchscopeWorker", folder, o.threads]),
            Side("obvs", [obvs, worker, "obvs", folder, o.threads]),
            Side("TransformerLens", [lens, worker, "transformer_lens", folder, o.threads])]
        versions = {side.name: side.ready for side in sides}
        rows += measure(model, sides, o)
        for side in sides:
            side.close()
    text = [f"Machine: {machine()}; {o.threads} threads. Date: {datetime.date.today()}. Peers: {versions['obvs']}; {versions['TransformerLens']}.",
            f"36 cells, source of 5 tokens, target of 21; {o.rounds} rounds of Diopter (median, with the interval that holds it), {o.peer_rounds} of TransformerLens and {o.obvs_rounds} of obvs (medians). Logits agree within 1e-4, the most probable ids are equal.", "",
            "| model | engine | grid | a cell | times Diopter's |", "|---|---|---|---|---|", *rows]
    table = "\n".join(text)
    print(table)
    if o.write:
        page = ROOT / "docs" / "performance.md"
        before, rest = page.read_text().split("<!-- patchscope: begin -->")
        _, after = rest.split("<!-- patchscope: end -->")
        page.write_text(before + "<!-- patchscope: begin -->\n" + table + "\n<!-- patchscope: end -->" + after)


if __name__ == "__main__":
    main()
