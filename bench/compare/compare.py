"""The tables of docs/performance.md, measured in one run.

    python3 bench/compare/compare.py [--tables NAME,...] [--rounds N] [--threads N] [--real-model FOLDER] [--quick] [--write]

microkernel: the microkernel in a first-level cache against the FMA peak, with this machine's vectors and with AVX2 alone.
products: products by shape, beside the OpenBLAS of the environment's numpy. peers: Diopter beside PyTorch + transformers,
TransformerLens and Jlama, on the same weights, ids, threads and rows of logits, in turn, outputs compared. decoding: a token's bytes of
weights against the machine's read bandwidth. hooks: passes with each kind of hook beside the same pass without, and that pass beside
itself. scaling, allocation, load, tokenizer: what programs of the module bench print. start: whole processes of ./diopter.

Needs a JDK 25, Maven, pip and their package indexes; makes its own environments and random models under target/compare (about 4 GB,
once, before anything is measured). Prints the tables; --write puts each between its markers in docs/performance.md. --quick leaves out
models, shapes and rounds: all tables in at most 9 minutes on 2 cores, once the environments are there. Every ratio of peers and hooks is
the median over pairs that ran one after the other, the side that begins changing from pair to pair, with the interval that holds the
median at 95 % (order statistics of the pairs, exact by the binomial distribution).
"""
import argparse
import datetime
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "compare"
REAL_MODEL = str(ROOT / "target" / "real-model")
TORCH = ["torch==2.15.0", "transformers==5.23.0", "numpy==2.4.6", "safetensors==0.8.0"]
LENS = ["torch==2.15.0", "transformer_lens==2.18.0", "pyarrow==19.0.1"]
JLAMA = "0.8.4"
JLAMA_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>jlama</groupId><artifactId>peer</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>com.github.tjake</groupId><artifactId>jlama-core</artifactId><version>{JLAMA}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.7</version></dependency>
  </dependencies>
