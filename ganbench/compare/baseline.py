"""A baseline: what a suite's results once were, every seed's, and the rules that later ones are held to.

Scores are those of the last checkpoint on the test split. They have the value of every seed: None where a run failed,
or where the value is no number or beyond the metric's bounds; and no entry at all where a run that ended has no such
score. Speed is a score like any other, `images_per_second`; its conditions are device, processor, threads and
precision. Controls are left out, because they are what scores are read against, and so are samples from elsewhere,
whose budget nobody knows. No torch.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pandas import DataFrame, Series

from ganbench.compare.gate import SPEED, Gate
from ganbench.compare.matching import of_first_look
from ganbench.errors import BadResults
from ganbench.statistics.intervals import Floats, floats
from ganbench.store import Results
from ganbench.store.columns import MISSING, SENSES

CHECKPOINT = "last"

ENVIRONMENT = ["device", "processor", "threads", "platform", "python", "torch", "ganbench"]
MACHINE = ["device", "processor", "threads", "precision"]  # that a speed depends on
LEDGER = [
    "images", "rounds", "d_updates", "g_updates", "flops", "parameters_d", "parameters_g", "peak_memory", "seconds",
]  # fmt: skip
ROW = ["dataset", "label"]
ROUNDING = 1e-6  # by so much a value may be beyond its metric's bounds

Record = dict[str, Any]


@dataclass(frozen=True)
class Runs:
    """What was run of one variant on one dataset."""

    dataset: str
    variant: str
    budget: str  # as in "90000 images"; only equal ones are compared
    select: str  # metric by which checkpoints are selected
    seeds: list[int]
    failures: dict[int, str]  # seed -> how its run ended, if not well
    ledger: dict[str, float | None]  # means over the others
    plugin: str = ""  # the variant's name where it is installed; "": not known
    primary: str = ""  # metric that verdicts are of; "": the one that selects

    @property
    def decides(self) -> str:
        """The metric that verdicts are of."""
        return self.primary or self.select

    @property
    def ended(self) -> list[int]:
        """Seeds whose runs ended well."""
        return [seed for seed in self.seeds if seed not in self.failures]


@dataclass(frozen=True)
class Score:
    """One metric of one variant on one dataset."""

    dataset: str
    variant: str
    metric: str
    direction: str  # which way is better: lower or higher
    unit: str
    key: str  # of the conditions; only equal ones are compared, and an empty one with nothing
    noise: float | None  # standard error of a value over redrawn samples
    values: dict[int, float | None]  # seed -> value
    title: str = ""  # of the metric; "": its name
    lower_bound: float | None = None  # of its values, whatever the data; None: without

    @property
    def numbers(self) -> Floats:
        """The values of those seeds that have one."""
        return floats([value for value in self.values.values() if value is not None])


@dataclass(frozen=True)
class Baseline:
    """What was measured, once or now."""

    suite: str
    commit: str
    environment: dict[str, str]
    runs: dict[tuple[str, str], Runs]  # by dataset and variant
    scores: dict[tuple[str, str, str], Score]  # by dataset, variant and metric
    gate: Gate | None = None  # the rules for later results; None: an older format kept none
    history: tuple[Record, ...] = ()  # oldest first


def measure(results: Results) -> Baseline:
    """A suite's results, as a baseline keeps them. Values have six digits, as in the file.

    Of seeds that were added until decided only those of the first look count. Raises BadResults if nothing was trained,
    if two runs of a row have the same seed, or if the runs of a row cannot be compared with one another.
    """
    results = of_first_look(results)
    runs = results.runs[(results.runs["status"] != MISSING) & _trained(results.runs)]
    if runs.empty:
        raise BadResults(f"{results.path} holds no run of a variant that has ended. Run its suite first.")
    twins = runs[runs.duplicated([*ROW, "seed"])]
    if len(twins):
        dataset, label, seed = twins[[*ROW, "seed"]].iloc[0]
        raise BadResults(
            f"{results.path} has two runs of {label} on {dataset} with seed {seed}. One run cannot count twice: "
            "remove one, or give it a label of its own."
        )
    scores = results.scores[
        (results.scores["checkpoint"] == CHECKPOINT)
        & results.scores["run"].isin(runs["run"])
        & results.scores["direction"].isin(SENSES)
    ]
    if len(twins := scores[scores.duplicated([*ROW, "seed", "metric"])]):
        dataset, label, seed, metric = twins[[*ROW, "seed", "metric"]].iloc[0]
        raise BadResults(
            f"{results.path} has two scores of {metric} of {label} on {dataset} with seed {seed}. One run has one: "
            "move its folder away and run the suite again."
        )
    try:
        measured_runs = [_runs_of_row(rows) for _, rows in runs.groupby(ROW)]
        measured_scores = [_speed(rows) for _, rows in runs.groupby(ROW)] + list(_scores(scores, runs))
    except KeyError as error:
        raise BadResults(f"{results.path}: its records lack {error}. Run the suite into an empty folder.") from error
    except ValueError as error:
        raise BadResults(f"{results.path}: {error} Run the suite into an empty folder.") from error
    return Baseline(
        suite=results.suite,
        commit=str(runs["commit"].iloc[0]),
        environment={name: _listed(runs[name]) for name in ENVIRONMENT if name in runs},
        runs=by_name(measured_runs),
        scores=by_name(measured_scores),
    )


def accepted(
    now: Baseline, gate: Gate, reason: str, before: Baseline | None = None, got_worse: Iterable[str] = ()
) -> Baseline:
    """`now` and its suite's rules as a baseline, with the reason why, and the reasons of those before it."""
    entry = {"date": datetime.now(UTC).date().isoformat(), "commit": now.commit, "reason": reason}
    worse = list(got_worse)
    past = before.history if before else ()
    return replace(now, gate=gate, history=(*past, entry | ({"accepted": worse} if worse else {})))


