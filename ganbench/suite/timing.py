"""What is said of a suite's time: before it how long it will take, after it how long it took, side by side."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ganbench.runs.spec import RunSpec
from ganbench.store.records import read_run
from ganbench.suite.driver import Plan
from ganbench.suite.estimate import Cost, Pair, Tried, elapsed, estimate, scale_for, trials

PATIENCE_S = 900.0  # that a suite may take on a machine that it is not meant for
TITLES = {"training": "training", "judging": "judging", "start": "start, saving"}


class PairTime(NamedTuple):
    """Seconds of all runs of a pair."""

    runs: int
    estimate: Cost | None
    outcome: Cost | None


def forecast(plan: Plan, console: Console) -> Tried:
    """Try what the plan's runs are made of, with a bar."""
    on_cpu = plan.runs and plan.executor.device == "cpu"
    torch.set_num_threads(plan.runs[0].threads if on_cpu else plan.executor.threads)
    columns = TextColumn("Trying {task.description}"), BarColumn(), MofNCompleteColumn()
    if not console.is_terminal:
        console.print("Estimating from a short trial of each variant, judge and metric.")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=trials(plan.runs))
        tried = estimate(
            plan.runs, torch.device(plan.executor.device),
            lambda what: bar.update(task, advance=1, description=escape(what)),
        )  # fmt: skip
    plan.executor.share(tried.memory)
    return tried


def announce(plan: Plan, tried: Tried, console: Console) -> None:
    """Say how long each pair takes, and the whole; on a machine that it is not meant for, what to do instead."""
    table = Table(
        "variant", "dataset", "runs", "budget of each", "minutes of each", "training", "judging",
        box=None, pad_edge=False,
    )  # fmt: skip
    for (label, data), runs in _pairs(plan.runs).items():
        cost, run = tried.cost(runs[0]), runs[0]
        minutes = [f"{seconds / 60:,.1f}" for seconds in (cost.total, cost.training, cost.judging)]
        if (label, data) in tried.failures:
            minutes = [f"fails: {tried.failures[label, data]}", "", ""]
        elif (label, data) in tried.guessed:
            minutes = [f"~{one}" for one in minutes]
        budget = f"{run.budget.amount:,.0f} {run.budget.unit}"
        table.add_row(*map(escape, (label, data, str(len(runs)), budget, *minutes)))
    console.print(table)
    if tried.guessed:
        console.print("~: not tried, but taken to be as the others. The next estimate remembers what has been tried.")
    executor = plan.executor
    seconds = elapsed(map(tried.cost, plan.runs), executor)
    console.print(f"About {spoken(seconds)} on {executor.device} with {executor.workers} worker(s) at a time.")
    if plan.suite.meant_for == "cuda" and executor.device == "cpu" and seconds > PATIENCE_S:
        console.print(
            f"{plan.suite.name} is meant for CUDA. On this machine rather try `ganbench run quick`, "
            f"or this suite with {_shorter(plan, tried)}."
        )


def times(plan: Plan, tried: Tried | None) -> dict[Pair, PairTime]:
    """What was estimated of the plan's pairs, and what their records say."""
    return {
        pair: PairTime(
            len(runs),
            None if tried is None or pair in tried.failures else sum(map(tried.cost, runs), Cost()),
            _outcome(plan, runs),
        )
        for pair, runs in _pairs(plan.runs).items()
    }


def as_json(plan: Plan, tried: Tried | None, took_s: float | None) -> dict[str, Any]:
    """The same in plain values; seconds."""
    whole = None if tried is None else elapsed(map(tried.cost, plan.runs), plan.executor)
    return {
        "suite": plan.suite.name, "device": plan.executor.device, "workers": plan.executor.workers,
        "estimate": whole, "outcome": took_s,
        "pairs": [
            {
                "variant": label, "dataset": data, "runs": time.runs,
                "estimate": time.estimate and time.estimate._asdict(),
                "outcome": time.outcome and time.outcome._asdict(),
            }
            for (label, data), time in times(plan, tried).items()
        ],
    }  # fmt: skip


def say_outcome(plan: Plan, tried: Tried | None, took_s: float, console: Console) -> None:
    """Estimate and outcome of the runs that were done now, side by side."""
    found = times(plan, tried).values()
    estimated = _sum(time.estimate for time in found) if tried is not None else None
    outcome = _sum(time.outcome for time in found)
    table = Table("time of all runs", "estimated", "taken", box=None, pad_edge=False)
    for name, title in TITLES.items():
        before = "" if estimated is None else spoken(getattr(estimated, name))
        table.add_row(title, before, spoken(getattr(outcome, name)))
    whole = "" if tried is None else spoken(elapsed(map(tried.cost, plan.runs), plan.executor))
    table.add_row(f"the suite, {plan.executor.workers} at a time", whole, spoken(took_s))
    console.print(table)


def spoken(seconds: float) -> str:
    """A length of time in the unit that one would say it in."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} hours"
    return f"{seconds / 60:,.0f} minutes" if seconds >= 120 else f"{seconds:,.0f} seconds"


def _shorter(plan: Plan, tried: Tried) -> str:
    """The options with which it takes no longer than one may have patience for, and how long that is."""
    one = [run for run in plan.runs if run.seed == plan.runs[0].seed]
    for runs, only in ((plan.runs, ""), (one, f" --only '*/*/{plan.runs[0].seed}'")):
        if scale := scale_for(runs, tried, plan.executor, PATIENCE_S):
            return f"`--scale {plan.runs[0].scale * scale:.1g}{only}`, about {spoken(PATIENCE_S)}"
    return "`--only` and a few of its variants"


def _pairs(runs: Iterable[RunSpec]) -> dict[Pair, list[RunSpec]]:
    found: dict[Pair, list[RunSpec]] = {}
    for run in runs:
        found.setdefault((run.label, run.dataset_label), []).append(run)
    return found


def _outcome(plan: Plan, runs: Sequence[RunSpec]) -> Cost | None:
    """Seconds that the runs' records say; None without any record."""
    records = [read_run(plan.store.path / run.id) for run in runs if plan.store.status(run.id)]
    return _sum(Cost(**record["seconds"]) for record in records if "seconds" in record) if records else None


def _sum(costs: Iterable[Cost | None]) -> Cost:
    return sum((cost for cost in costs if cost is not None), Cost())
