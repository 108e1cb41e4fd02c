"""All that needs a GPU, as one command of six minutes: what a first run on a machine would find out.

    python tests/bench/gpu.py --out DIR [--limit 360] [--stages steps,precision,...] [--device cuda]

It needs no network: ganbench and its dependencies installed, and MNIST's files under $GANBENCH_DATA. The most valuable
stage comes first. Each has a share of the time and a process of its own, which is ended when that is over: whatever
fails or hangs costs the others nothing. Every result is printed and appended to DIR/gpu.jsonl as soon as it is there.
At the end it writes tables for docs/performance.md to DIR/tables.md. On a CPU it runs too, and says nothing of speed.

    device       what there is
    steps        every variant on points and on digits: eager and captured, the same bits?, rounds a second, memory
    tests        the tests marked `cuda`: captured and eager rounds, precisions, resumed runs, no word to the host
    tutorial     the loop of most tutorials on `gan`'s networks, for comparison
    precision    rounds a second of the same captured steps in TF32 and bfloat16
    metrics      judging 10,000 digits: device against CPU, agreement and time
    suite        `ganbench run`: two seeds of the standard suite's ring, at a small scale, to a page
    estimate     `ganbench run suites/standard.toml --dry-run --json`, and beside it what the formula of hour.py says
    pacgan       the ring's GAN and PacGAN2 at full length by pacgan.py, in whatever time is left: --limit 3600 for all
"""

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from hour import H100, training_s
from torch import nn, optim

from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.judging import Judgement, Work
from ganbench.runs.operations import stages
from ganbench.runs.run import build
from ganbench.runs.sampling import training_data
from ganbench.runs.spec import RunSpec
from ganbench.runs.training import train
from ganbench.suite.loading import load

ROOT = Path(__file__).parents[2]
BEGAN = time.monotonic()
ROUNDS = 20  # of the comparison of eager and captured steps
SPARE_S = 4.0  # of a stage's time, in which nothing more is begun
ON_A_DEVICE = ("fid", "kid", "precision", "recall", "density", "coverage", "ndb", "ndb_jsd", "authenticity", "ct")
Row = dict[str, Any]


class Bench:
    """What all stages share: the device, the pairs of the standard suite, and where results go."""

    def __init__(self, out: Path, device: str, seconds: float, only: str):
        self.out, self.device, self.seconds, self.only = out, torch.device(device), seconds, only
        out.mkdir(parents=True, exist_ok=True)
        self.log = out / "gpu.jsonl"
        self.begin = self.log.stat().st_size if self.log.exists() else 0  # of this call's own rows
        self.specs = standard()
        self.deadline = float("inf")
        self.left_out = 0

    def say(self, stage: str, **row: object) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"stage": stage, **row}, default=str) + "\n")
        print(stage, *(f"{name}={value}" for name, value in row.items()), flush=True)

    @property
    def rows(self) -> list[Row]:
        """All that has been said so far, by whichever process; but for a line in which one was ended."""
        found = list[Row]()
        for line in self.log.read_bytes()[self.begin :].splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
        return found

    def attempt(self, stage: str, work: Callable[[], Row | None], **about: object) -> None:
        """One row, whatever happens; nothing once the stage's time is over."""
        if time.monotonic() > self.deadline:
            self.left_out += 1
            return
        try:
            if (row := work()) is not None:
                self.say(stage, **about, **row)
        except Exception as error:
            frames = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]]
            first = next(iter(str(error).splitlines()), "")
            self.say(stage, **about, FAILED=f"{type(error).__name__}: {first}"[:300], at=" ".join(frames))

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def pairs(self, dataset: str = "") -> Iterator[tuple[str, RunSpec]]:
        """The standard suite's variants on one of its datasets, or on each; the points of the ring first."""
        for (label, data), spec in sorted(self.specs.items(), key=lambda item: ("ring" not in item[0][1], item[0])):
            if dataset in data and fnmatch(label, self.only):
                yield f"{label} on {data}", spec


def standard() -> dict[tuple[str, str], RunSpec]:
    runs = load(ROOT / "suites" / "standard.toml").runs
    trained = [run for run in runs if run.variant.load("variants").kind == "variant"]
    return {(run.label, run.dataset_label): run for run in reversed(trained)}