def by_name(rows: Iterable[Any]) -> dict[Any, Any]:
    """Runs by dataset and variant, scores by dataset, variant and metric. Raises ValueError if one is there twice."""
    by_name: dict[tuple[str, ...], Runs | Score] = {}
    for row in rows:
        name = tuple(getattr(row, part) for part in ("dataset", "variant", "metric") if hasattr(row, part))
        if name in by_name:
            raise ValueError(f"two rows are called {', '.join(name)}")
        by_name[name] = row
    return dict(sorted(by_name.items()))


def _trained(runs: DataFrame) -> "Series[bool]":
    """Whether a run is of a variant. Of a run that crashed before it could say so, the others of its row know."""
    other = Series(False, index=runs.index)
    for mark in ("control", "guest"):
        if mark in runs:
            other |= runs[mark].eq(True)
    return ~other.groupby([runs[name] for name in ROW]).transform("any")


def _runs_of_row(rows: DataFrame) -> Runs:
    first, done = rows.iloc[0], rows[rows["status"] == "done"]
    where = f"{first['label']} on {first['dataset']}"
    lost = rows[rows["status"] != "done"].to_dict("records")
    return Runs(
        dataset=first["dataset"],
        variant=first["label"],
        budget=_one({_budget_text(row) for _, row in rows.iterrows()}, "budgets", where),
        select=next(iter(rows["select"].dropna()), ""),
        primary=next(iter(rows["primary"].dropna()), "") if "primary" in rows else "",
        seeds=sorted(map(int, rows["seed"])),
        failures=dict(_ending({str(k): v for k, v in row.items()}) for row in lost),
        ledger={name: _short(done[name].mean()) for name in LEDGER if name in rows},
        plugin=_listed(rows["variant"]),
    )


def _ending(run: Record) -> tuple[int, str]:
    """The seed of a run that failed, and how it did."""
    return int(run["seed"]), f"{run['status']}: {run.get('reason') or ''}".rstrip(": ")[:200]


def _budget_text(row: "Series[Any]") -> str:
    scale = "" if row["scale"] == 1 else f", scale {row['scale']:g}"
    return f"{row['budget_amount']:.15g} {row['budget_unit']}{scale}"


def _speed(rows: DataFrame) -> Score:
    """Images per second of the runs that ended well. Speeds of several machines are comparable with nothing."""
    first, known = rows.iloc[0], [name for name in MACHINE if name in rows]
    machines = rows[known].dropna(subset=[name for name in known if name != "processor"]).drop_duplicates()
    keys = [_machine(machine) for _, machine in machines.iterrows()]
    taken = pd.to_numeric(rows[SPEED], errors="coerce") if SPEED in rows else Series(math.nan, index=rows.index)
    speeds = zip(map(int, rows["seed"]), rows["status"] == "done", taken, strict=True)
    return Score(
        first["dataset"], first["label"], SPEED, "higher", "images/s", keys[0] if len(keys) == 1 else "", None,
        {seed: _short(speed) if done else None for seed, done, speed in speeds if not done or math.isfinite(speed)},
    )  # fmt: skip


def _machine(about: "Series[Any]") -> str:
    """What must be the same for two speeds to be held against each other. Older records do not know the processor."""
    processor = about.get("processor")
    parts = [about["device"], f"{about['threads']:g} thread(s)", about["precision"]]
    return ", ".join([*parts, processor] if isinstance(processor, str) and processor else parts)


def _scores(scores: DataFrame, runs: DataFrame) -> Iterator[Score]:
    """A run that failed lacks whatever the others of its row have."""
    ended = {
        name: dict(sorted(zip(map(int, rows["seed"]), rows["status"] == "done", strict=True)))
        for name, rows in runs.groupby(ROW)
    }
    for _, rows in scores.groupby([*ROW, "metric"]):
        dataset, label, metric = rows[[*ROW, "metric"]].iloc[0]
        values = dict(zip(rows["seed"], _possible(rows), strict=True))
        keys = {key for key in rows["key"] if key} or {""}
        yield Score(
            dataset, label, metric, rows["direction"].iloc[0], rows["unit"].iloc[0],
            _one(keys, "comparability keys", f"{metric} of {label} on {dataset}"),
            _short(math.sqrt((rows["stderr"] ** 2).mean()), digits=3),
            {
                seed: _short(values[seed]) if done and seed in values else None
                for seed, done in ended[dataset, label].items()
                if seed in values or not done
            },
            rows["title"].iloc[0], _short(rows["lower_bound"].iloc[0]),
        )  # fmt: skip


def _possible(rows: DataFrame) -> "Series[float]":
    """Values, NaN where one is beyond the metric's bounds by more than rounding, or of a run that failed."""
    kept = rows["value"].notna() & (rows.get("status", "done") == "done")
    for name, sign in (("lower_bound", 1.0), ("upper_bound", -1.0)):
        if name in rows:
            bound = pd.to_numeric(rows[name], errors="coerce")
            kept &= ~(sign * (rows["value"] - bound) < -ROUNDING * (1 + bound.abs()))
    return rows["value"].where(kept)


def _one(values: set[str], what: str, row: str) -> str:
    if len(values) > 1:
        raise ValueError(f"the runs of {row} have different {what}, {' and '.join(sorted(values))}: they make no row.")
    return next(iter(values))


def _short(value: float, digits: int = 6) -> float | None:
    """Six digits: far finer than the spread over seeds, and equal for equal bits. NaN and infinity are no value."""
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() else short


def _listed(column: "Series[Any]") -> str:
    return " or ".join(sorted({f"{value:g}" if isinstance(value, float) else str(value) for value in column.dropna()}))