</project>
"""
TABLES = ("microkernel", "products", "peers", "decoding", "hooks", "scaling", "allocation", "start", "load", "tokenizer")
WARM, MOST_WARM = 5, 40
FEWEST = 6  # pairs: fewer have no interval that holds the median at 95 %
HOOKS = ("NONE", "ONE_READ", "ALL_RESIDUALS", "ALL_PATTERNS", "RESIDUALS_AND_PATTERNS", "EVERYTHING", "NO_OP_EDIT", "HEAD_ABLATION", "CALLBACK_EVERYWHERE")


def environment(name, packages):
    folder = WORK / name
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        print(f"making {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "done").touch()
    return python


def java():
    """A JDK 25: JAVA_HOME's, the path's, or one in the usual folder."""
    homes = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    on_path = shutil.which("java")
    homes += [Path(on_path).resolve().parents[1]] if on_path else []
    for home in [*homes, *sorted(Path("/usr/lib/jvm").glob("*"))]:
        release = home / "release"
        if release.exists() and re.search(r'^JAVA_VERSION="25[".+-]', release.read_text(), re.M):
            return home / "bin" / "java"
    sys.exit("found no JDK 25: set JAVA_HOME to one")


def build():
    jars = WORK / "jars"
    subprocess.run(["mvn", "-q", "-B", "-DskipGates", "-Dmaven.test.skip", "-Ddiopter.target=target/compare", "-pl", "bench", "-am", "package"], cwd=ROOT, check=True)
    made = ROOT / "bench" / "target" / "compare"
    return f"{made}/*:{made}/lib/*"


def jlama_jars():
    """Jlama and what it needs, from Maven Central; for this comparison only."""
    folder = WORK / "jlama"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(JLAMA_POM)
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy-dependencies"
        subprocess.run(["mvn", "-q", "-B", "-f", folder / "pom.xml", goal, f"-DoutputDirectory={folder / 'lib'}"], check=True)
        (folder / "done").touch()
    return f"{folder}/lib/*"


def jlama_folder(folder):
    """The same checkpoint for Jlama, which wants a tokenizer.json though it is given ids."""
    copy = WORK / "jlama" / "models" / folder.name
    copy.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        (copy / name).unlink(missing_ok=True)
        (copy / name).symlink_to((folder / name).resolve())
    if not (folder / "tokenizer.json").exists():
        vocabulary = {f"t{i}": i for i in range(json.loads((folder / "config.json").read_text())["vocab_size"])}
        (copy / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}))
    return copy


class Failed(Exception):
    """A peer that does not run."""


class Side:
    """A process that answers one job a line."""

    def __init__(self, name, command):
        clean = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        self.name = name
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=clean)
        try:
            self.ready = self.read()["ready"]
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.close()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{self.name} ended without an answer")
        return json.loads(line)

    def ask(self, job):
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        """Ends the process, also one that no longer answers: it would disturb what is measured next."""
        try:
            self.process.stdin.close()
            self.process.wait(timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def interval(values):
    """The median and the order statistics that hold it at 95 % (the smallest and largest where there are fewer than six)."""
    s, n = sorted(values), len(values)
    outside, k = 0.0, 0  # outside: the chance that the median lies below s[k - 1]
    while k < (n - 1) // 2 and outside + math.comb(n, k) / 2**n <= 0.025:
        outside += math.comb(n, k) / 2**n
        k += 1
    k = max(0, k - 1)
    return statistics.median(s), s[k], s[n - 1 - k]


def warm(ours, theirs, ours_job, theirs_job):
    """Runs both until neither gets faster: compilers, caches and allocators settle at different times."""
    best = [math.inf, math.inf]
    steady = 0
    for n in range(MOST_WARM):
        times = [ours.ask(ours_job)["ms"], theirs.ask(theirs_job)["ms"]]
        steady = 0 if any(t < 0.97 * b for t, b in zip(times, best)) else steady + 1
        best = [min(t, b) for t, b in zip(times, best)]
        if n + 1 >= WARM and steady >= 3:
            return


def pair(ours, theirs, ours_job, theirs_job, rounds):
    """Times in turn; the outputs must agree."""
    warm(ours, theirs, ours_job, theirs_job)
    times = []
    for n in range(max(FEWEST, rounds)):
        if n % 2 == 0:
            a = ours.ask(ours_job)
            b = theirs.ask(theirs_job)
        else:
            b = theirs.ask(theirs_job)
            a = ours.ask(ours_job)
        times.append((a["ms"], b["ms"]))
    scale = max(1.0, *(abs(x) for x in b["numbers"]))
    difference = max(abs(x - y) for x, y in zip(a["numbers"], b["numbers"]))
    ratio = interval([y / x for x, y in times])
    return statistics.median(x for x, _ in times), statistics.median(y for _, y in times), ratio, difference / scale, len(times)


def machine():
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    flags = next((l for l in open("/proc/cpuinfo") if l.startswith("flags")), "")
    width = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    return f"{cpu}, {os.cpu_count()} cores, {width}"


class Comparison:
    def __init__(self, options):
        self.rounds, self.threads, self.quick, self.real_model = options.rounds, options.threads, options.quick, Path(options.real_model)
        # Everything is fetched and built first: nothing of it runs beside a measurement.
        tables = options.tables.split(",")
        self.torch = environment("torch", TORCH) if {"peers", "products"} & set(tables) else None
        self.lens = environment("lens", LENS) if "peers" in tables else None
        classes = build()
        self.java = java()
        self.models = WORK / "models"
        # Vectors from the first call: with the default, what is timed early would still be the scalar twin.
        self.forced = ["-Ddiopter.kernels=vector"]
        self.flags = ["-Xmx6g", "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"]
        self.base = [self.java, *self.flags, *self.forced, f"-Ddiopter.bench.models={self.models}", "-cp", classes]
        self.program("RandomCheckpoint", self.models)
        self.ready = ""

    def program(self, name, *arguments, properties=()):
        """What a program of the module bench prints."""
        command = [self.java, *properties, *self.base[1:], f"dev.diopter.bench.{name}", *arguments]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        found = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean)
        if found.returncode != 0:
            sys.exit(f"{name} failed: {' '.join(str(c) for c in command)}\n{found.stderr[-2000:]}")
        return found.stdout.strip()

    def diopter(self, folder):
        side = Side("Diopter", [*self.base, "dev.diopter.bench.CompareWorker", folder, self.threads])
        self.ready = side.ready
        return side

    def peer(self, engine, folder, extra):
        here = Path(__file__).parent
        if engine == "jlama":
            fast = "-Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0"
            return Side(engine, [self.java, *self.flags, fast, "-cp", jlama_jars(), here / "JlamaWorker.java", jlama_folder(folder), self.threads])
        python = self.lens if engine == "transformer_lens" else self.torch
        return Side(engine, [python, here / "worker.py", engine, folder, self.threads, *extra])

    def against(self, engine, model, jobs, extra=()):
        folder = self.real_model if model == "real model" else self.models / model
        rows, failed = [], None
        if not folder.exists():
            failed = f"{engine} on the {model}, which was not there"
            print(failed, file=sys.stderr)
            return rows, failed
        try:
            with self.diopter(folder) as ours, self.peer(engine, folder, extra) as theirs:
                for job, factor in jobs:
                    x, y, (r, low, high), difference, n = pair(ours, theirs, job, job, int(self.rounds * factor))
                    rows.append((model + (" (bfloat16 both)" if extra else ""), job, engine, x, y, r, low, high, n, difference))
                    print("%-16s %-14s %-16s Diopter %8.1f ms, peer %8.1f ms, ratio %.2f [%.2f, %.2f], %d pairs, largest difference %.1e" % rows[-1], file=sys.stderr)
        except (Failed, OSError, ValueError, subprocess.CalledProcessError) as e:
            failed = f"{engine} on {model}: {e}"
            print(failed, file=sys.stderr)
        return rows, failed

    def peers(self):
        prefill = [("prefill 32", 1), ("prefill 128", 1), ("prefill 512", 0.5)]
        decode = [("decode 128 32", 0.5)]
        # Jlama leaves cells out unless the rows are a multiple of 3 and of 5, so it gets 120.
        jlama = [("prefill 120", 0.25), ("decode 120 32", 0.25)]
        if self.quick:
            plan = [("eager", "gpt2-small", prefill + decode), ("default", "llama-110m", prefill + decode)]
        else:
            plan = [(e, m, prefill + decode) for e in ("eager", "default") for m in ("gpt2-small", "llama-110m", "real model")]
        plan += [("default", "llama-110m-bf16", decode, ["--bf16"])]
        plan += [("transformer_lens", m, [("rows 128", 0.5), ("cache 32", 0.5), ("cache 128", 0.5)]) for m in (["gpt2-small"] if self.quick else ["gpt2-small", "llama-110m"])]
        plan += [("jlama", m, jlama) for m in (["llama-110m"] if self.quick else ["gpt2-small", "llama-110m"])]
        text = [f"Peers: {', '.join(TORCH[:2])}; {LENS[1]}; jlama-core {JLAMA}.", "",
                "| model | job | peer | Diopter ms | peer ms | peer / Diopter | 95 % | pairs | largest difference |", "|---|---|---|---|---|---|---|---|---|"]
        notes = []
        for step in plan:
            rows, failed = self.against(*step)
            text += ["| %s | %s | %s | %.1f | %.1f | **%.2f** | %.2f to %.2f | %d | %.0e |" % r for r in rows]
            notes += ["", f"Did not run: {failed}."] if failed else []
        if self.quick:
            notes += ["", "A quick run: the real model and some pairs of models and peers are left out."]
        return text + notes

    def hooks(self):
        text = ["The first row is the plain pass beside itself: what lies within its interval is noise.", "",
                "| hooks on gpt2-small, 128 tokens | plain ms | hooked ms | hooked / plain | 95 % | pairs |", "|---|---|---|---|---|---|"]
        with self.diopter(self.models / "gpt2-small") as ours:
            for kind in HOOKS:
                x, y, (r, low, high), _, n = pair(ours, ours, "hooks 128 NONE", f"hooks 128 {kind}", 10 if self.quick else max(50, self.rounds))
                name = "none" if kind == "NONE" else kind.lower().replace("_", " ")
                row = (name, x, y, r, low, high, n)
                text.append("| %s | %.1f | %.1f | **%.3f** | %.3f to %.3f | %d |" % row)
                print("hooks: %-24s plain %.1f ms, hooked %.1f ms, ratio %.3f [%.3f, %.3f], %d pairs" % row, file=sys.stderr)
        return text

    def microkernel(self):
        text = ["| vectors | backend | FMA peak GFLOP/s | microkernel GFLOP/s | of peak (median) | rounds |", "|---|---|---|---|---|---|"]
        return text + [self.program("MicrokernelTable", label, properties=p) for label, p in (("all of this machine", []), ("AVX2 alone", ["-XX:UseAVX=2"]))]

    def decoding(self):
        models = ["gpt2-small", "llama-110m", "llama-110m-bf16"]
        there = self.real_model.exists()
        text = [self.program("DecodingTable", self.threads, *models, *([self.real_model] if there else []))]
        return text if there else text + ["", "The real model was not there."]

    def load(self):
        return [self.program("LoadTable", self.threads, *(["gpt2-small"] if self.quick else ["gpt2-small", "llama-110m", "llama-110m-bf16"]))]

    def tokenizer(self):
        return [self.program("TokenizerTable", "demo-gpt2", "demo-llama")]

    def start(self):
        """Whole processes in turn. The first start, which builds the launcher's files, and a second one do not count."""
        commands = {"./diopter run demo-gpt2": [ROOT / "diopter", "run", "demo-gpt2", "The cat sat on the"], "java -version": [self.java, "-version"]}
        times = {name: [] for name in commands}
        for n in range(-2, 10):
            for name, command in commands.items():
                before = time.perf_counter()
                subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                if n >= 0:
                    times[name].append(time.perf_counter() - before)
        text = ["| process | median s | fastest | slowest | starts |", "|---|---|---|---|---|"]
        return text + ["| `%s` | **%.3f** | %.3f | %.3f | %d |" % (n, statistics.median(t), min(t), max(t), len(t)) for n, t in times.items()]

    def products(self):
        found = sorted((WORK / "torch").glob("lib/python*/site-packages/numpy.libs/libscipy_openblas*.so"))
        shapes = ["GPT2_UP"] if self.quick else ["GPT2_UP", "GPT2_DOWN", "LLAMA_GATE_UP"]
        return [self.program("ProductTable", self.threads, *shapes, properties=[f"-Ddiopter.bench.openblas={f}" for f in found[:1]])]

    def scaling(self):
        models = ["llama-110m"] if self.quick else ["gpt2-small", "llama-110m", "llama-110m-bf16"]
        return [self.program("ScalingTable", max(2, self.threads), *models)]

    def allocation(self):
        return [self.program("AllocationTable", self.threads, 128, *(["gpt2-small"] if self.quick else ["gpt2-small", "llama-110m"]))]