def device(bench: Bench) -> None:
    cuda = bench.device.type == "cuda"
    about = torch.cuda.get_device_properties(bench.device) if cuda else None
    bench.say(
        "device", name=about.name if about else "a CPU", GiB=about.total_memory >> 30 if about else 0,
        cores=os.cpu_count(), torch=torch.__version__, python=sys.version.split()[0], date=date.today(),
    )  # fmt: skip


def tests(bench: Bench) -> None:
    marked = [str(file) for file in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.cuda" in file.read_text()]
    command = [sys.executable, "-P", "-m", "pytest", "-m", "cuda", "-v", "--no-header", "-p", "no:cacheprovider"]
    side_by_side = ["-n", "4"] if find_spec("xdist") else []
    _command(bench, "tests", [*command, *side_by_side, *marked])


def steps(bench: Bench) -> None:
    for what, spec in bench.pairs():
        if "grid" not in what:
            bench.attempt("steps", lambda spec=spec: _eager_and_captured(bench, spec), pair=what)  # type: ignore[misc]


def _eager_and_captured(bench: Bench, spec: RunSpec) -> Row:
    ends, speeds, curves = [], [], []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for capture in (False, True):
            work, data = _prepared(bench, spec)
            torch.manual_seed(1)
            curves.append([*train(work.variant, data, Budget("updates", ROUNDS), Ledger(), 2, capture=capture)])
            ends.append({name: tensor.clone() for name, tensor in work.variant.state_dict().items()})
            speeds.append(_rounds_a_second(bench, work, data, capture=capture))
    eager, captured = ends
    apart = max(
        float((eager[name].float() - captured[name].float()).abs().max() / (eager[name].float().abs().max() + 1e-12))
        for name in eager
        if eager[name].numel()
    )
    same = all(eager[name].equal(captured[name]) for name in eager) and curves[0] == curves[1]
    return {
        "batch": work.variant.batch, "eager_rounds_s": speeds[0], "captured_rounds_s": speeds[1],
        "ratio": round(speeds[1] / speeds[0], 2), "same_bits": same, "apart": f"{apart:.1e}", "MiB": _memory(bench),
        "full_run_min": _full_run_min(spec, work, speeds[1]),
        "refused": next((str(one.message) for one in said if "captured" in str(one.message)), ""),
    }  # fmt: skip


def _prepared(bench: Bench, spec: RunSpec) -> tuple[Work, Any]:
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(bench.device)
    work = build(spec, bench.device)
    data = training_data(work.variant, work.dataset, bench.device)
    work.variant.prepare(data)
    return work, data


def _rounds_a_second(bench: Bench, work: Work, data: Any, **more: Any) -> float:
    """Near the end of a budget, when all that grows has grown; what is allocated and recorded once is not counted."""
    ledger = Ledger(seconds=900 * bench.seconds, rounds=10**6)
    running = iter(train(work.variant, data, Budget("seconds", bench.seconds * 1_000), ledger, 1_000, **more))
    next(running)
    bench.wait()
    rounds, started = ledger.rounds, time.perf_counter()
    while time.perf_counter() - started < bench.seconds:
        next(running)
    bench.wait()
    return round((ledger.rounds - rounds) / (time.perf_counter() - started), 1)


def _memory(bench: Bench) -> int:
    return torch.cuda.max_memory_allocated(bench.device) >> 20 if bench.device.type == "cuda" else 0


def _full_run_min(spec: RunSpec, work: Work, speed: float) -> float:
    one = Ledger()
    for player in work.variant.players:
        one.images += player.repeats * work.variant.batch * work.variant.domains if player.sees_data else 0
    return round(1 / spec.budget.spent(one) / speed / 60, 1) if spec.budget.unit == "images" else float("nan")


def tutorial(bench: Bench) -> None:
    """`gan`'s networks on digits of 28 x 28 pixels as most tutorials train them: a loader, copies, and eager steps."""
    device = bench.device
    g = nn.Sequential(nn.Linear(100, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 1024), nn.ReLU(),
                      nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))).to(device)  # fmt: skip
    d = nn.Sequential(nn.Flatten(), nn.Linear(784, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 512), nn.LeakyReLU(0.2),
                      nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1), nn.Sigmoid()).to(device)  # fmt: skip
    d_optimizer, g_optimizer = (optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (d, g))
    digits = [(x * 2 - 1, 0) for x in torch.rand(4_096, 1, 28, 28)]
    bce, rounds, started = nn.BCELoss(), 0, time.perf_counter()
    while time.perf_counter() - started < bench.seconds:
        for x, _ in torch.utils.data.DataLoader(digits, batch_size=64, shuffle=True):
            x = x.to(device)
            one, zero = torch.ones(len(x), 1, device=device), torch.zeros(len(x), 1, device=device)
            d_optimizer.zero_grad()
            bce(d(x), one).backward()
            fake = g(torch.randn(len(x), 100, device=device))
            bce(d(fake.detach()), zero).backward()
            d_optimizer.step()
            g_optimizer.zero_grad()
            bce(d(fake), one).backward()
            g_optimizer.step()
            rounds += 1
    bench.wait()
    bench.say("tutorial", rounds_s=round(rounds / (time.perf_counter() - started), 1))


