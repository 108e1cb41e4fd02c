"""All that needs a GPU, as one command of six minutes: what a first run on a machine would find out.

    python tests/bench/gpu.py --out DIR [--limit 360] [--stages steps,precision,...] [--device cuda]

It needs no network: ganbench and its dependencies installed, and MNIST's files under $GANBENCH_DATA. The most valuable
stage comes first, each has a share of the time, and every result is printed and appended to DIR/gpu.jsonl as soon as
it is there. At the end it prints tables for docs/performance.md. On a CPU it runs too, and says nothing of speed.

    tests        the tests marked `cuda`
    steps        every variant on points and on digits: eager and captured, the same bits?, rounds a second, memory
    tutorial     the loop of most tutorials on `gan`'s networks, for comparison
    resume       a run stopped halfway and resumed against one that was not
    precision    rounds a second of the same captured steps in TF32 and bfloat16
    metrics      judging 10,000 digits: device against CPU, agreement and time
    suite        `ganbench run`: one seed of the standard suite's ring, at a small scale, to a page
    estimate     `ganbench run suites/standard.toml --dry-run --json`, and beside it what the formula of hour.py says
    pacgan       the ring's GAN and PacGAN2 at full length by pacgan.py, in whatever time is left: --limit 3600 for all
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from hour import H100, training_s
from torch import nn, optim

from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.judging import Judgement, Work
from ganbench.runs.operations import stages
from ganbench.runs.record import State
from ganbench.runs.run import build, judge_at_end, resume, train_and_judge
from ganbench.runs.sampling import training_data
from ganbench.runs.spec import RunSpec
from ganbench.runs.training import train
from ganbench.suite.loading import load

ROOT = Path(__file__).parents[2]
ROUNDS = 20  # of the comparison of eager and captured steps
Row = dict[str, Any]


class Bench:
    """What all stages share: the device, the pairs of the standard suite, and where results go."""

    def __init__(self, out: Path, device: torch.device, seconds: float, only: str):
        self.out, self.device, self.seconds, self.only = out, device, seconds, only
        out.mkdir(parents=True, exist_ok=True)
        self.log = (out / "gpu.jsonl").open("a", encoding="utf-8")
        self.rows: list[Row] = []
        self.deadline = float("inf")

    def say(self, stage: str, **row: object) -> None:
        self.rows.append({"stage": stage, **row})
        self.log.write(json.dumps(self.rows[-1], default=str) + "\n")
        self.log.flush()
        print(stage, *(f"{name}={value}" for name, value in row.items()), flush=True)

    def attempt(self, stage: str, work: Callable[[], Row | None], **about: object) -> None:
        """One row, whatever happens; nothing once the stage's time is over."""
        if time.monotonic() > self.deadline:
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

    @cached_property
    def specs(self) -> dict[tuple[str, str], RunSpec]:
        runs = load(ROOT / "suites" / "standard.toml").runs
        trained = [run for run in runs if run.variant.load("variants").kind == "variant"]
        return {(run.label, run.dataset_label): run for run in reversed(trained)}


def tests(bench: Bench) -> None:
    command = [sys.executable, "-P", "-m", "pytest", "-m", "cuda", "-q", "--no-header", "-p", "no:cacheprovider"]
    ran = subprocess.run([*command, "tests/runs"], cwd=ROOT, capture_output=True, text=True)
    bench.say("tests", outcome=ran.stdout.strip().splitlines()[-1:], code=ran.returncode)
    (bench.out / "tests.txt").write_text(ran.stdout + ran.stderr)


def steps(bench: Bench) -> None:
    for what, spec in bench.pairs():
        if "grid" not in what:
            bench.attempt("steps", lambda spec=spec: _eager_and_captured(bench, spec), pair=what)  # type: ignore[misc]


def _eager_and_captured(bench: Bench, spec: RunSpec) -> Row:
    ends, speeds, curves = [], [], []
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
    }  # fmt: skip


def _prepared(bench: Bench, spec: RunSpec) -> tuple[Work, Any]:
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(bench.device)
    work = build(spec, bench.device)
    data = training_data(work.variant, work.dataset, bench.device)
    work.variant.prepare(data)
    return work, data


def _rounds_a_second(bench: Bench, work: Work, data: Any, **more: Any) -> float:
    """At the end of the budget, when all that grows has grown; what comes before the third round is not counted."""
    ledger = Ledger(images=10**12, rounds=10**6)  # far along: progress is 1
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


def resumed(bench: Bench) -> None:
    for what, spec in bench.pairs("ring8"):
        few = replace(spec, samples=500, evaluations=2, metrics=("modes", "reverse_kl"), budget=Budget("updates", 40))
        bench.attempt("resume", lambda few=few: _stopped_and_whole(bench, few), pair=what)  # type: ignore[misc]


