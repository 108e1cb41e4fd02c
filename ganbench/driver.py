"""The driver: which runs are missing, who does them, and what the terminal says meanwhile."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from time import monotonic, perf_counter

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from ganbench.budget import Budget, Ledger
from ganbench.errors import BadSuite, NoDevice
from ganbench.executors import Job, Progress
from ganbench.executors.local import Local, workers_and_threads
from ganbench.record import State, write_record
from ganbench.run import build, judged
from ganbench.runspec import RunSpec
from ganbench.sampling import to_device
from ganbench.store import Store
from ganbench.suite import Suite
from ganbench.training import train

PROBE_S = 0.5  # of training, to estimate a run's time
PROBE_SAMPLES = 1_000  # judged for it


@dataclass(frozen=True)
class Plan:
    """What a command is about to do."""

    suite: Suite
    store: Store
    device: str
    workers: int
    threads: int
    runs: tuple[RunSpec, ...]  # those still to do
    failed: int  # those asked for that failed before, and are not done again
    command: str


def plan(suite: Suite, results: Path, device: str, workers: int | None, only: str, retry: bool, command: str) -> Plan:
    """Find what is missing; writes nothing. Raises NoDevice, BadResults, or BadSuite if `only` fits nothing."""
    chosen = [run for run in suite.runs if _fits(run, only)]
    if not chosen:
        names = sorted({f"{run.label}/{run.dataset_label}" for run in suite.runs})
        raise BadSuite(f"--only {only!r} fits none of the runs: {', '.join(names)}, each with its /seed.")
    kind = choose_device(device).type
    store = Store(results, suite.name)
    ended = {run.id: store.status(run.id) for run in chosen}
    failed = [run for run in chosen if ended[run.id] not in (None, "done")]
    to_do = tuple(run for run in chosen if ended[run.id] is None or (retry and run in failed))
    workers, threads = workers_and_threads(kind, workers)
    return Plan(suite, store, kind, workers, threads, to_do, 0 if retry else len(failed), command)


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

    Raises BadResults if the store cannot be written.
    """
    entries = [_entry(run) for run in plan.suite.runs]
    plan.store.open(plan.suite.text, entries, plan.command, _commit(), plan.suite.published)
    jobs = [Job(run, plan.store.desk(run.id)) for run in plan.runs]
    endings: Counter[str] = Counter()
    executor = Local(plan.device, plan.workers, plan.threads)
    reports = executor(jobs)
    with _shown(jobs, console) as show:
        try:
            for report in reports:
                if report.status:
                    if report.status == "crashed":
                        _record_crash(report)
                    plan.store.publish(report.job.spec.id)
                    endings[report.status] += 1
                show(report)
        finally:
            reports.close()  # type: ignore[attr-defined]
    return endings.total() - endings["done"]


def announce(plan: Plan, console: Console) -> None:
    """Say what will be done and how long it takes here, from a short trial of each pair of variant and dataset."""
    table = Table("variant", "dataset", "runs", "budget of each", "minutes of each", box=None, pad_edge=False)
    seconds, pairs = 0.0, Counter((run.label, run.dataset_label) for run in plan.runs)
    torch.set_num_threads(plan.threads)
    with console.status("Timing a short trial of each variant"):
        for run in {(run.label, run.dataset_label): run for run in reversed(plan.runs)}.values():
            n = pairs[run.label, run.dataset_label]
            try:
                each = estimate_seconds(run, torch.device(plan.device))
                spoken = f"{each / 60:,.1f}"
            except Exception as error:  # a variant's own affair: its run will be a row that says so
                each, spoken = 0.0, f"fails: {type(error).__name__}"
            seconds += n * each
            table.add_row(
                escape(run.label), escape(run.dataset_label), str(n),
                f"{run.budget.amount:,.0f} {run.budget.unit}", escape(spoken),
            )  # fmt: skip
    console.print(table)
    hours = seconds / plan.workers / 3600
    console.print(f"About {_spoken(hours)} on {plan.device} with {plan.workers} worker(s) at a time.")
    if plan.suite.meant_for == "cuda" and plan.device == "cpu":
        scale = min(1.0, max(1e-4, 0.3 / hours)) if hours else 1.0
        console.print(
            f"{plan.suite.name} is meant for CUDA. On this machine rather try `ganbench run quick`, "
            f"or this suite with `--scale {scale:.1g}`."
        )