def precision(bench: Bench) -> None:
    for what, spec in bench.pairs("mnist"):
        for precise in ("tf32", "bfloat16"):
            bench.attempt("precision", lambda spec=spec, p=precise: _speed_in(bench, spec, p), pair=what)  # type: ignore


def _speed_in(bench: Bench, spec: RunSpec, precise: Any) -> Row:
    work, data = _prepared(bench, spec)
    speed = _rounds_a_second(bench, work, data, precision=precise)
    return {"precision": precise, "rounds_s": speed, "MiB": _memory(bench),
            "full_run_min": _full_run_min(spec, work, speed)}  # fmt: skip


def metrics(bench: Bench) -> None:
    """Judging 10,000 digits of an untrained network by the metrics whose heavy part a device can do."""
    spec = next(spec for _, spec in bench.pairs("mnist") if spec.variant.name == "gan")
    spec = replace(spec, curves=tuple(name for name in spec.metrics if name in ON_A_DEVICE))
    values: dict[str, dict[str, float]] = {}
    work = build(spec, torch.device("cpu"))
    drawn = Judgement(spec, work).draw("validation")
    Judgement(spec, work).scores(drawn._replace(x=-drawn.x.to(bench.device)), "validation", "curve", 0)  # what is kept
    for place in dict.fromkeys([bench.device.type, "cpu"]):
        started = time.perf_counter()
        rows, _ = Judgement(spec, work).scores(drawn._replace(x=drawn.x.to(place)), "validation", "curve", 0)
        bench.say("metrics", device=place, seconds=round(time.perf_counter() - started, 2))
        values[place] = {row["metric"]: row["value"] for row in rows}
    if len(values) > 1:
        there, here = values.values()
        apart = {name: f"{abs(here[name] - there[name]) / (abs(here[name]) + 1e-9):.1e}" for name in here}
        bench.say("metrics", relative_difference=apart)


def suite(bench: Bench) -> None:
    with tempfile.TemporaryDirectory() as results:
        _ganbench(bench, "suite", "run", "suites/standard.toml", "--scale", "0.01", "--only", "*/ring8/[01]",
                  "--device", bench.device.type, "--results", results)  # fmt: skip
        for page in Path(results).rglob("report.html"):
            shutil.copy(page, bench.out / "page.html")


def estimate(bench: Bench) -> None:
    _ganbench(bench, "estimate", "run", "suites/standard.toml", "--dry-run", "--json", "--device", bench.device.type)
    for what, spec in bench.pairs():
        bench.attempt("estimate", lambda spec=spec: _by_the_formula(bench, spec), pair=what)  # type: ignore[misc]


def _by_the_formula(bench: Bench, spec: RunSpec) -> Row:
    """Minutes of training by the rounds measured in `steps`, and by the formula of `hour.py`."""
    what = f"{spec.label} on {spec.dataset_label}"
    measured = [row.get("full_run_min") for row in bench.rows if (row["stage"], row.get("pair")) == ("steps", what)]
    dataset = spec.build_dataset()
    found = stages(lambda: spec.build_variant(dataset), dataset.spec, spec.budget)
    return {"measured_min": measured[-1] if measured else None, "formula_min": round(training_s(found, H100) / 60, 1)}


