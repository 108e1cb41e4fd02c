"""The driver: which runs are missing, and who does them."""

import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ganbench import plugins
from ganbench.errors import BadSuite, NoDevice
from ganbench.executors import Executor, Job
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.judging import Judgement
from ganbench.runs.record import given_to
from ganbench.runs.run import build
from ganbench.runs.sampling import training_data
from ganbench.runs.spec import RunSpec
from ganbench.runs.training import train
from ganbench.store import Store
from ganbench.store.columns import Checkpoint
from ganbench.suite.language import OnFailure
from ganbench.suite.loading import Suite
from ganbench.suite.progress import SuiteProgress, progress_file
from ganbench.suite.publishing import Reports, published
from ganbench.suite.terminal import display

PROBE_S = 0.5  # of training, to estimate a run's time
PATIENCE = 0.3  # hours that a suite may take on a machine that it is not meant for
PROBE_SAMPLES = 1_000  # judged for it


@dataclass(frozen=True)
class Plan:
    """What a command is about to do."""

    suite: Suite
    store: Store
    executor: Executor
    runs: tuple[RunSpec, ...]  # those still to do
    failed: int  # those asked for that failed before, and are not done again
    command: str
    on_failure: OnFailure = "retry"


def plan(
    suite: Suite,
    results: Path,
    executor: Executor,
    only: str,
    retry: bool,
    command: str,
    on_failure: OnFailure | None = None,
) -> Plan:
    """Find what is missing; writes nothing. Raises BadResults, or BadSuite if `only` fits nothing."""
    chosen = [run for run in suite.runs if _fits(run, only)]
    if not chosen:
        names = sorted({f"{run.label}/{run.dataset_label}" for run in suite.runs})
        raise BadSuite(f"--only {only!r} fits none of the runs: {', '.join(names)}, each with its /seed.")
    store = Store(results, suite.name)
    ended = {run.id: store.status(run.id) for run in chosen}
    failed = [run for run in chosen if ended[run.id] not in (None, "done")]
    to_do = tuple(run for run in chosen if ended[run.id] is None or (retry and run in failed))
    return Plan(suite, store, executor, to_do, 0 if retry else len(failed), command, on_failure or suite.on_failure)


def choose_executor(name: str, device: str, workers: int | None = None) -> Executor:
    """The executor of that name, on a device that is there. Raises UnknownName or NoDevice."""
    executor: Executor = plugins.load("executors", name)(choose_device(device).type, workers)
    return executor


def choose_device(device: str) -> torch.device:
    """`auto` is CUDA where there is one. Raises NoDevice."""
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        built = f"torch {torch.__version__} is built for CUDA {torch.version.cuda}" if torch.version.cuda else (
            f"torch {torch.__version__} is built without CUDA")  # fmt: skip
        raise NoDevice(f"No CUDA device found: {built}. Use --device cpu, or see `ganbench doctor`.")
    return torch.device("cuda" if device == "cuda" or (device == "auto" and available) else "cpu")


def carry_out(plan: Plan, console: Console) -> int:
    """Do what is planned, publishing each record as it is finished; returns how many runs failed.

    Raises BadResults if the store cannot be written, or if another driver is at work in it.
    """
    with plan.store.claim():
        return _carry_out(plan, console)


def _carry_out(plan: Plan, console: Console) -> int:
    entries = [_entry(run) for run in plan.suite.runs]
    plan.store.open(plan.suite.text, entries, plan.command, _commit(), plan.suite.published)
    jobs = [Job(run, plan.store.workdir(run.id)) for run in plan.runs]
    to_do, progress = {run.id for run in plan.runs}, SuiteProgress(len(jobs))
    ended = [run.id for run in plan.suite.runs if run.id not in to_do and plan.store.status(run.id)]
    reports = cast(Reports, published(plan.executor, jobs, plan.store, plan.on_failure))
    with (
        closing(reports),
        progress_file(progress, plan.store.path) as note,
        display(progress, plan.store.path, ended, console) as show,
    ):
        for report in reports:
            progress.update(report)
            note()
            with suppress(OSError):  # a log that cannot be written
                show(report)
    if plan.on_failure == "stop" and progress.failed and progress.ended < progress.total:
        console.print("Stopped at the first failure, as on_failure says. The same command goes on from here.")
    return len(progress.failed)