def _stopped_and_whole(bench: Bench, spec: RunSpec) -> Row:
    ends = []
    for stops in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            workdir, state, work = Path(folder), State(), build(spec, bench.device)
            for share in train_and_judge(Judgement(spec, work), state, workdir):
                if stops and share >= 0.5:
                    break
            if stops:
                work = build(spec, bench.device)
                state = resume(work, workdir)
                assert 0 < state.ledger.rounds < 40, "it goes on from where it stopped"
                for _ in train_and_judge(Judgement(spec, work), state, workdir):
                    pass
            end = {name: tensor.clone() for name, tensor in work.variant.state_dict().items()}
            judge_at_end(Judgement(spec, work), state, workdir)
            ends.append((end, [row["value"] for row in state.scores]))
    (whole, scores), (stopped, its_scores) = ends
    return {"same_bits": all(whole[n].equal(stopped[n]) for n in whole), "same_scores": scores == its_scores}


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
    """Each judgement of 10,000 digits of an untrained network, with every metric of a curve."""
    spec = next(spec for (_, data), spec in bench.specs.items() if "mnist" in data)
    values: dict[str, dict[str, float]] = {}
    for device in dict.fromkeys(["cpu", bench.device.type]):
        work = build(spec, torch.device("cpu"))
        judgement = Judgement(spec, work)
        drawn = judgement.draw("validation")
        moved = drawn._replace(x=drawn.x.to(device))
        judgement.scores(moved, "validation", "curve", 0)  # what is kept for all runs
        judgement = Judgement(spec, work)
        started = time.perf_counter()
        rows, _ = judgement.scores(moved, "validation", "curve", 0)
        bench.say("metrics", device=device, seconds=round(time.perf_counter() - started, 2))
        values[device] = {row["metric"]: row["value"] for row in rows}
    if len(values) > 1:
        here, there = values.values()
        apart = {name: f"{abs(here[name] - there[name]) / (abs(here[name]) + 1e-9):.1e}" for name in here}
        bench.say("metrics", relative_difference=apart)


def suite(bench: Bench) -> None:
    _ganbench(bench, "suite", "run", "suites/standard.toml", "--scale", "0.01", "--only", "*/ring8/0",
              "--device", bench.device.type, "--results", str(bench.out / "results"))  # fmt: skip


def estimate(bench: Bench) -> None:
    _ganbench(bench, "estimate", "run", "suites/standard.toml", "--dry-run", "--device", bench.device.type)
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
    _command(
        bench, "pacgan", [sys.executable, script, "--out", str(bench.out / "pacgan"), "--device", bench.device.type]
    )


def _command(bench: Bench, stage: str, command: list[str]) -> None:
    """Run it in the time that the stage has left; what it prints is kept, and its end shown."""
    left = max(5.0, min(bench.deadline, 1e9) - time.monotonic())
    started = time.perf_counter()
    with (bench.out / f"{stage}.txt").open("w") as log:
        try:
            code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=left).returncode
        except subprocess.TimeoutExpired:
            code = -1
    bench.say(stage, code=code, seconds=round(time.perf_counter() - started))
    print((bench.out / f"{stage}.txt").read_text()[-3_000:])


# Stages in the order of their worth, and the share of the time each may take.
STAGES: dict[str, tuple[Callable[[Bench], None], float]] = {
    "steps": (steps, 0.35), "tests": (tests, 0.15), "tutorial": (tutorial, 0.02), "resume": (resumed, 0.1),
    "precision": (precision, 0.15), "metrics": (metrics, 0.1), "suite": (suite, 0.3), "estimate": (estimate, 0.3),
    "pacgan": (pacgan, 1.0),
}  # fmt: skip


def tables(bench: Bench) -> str:
    """Markdown for docs/performance.md: a table per stage."""
    lines = []
    for stage in STAGES:
        rows = [{k: v for k, v in row.items() if k != "stage"} for row in bench.rows if row["stage"] == stage]
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
    bench = Bench(given.out, torch.device(given.device), given.seconds, given.only)
    name = torch.cuda.get_device_name() if given.device == "cuda" else "a CPU"
    bench.say("device", name=name, torch=torch.__version__, python=sys.version.split()[0], date=date.today())
    end = time.monotonic() + given.limit
    for stage in given.stages.split(","):
        work, share = STAGES[stage]
        bench.deadline = min(end, time.monotonic() + share * given.limit)
        started = time.monotonic()
        if time.monotonic() < end - 5:
            work(bench)
        bench.say("stage", name=stage, seconds=round(time.monotonic() - started))
    (given.out / "tables.md").write_text(tables(bench))


if __name__ == "__main__":
    main()