def _ganbench(bench: Bench, stage: str, *arguments: str) -> None:
    _command(bench, stage, [sys.executable, "-P", "-m", "ganbench", *arguments])


def pacgan(bench: Bench) -> None:
    script = str(Path(__file__).with_name("pacgan.py"))
    with tempfile.TemporaryDirectory() as samples:
        _command(bench, "pacgan", [sys.executable, script, "--out", samples, "--device", bench.device.type])


def _command(bench: Bench, stage: str, command: list[str]) -> None:
    """Run it in the time that the stage has left; what it prints is kept, and its end shown."""
    left = max(1.0, bench.deadline - time.monotonic())
    started = time.perf_counter()
    with (bench.out / f"{stage}.txt").open("w") as log:
        try:
            code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=left).returncode
        except subprocess.TimeoutExpired:
            code = -1
    said = (bench.out / f"{stage}.txt").read_text(errors="replace")
    bench.say(stage, code=code, seconds=round(time.perf_counter() - started), end=(said.splitlines() or [""])[-1][:200])
    print(said[-3_000:], flush=True)


# Stages in the order of their worth, and the share of the time each may take.
STAGES: dict[str, tuple[Callable[[Bench], None], float]] = {
    "device": (device, 0.1), "steps": (steps, 0.35), "tests": (tests, 0.25), "tutorial": (tutorial, 0.05),
    "precision": (precision, 0.15), "metrics": (metrics, 0.15), "suite": (suite, 0.3), "estimate": (estimate, 0.3),
    "pacgan": (pacgan, 1.0),
}  # fmt: skip


def in_a_process(bench: Bench, stage: str, seconds: float) -> str:
    """Do a stage, and end it and all that it has started after so many seconds; how it ended, if not well."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ganbench.executors.warm", "ganbench.suite.loading"])  # nothing on the device
    process = context.Process(target=_stage, args=(bench, stage, seconds))
    process.start()
    process.join(seconds)
    late = process.is_alive()
    assert process.pid, "it has been started"
    with suppress(ProcessLookupError, PermissionError):  # it leads a group of its own, if it came so far
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    return "stopped at its limit" if late else f"exit code {process.exitcode}" if process.exitcode else ""


def _stage(bench: Bench, stage: str, seconds: float) -> None:
    os.setsid()
    bench.deadline = time.monotonic() + seconds - SPARE_S
    bench.attempt(stage, lambda: STAGES[stage][0](bench))  # type: ignore[func-returns-value]
    if bench.left_out:
        bench.say(stage, left_out=bench.left_out)


def tables(bench: Bench) -> str:
    """Markdown for docs/performance.md: a table per stage."""
    lines, said = [], bench.rows
    for stage in STAGES:
        rows = [{k: v for k, v in row.items() if k != "stage"} for row in said if row["stage"] == stage]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        lines += [f"### {stage}", "", "| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
        lines += ["| " + " | ".join(str(row.get(name, "")) for name in columns) + " |" for row in rows] + [""]
    return "\n".join(lines)


def main() -> None:
    ask = argparse.ArgumentParser(description="All that needs a GPU, in one command.")
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--device", default="cuda")
    ask.add_argument("--limit", type=float, default=360.0, help="seconds in all")
    ask.add_argument("--seconds", type=float, default=0.7, help="of each measurement of speed")
    ask.add_argument("--only", default="*", help="variants, as in the shell")
    ask.add_argument("--stages", default=",".join(STAGES))
    given = ask.parse_args()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    os.environ["PYTHONUNBUFFERED"] = "1"  # what is ended before its end has printed so far
    bench = Bench(given.out, given.device, given.seconds, given.only)
    for stage in given.stages.split(","):
        began = time.monotonic()
        left = min(STAGES[stage][1] * given.limit, BEGAN + given.limit - began)
        ended = in_a_process(bench, stage, left) if left > SPARE_S else "no time was left"
        bench.say("stage", name=stage, seconds=round(time.monotonic() - began), **({"FAILED": ended} if ended else {}))
        (given.out / "tables.md").write_text(tables(bench))


if __name__ == "__main__":
    main()