def announce(plan: Plan, console: Console) -> None:
    """Say what will be done and how long it takes here, from a short trial of each pair of variant and dataset."""
    table = Table("variant", "dataset", "runs", "budget of each", "minutes of each", box=None, pad_edge=False)
    seconds, pairs = 0.0, Counter((run.label, run.dataset_label) for run in plan.runs)
    torch.set_num_threads(plan.executor.threads)
    with console.status("Timing a short trial of each variant"):
        for run in {(run.label, run.dataset_label): run for run in reversed(plan.runs)}.values():
            n = pairs[run.label, run.dataset_label]
            try:
                each = estimate_seconds(run, torch.device(plan.executor.device))
                spoken = f"{each / 60:,.1f}"
            except Exception as error:  # a variant's own affair: its run will be a row that says so
                each, spoken = 0.0, f"fails: {type(error).__name__}"
            seconds += n * each
            table.add_row(
                escape(run.label), escape(run.dataset_label), str(n),
                f"{run.budget.amount:,.0f} {run.budget.unit}", escape(spoken),
            )  # fmt: skip
    console.print(table)
    executor = plan.executor
    hours = seconds / executor.workers / 3600
    console.print(f"About {_spoken(hours)} on {executor.device} with {executor.workers} worker(s) at a time.")
    if plan.suite.meant_for == "cuda" and executor.device == "cpu" and hours > PATIENCE:
        scale = max(1e-4, plan.runs[0].scale * PATIENCE / hours)
        console.print(
            f"{plan.suite.name} is meant for CUDA. On this machine rather try `ganbench run quick`, "
            f"or this suite with `--scale {scale:.1g}`."
        )


def estimate_seconds(spec: RunSpec, device: torch.device) -> float:
    """A run's time, from half a second of its training and one judgement."""
    work = build(spec, device)
    data = training_data(work.variant, work.dataset, device)
    work.variant.prepare(data)
    few = replace(spec, samples=min(spec.samples, PROBE_SAMPLES))
    drawing, drawn = _timed(lambda: Judgement(few, work).draw("test"))

    def judging_s(checkpoint: Checkpoint) -> float:
        return _timed(lambda: Judgement(few, work).scores(drawn, "test", checkpoint, 0))[0]

    judging_s("last")  # what is kept for all runs, as of the training split, is no run's
    on_curve, at_end = judging_s("curve"), judging_s("last")
    judging = ((drawing + on_curve) * spec.evaluations + 2 * (drawing + at_end)) * spec.samples / few.samples
    if not work.variant.players:
        return judging
    for _ in train(work.variant, data, Budget("seconds", PROBE_S / 5), Ledger(), intervals=1):
        pass  # the first rounds are slower than those to come
    ledger = Ledger()
    for _ in train(work.variant, data, Budget("seconds", PROBE_S), ledger, intervals=1):
        pass
    return ledger.seconds / spec.budget.spent(ledger) + judging


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = perf_counter()
    result = work()
    return perf_counter() - started, result


def _fits(run: RunSpec, only: str) -> bool:
    names = (run.label, f"{run.label}/{run.dataset_label}", f"{run.label}/{run.dataset_label}/{run.seed}", run.id)
    return any(fnmatch(name, only) for name in names)


def _entry(run: RunSpec) -> dict[str, object]:
    variant = run.variant.load("variants")
    more = {"scale": run.scale, "control": variant.kind == "control", "given": given_to(variant)}
    return {**asdict(run.identity), **more}


def _commit() -> str:
    """The commit of the working folder; empty where there is none."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()
    return ""


def _spoken(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} hours"
    return f"{hours * 60:,.0f} minutes" if hours * 60 >= 2 else f"{hours * 3600:,.0f} seconds"
