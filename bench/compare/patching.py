"""Diopter's activation patching beside TransformerLens's: the same sweeps, prompts, weights and threads, alternating in one run.

    python3 bench/compare/patching.py [--rounds N] [--write]

Needs what compare.py needs. Prints a table; --write puts it into docs/performance.md. Each side runs the clean prompts and the sweep, from ids to
numbers; models are loaded before. The numbers are compared.
"""
import argparse
import datetime
import json
import os
import random
from pathlib import Path

from compare import LENS, ROOT, WORK, Side, build, environment, interval, machine

MODEL = ROOT / "models/src/main/resources/dev/diopter/models/bundled/demo-gpt2"
CASE = ROOT / "fixtures/lens-cases/demo-gpt2/activation-patching.json"
SWEEPS = ["resid_pre", "attn_head_out_all_pos", "attn_head_k_all_pos", "attn_head_out_by_pos"]
WARM = 60  # of Diopter, whose code is compiled while it runs; TransformerLens has one round


def prompts():
    """A published kind of pair, which differs in one token, and one that differs in all."""
    case = json.loads(CASE.read_text())
    rng = random.Random(20261124)
    clean = [rng.randrange(1, 1000) for _ in range(15)]
    corrupt = [(i + 1 + rng.randrange(900)) % 1000 for i in clean]
    return [("one token", case["clean_ids"], case["corrupt_ids"], case["answer_id"], case["wrong_id"]), ("every token", clean, corrupt, 7, 8)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=25)
    options.add_argument("--peer-rounds", type=int, default=3, help="rounds of the peer, which takes seconds for each")
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--python", help="a Python that has the packages, instead of an environment of its own")
    options.add_argument("--classes", help="Diopter's class path, instead of a build")
    options.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    o = options.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    python = o.python or environment("lens", LENS)
    classes = o.classes or build()
    java = Path(os.environ.get("JAVA_HOME", "")) / "bin" / "java"
    ours = Side("Diopter", [java, "-Xmx3g", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp", classes, "dev.diopter.bench.PatchingWorker", MODEL, o.threads])
    theirs = Side("TransformerLens", [python, Path(__file__).parent / "patching_worker.py", MODEL, o.threads])
    rows = []
    for kind, clean, corrupt, answer, wrong in prompts():
        for sweep in SWEEPS:
            job = f"{sweep} {','.join(map(str, clean))} {','.join(map(str, corrupt))} {answer} {wrong}"
            for _ in range(WARM):
                ours.ask(job)
            theirs.ask(job)
            a, b = [], []
            for n in range(o.rounds):
                mine = ours.ask(job)
                a.append(mine["ms"])
                if n < o.peer_rounds:
                    peer = theirs.ask(job)
                    b.append(peer["ms"])
            worst = max(abs(x - y) for x, y in zip(mine["values"], peer["values"]))
            assert len(mine["values"]) == len(peer["values"]) and worst < 1e-4, (sweep, worst)
            middle, low, high = interval(a)
            theirs_ms = sorted(b)[len(b) // 2]
            cells = mine["cells"]
            rows.append((kind, sweep, cells, mine["computed"], middle, low, high, theirs_ms, theirs_ms / cells, theirs_ms / middle))
    for side in (ours, theirs):
        side.close()
    text = [f"Machine: {machine()}; {o.threads} threads. Date: {datetime.date.today()}. Peer: {theirs.ready}.",
            f"Model demo-gpt2 (6 layers of 4 heads), 15 tokens; {o.rounds} rounds of Diopter (median, with the interval that holds it), {o.peer_rounds} of TransformerLens. The numbers agree within 1e-4.", "",
            "| the prompts differ in | sweep | cells | run | Diopter ms | TransformerLens ms | a cell | TransformerLens / Diopter |", "|---|---|---|---|---|---|---|---|"]
    text += ["| %s | `%s` | %d | %d | %.1f (%.1f to %.1f) | %.0f | %.1f ms | **%.0f** |" % r for r in rows]
    table = "\n".join(text)
    print(table)
    if o.write:
        page = ROOT / "docs" / "performance.md"
        before, rest = page.read_text().split("<!-- patching: begin -->")
        _, after = rest.split("<!-- patching: end -->")
        page.write_text(before + "<!-- patching: begin -->\n" + table + "\n<!-- patching: end -->" + after)


if __name__ == "__main__":
    main()
