"""The tables of quality in docs/tuned-lens-training.md: KL to the model's predictions on held-out texts, layer by layer, of the logit lens and of lenses
that `lens train` makes.

    python3 bench/compare/lens_quality.py [--real-model FOLDER] [--diopter COMMAND] [--only demo|real] [--write]

The demo models learn from fixtures/lens-texts. The real model gets a least squares fit of at most 20,000 tokens; its texts are the docstrings of the standard
library of the Python that runs this, one text for each module: modules from a to m to learn from, the others held out. --write puts the tables into
the page.
"""
import argparse
import ast
import datetime
import json
import platform
import shlex
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from compare import REAL_MODEL, ROOT, machine

TEXTS = ROOT / "fixtures/lens-texts"
STEPS = "--steps 60 --tokens-per-step 960"
DEMO = {
    "`--start ridge --steps 0`": ("0 + 69,984", "--start ridge --ridge-tokens 70000 --steps 0"),
    "60 steps of 960": ("57,600 + 0", STEPS),
    "the same from ridge": ("57,600 + 69,984", f"--start ridge --ridge-tokens 70000 {STEPS}"),
    "60 steps, `--lr-scale 5`": ("57,600 + 0", f"{STEPS} --lr-scale 5"),
}


def diopter(command, *arguments):
    done = subprocess.run([*shlex.split(command), *map(str, arguments), "--json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def kl(command, model, lens, held_out, length, tokens=()):
    lenses = diopter(command, "lens", "eval", model, "--data", held_out, "--max-length", length, "--lens", lens, *tokens)
    return lenses["tokens"], {each["lens"]: [row["kl"]["nats"] for row in each["layers"]] for each in lenses["lenses"]}


def demo(command, work):
    rows = []
    gaps = []
    for model in ("demo-gpt2", "demo-llama"):
        found = {}
        for name, (tokens, options) in DEMO.items():
            lens = work / f"{model}-{len(rows)}-{len(found)}"
            diopter(command, "lens", "train", model, "--data", TEXTS / "train.jsonl", "--max-length", 96, "-b", 10, "-o", lens, *options.split())
            held, found[name] = kl(command, model, lens, TEXTS / "held-out.jsonl", 96)
        rows.append((model, "logit", "", next(iter(found.values()))["logit"]))
        rows += [("", name, DEMO[name][0], found[name]["tuned"]) for name in found]
        ridge, steps = (found[name]["tuned"] for name in list(DEMO)[:2])
        gaps += [a / b for a, b in zip(ridge, steps)]
    text = [f"Date: {datetime.date.today()}. Command: `python3 bench/compare/lens_quality.py --only demo --write`. {held:,} held-out tokens, seed 42.", "",
            "| model | lens | tokens: steps + fit | 0 | 1 | 2 | 3 | 4 | 5 |", "|---|---|---|---|---|---|---|---|---|"]
    text += ["| %s | %s | %s | %s |" % (a, b, c, " | ".join(f"{x:.4f}" for x in values)) for a, b, c, values in rows]
    return "\n".join([*text, "", f"The fit alone has {min(gaps):.2f} to {max(gaps):.2f} times the KL of 60 gradient steps."])


def docstrings(file):
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return ""
    nodes = (n for n in ast.walk(tree) if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef)))
    return "\n\n".join(filter(None, map(ast.get_docstring, nodes)))


def real(command, model, work):
    files = {"train": work / "train.jsonl", "held-out": work / "held-out.jsonl"}
    with files["train"].open("w") as train, files["held-out"].open("w") as held_out:
        for file in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
            text = docstrings(file)
            if text:
                (train if file.name[0].lower() < "n" else held_out).write(json.dumps({"text": text}) + "\n")
    lens = work / "real"
    fit = diopter(command, "lens", "train", model, "--data", files["train"], "--max-length", 256, "-b", 4, "-o", lens, *"--start ridge --ridge-tokens 20000 --steps 0".split())
    held, found = kl(command, model, lens, files["held-out"], 256, ("-b", 4, "--tokens", 2560))
    return real_table(fit["ridge_tokens"], held, found, machine(), f"docstrings of Python {platform.python_version()}'s standard library")


def real_table(fitted, held, found, where, texts):
    text = [f"Machine: {where}. Date: {datetime.date.today()}. Command: `python3 bench/compare/lens_quality.py --only real --real-model FOLDER --write`.",
            f"SmolLM2-135M-Instruct of 4-bit weights; `--start ridge --steps 0` on {fitted:,} tokens, {held:,} held-out tokens in chunks of 256. Texts: {texts}, modules a to m to learn from,",
            "the others held out. KL in nats per token.", "", "| layer | logit lens | tuned lens | tuned / logit |", "|---|---|---|---|"]
    text += ["| %d | %.3f | %.3f | %.2f |" % (n, a, b, b / a) for n, (a, b) in enumerate(zip(found["logit"], found["tuned"]))]
    return "\n".join(text)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--real-model", default=REAL_MODEL)
    options.add_argument("--diopter", default=str(ROOT / "diopter"))
    options.add_argument("--only", choices=("demo", "real"))
    options.add_argument("--write", action="store_true", help="write the tables into docs/tuned-lens-training.md")
    o = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        tables = {}
        if o.only != "real":
            tables["quality"] = demo(o.diopter, Path(work))
        if o.only != "demo":
            tables["real"] = real(o.diopter, o.real_model, Path(work))
    for name, table in tables.items():
        print(table)
        if o.write:
            page = ROOT / "docs" / "tuned-lens-training.md"
            before, rest = page.read_text().split(f"<!-- {name}: begin -->")
            _, after = rest.split(f"<!-- {name}: end -->")
            page.write_text(before + f"<!-- {name}: begin -->\n" + table + f"\n<!-- {name}: end -->" + after)


if __name__ == "__main__":
    main()
