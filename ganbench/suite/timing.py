"""What is said of a suite's time: before it how long it will take, after it how long it took, side by side."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ganbench.executors import Executor
from ganbench.executors.apart import apart
from ganbench.runs.spec import RunSpec
from ganbench.store.records import read_run
from ganbench.suite.costs import Cost, Forecast, Pair, Turns, elapsed
from ganbench.suite.plan import Plan

TITLES = {"training": "training", "judging": "judging", "start": "start, saving"}


class PairTime(NamedTuple):
    """Seconds of all runs of a pair."""

    runs: int
    estimate: Cost | None
    outcome: Cost | None


def forecast(plan: Plan, console: Console) -> Forecast:
    """Try what the plan's runs are made of, with a bar, in another process: it takes torch, and memory of a GPU."""
    executor, suite = plan.executor, plan.suite
    threads = plan.runs[0].threads if plan.runs and executor.device == "cpu" else executor.threads
    columns = TextColumn("Trying {task.description}"), BarColumn(), MofNCompleteColumn()
    if not console.is_terminal:
        console.print("Estimating from a short trial of each variant, judge and metric.")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        pairs = _pairs(plan.runs)
        task = bar.add_task("", total=len(pairs) + len({data for _, data in pairs}))
        found = apart(
            _forecast, plan.runs, threads, _turns(executor), suite.meant_for,
            hear=lambda what: bar.update(task, advance=1, description=escape(what)),
        )  # fmt: skip
    executor.share(found.memory)
    return found


def _forecast(
    runs: Sequence[RunSpec], threads: int, turns: Turns, meant_for: str, say: Callable[[str], None]
) -> Forecast:
    from ganbench.suite import estimate

    return estimate.forecast(runs, threads, turns, meant_for, say)


def announce(plan: Plan, tried: Forecast, console: Console) -> None:
    """Say how long each pair takes, and the whole; on a machine that it is not meant for, what to do instead."""
    table = Table(
        "variant", "dataset", "runs", "budget of each", "minutes of each", "training", "judging",
        box=None, pad_edge=False,
    )  # fmt: skip
    for (label, data), runs in _pairs(plan.runs).items():
        cost, run = tried.cost((label, data)), runs[0]
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
    turns = _turns(plan.executor)
    console.print(f"About {spoken(_whole(plan, tried))} on {turns.device} with {turns.workers} worker(s) at a time.")
    if tried.shorter:
        console.print(
            f"{plan.suite.name} is meant for CUDA. On this machine rather try `ganbench run quick`, "
            f"or this suite with {tried.shorter}."
        )


def times(plan: Plan, tried: Forecast | None) -> dict[Pair, PairTime]:
    """What was estimated of the plan's pairs, and what their records say."""
    return {
        pair: PairTime(
            len(runs),
            None if tried is None or pair in tried.failures else sum([tried.cost(pair)] * len(runs), Cost()),
            _outcome(plan, runs),
        )
        for pair, runs in _pairs(plan.runs).items()
    }


def as_json(plan: Plan, tried: Forecast | None, took_s: float | None) -> dict[str, Any]:
    """The same in plain values; seconds."""
    whole = None if tried is None else _whole(plan, tried)
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


def say_outcome(plan: Plan, tried: Forecast | None, took_s: float, console: Console) -> None:
    """Estimate and outcome of the runs that were done now, side by side."""
    found = times(plan, tried).values()
    estimated = _sum(time.estimate for time in found) if tried is not None else None
    outcome = _sum(time.outcome for time in found)
    table = Table("time of all runs", "estimated", "taken", box=None, pad_edge=False)
    for name, title in TITLES.items():
        before = "" if estimated is None else spoken(getattr(estimated, name))
        table.add_row(title, before, spoken(getattr(outcome, name)))
    whole = "" if tried is None else spoken(_whole(plan, tried))
    table.add_row(f"the suite, {plan.executor.workers} at a time", whole, spoken(took_s))
    console.print(table)


def spoken(seconds: float) -> str:
    """A length of time in the unit that one would say it in."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} hours"
    return f"{seconds / 60:,.0f} minutes" if seconds >= 120 else f"{seconds:,.0f} seconds"


def _whole(plan: Plan, tried: Forecast) -> float:
    """Seconds that all runs of the plan take together."""
    return elapsed((tried.cost((run.label, run.dataset_label)) for run in plan.runs), _turns(plan.executor))


def _turns(executor: Executor) -> Turns:
    return Turns(executor.device, executor.workers, executor.devices)


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