def write(name, text):
    page = ROOT / "docs" / "performance.md"
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.read_text().split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    options = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    options.add_argument("--tables", default=",".join(TABLES), help="which tables, all unless given")
    options.add_argument("--rounds", type=int, default=20, help="pairs of the shorter jobs beside peers; hooks take 50 or more (10 with --quick)")
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--quick", action="store_true", help="fewer models, shapes and pairs: at most 9 minutes on 2 cores")
    options.add_argument("--write", action="store_true", help="write the tables into docs/performance.md")
    options.add_argument("--real-model", default=REAL_MODEL, help="its folder, target/real-model unless given")
    o = options.parse_args()
    if o.quick:
        o.rounds = min(o.rounds, 8)
    names = o.tables.split(",")
    if unknown := [n for n in names if n not in TABLES]:
        options.error(f"--tables: expected some of {','.join(TABLES)}, got {unknown[0]}")
    WORK.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(o)
    # A folder's place on this machine says nothing to readers of the page.
    real = [] if o.real_model == REAL_MODEL else ["--real-model FOLDER"]
    command = " ".join(["python3 bench/compare/compare.py", f"--tables {o.tables} --rounds {o.rounds} --threads {o.threads}", *real, *(["--quick"] if o.quick else []), *(["--write"] if o.write else [])])
    for name in names:
        print(f"{name}:", file=sys.stderr)
        table = getattr(comparison, name)()
        ready = f"; {comparison.ready}" if name in ("peers", "hooks") else ""
        text = "\n".join([f"Machine: {machine()}{ready}; {o.threads} threads. Date: {datetime.date.today()}. Command: `{command}`.", "", *table])
        print(text + "\n", flush=True)
        if o.write:
            write(name, text)


if __name__ == "__main__":
    main()