def estimate_seconds(spec: RunSpec, device: torch.device) -> float:
    """A run's time, from half a second of its training and one judgement."""
    work = build(spec, device)
    data = to_device(work.dataset.train(), device)
    work.variant.prepare(data)
    started = perf_counter()
    few = replace(spec, samples=min(spec.samples, PROBE_SAMPLES))
    judged(few, work, "validation", "curve", 0)
    judging = (perf_counter() - started) * spec.samples / few.samples
    if not work.variant.players:
        return 3 * judging
    for _ in train(work.variant, data, Budget("seconds", PROBE_S / 5), Ledger(), laps=1):
        pass  # the first rounds are slower than those to come
    ledger = Ledger()
    for _ in train(work.variant, data, Budget("seconds", PROBE_S), ledger, laps=1):
        pass
    return ledger.seconds / spec.budget.spent(ledger) + judging * (spec.evaluations + 2)


def _fits(run: RunSpec, only: str) -> bool:
    names = (run.label, f"{run.label}/{run.dataset_label}", f"{run.label}/{run.dataset_label}/{run.seed}", run.id)
    return any(fnmatch(name, only) for name in names)


def _entry(run: RunSpec) -> dict[str, object]:
    return {"run": run.id, "label": run.label, "variant": run.variant.name, "dataset": run.dataset_label,
            "seed": run.seed, "scale": run.scale}  # fmt: skip


def _commit() -> str:
    """The commit of the working folder; empty where there is none."""
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()
    return ""


def _record_crash(report: Progress) -> None:
    """Write the record that a killed process could not write."""
    state = State(ledger=Ledger(images=report.images))
    write_record(report.job.spec, report.job.desk, report.status, report.reason, state, None)


@contextmanager
def _shown(jobs: list[Job], console: Console) -> Iterator:  # type: ignore[type-arg]
    """A bar for the suite and one for each run; without a terminal, a line for each run that ended."""
    if not console.is_terminal:
        yield _Lines(len(jobs), console)
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bars(*columns, console=console, transient=True) as bars:
        yield _Bars(jobs, bars)


class _Lines:
    def __init__(self, n: int, console: Console):
        self.n, self.ended, self.console = n, 0, console
        self.started: dict[str, float] = {}

    def __call__(self, report: Progress) -> None:
        since = self.started.setdefault(report.job.spec.id, monotonic())
        if report.status:
            self.ended += 1
            self.console.print(
                f"{self.ended}/{self.n} {escape(str(report.job.spec))}: {report.status} "
                f"in {monotonic() - since:.0f} s {escape(report.reason)}".rstrip()
            )


class _Bars:
    def __init__(self, jobs: list[Job], bars: Bars):
        self.bars = bars
        self.all = bars.add_task("runs", total=len(jobs))
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, report: Progress) -> None:
        spec = report.job.spec
        if spec.id not in self.tasks:
            self.tasks[spec.id] = self.bars.add_task(escape(str(spec)), total=100)
        task = self.tasks[spec.id]
        self.bars.update(task, completed=round(100 * report.share))
        if report.status:
            self.bars.remove_task(task)
            self.bars.advance(self.all)
        if report.status not in ("", "done"):
            self.bars.console.print(f"[red]{escape(str(spec))}: {report.status}.[/red] {escape(report.reason)}")


def _spoken(hours: float) -> str:
    if hours >= 1:
        return f"{hours:,.1f} hours"
    return f"{hours * 60:,.0f} minutes" if hours * 60 >= 2 else f"{hours * 3600:,.0f} seconds"
