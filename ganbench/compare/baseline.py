"""A baseline: what a suite's results once were, in a file whose changes git can show line by line.

    {
     "format": 1,
     "suite": "quick",
     "commit": "32a2061",
     "environment": {"device": "CPU, 2 cores", "torch": "2.15.0", ...},
     "history": [
      {"date": "2026-11-21", "commit": "32a2061", "reason": "why this was accepted", "accepted": ["what got worse"]}
     ],
     "runs": [
      {"dataset": "ring8", "variant": "gan", "budget": "90000 images", ..., "ledger": {"images": 90048, ...}}
     ],
     "scores": [
      {"dataset": "ring8", "variant": "gan", "metric": "modes", ..., "values": {"0": 4, "1": 8}}
     ]
    }

Scores are those of the last checkpoint on the test split. They have the value of every seed, `null` where a run has
none. Speed is a score like any other, `images_per_second`; its conditions are the device and the threads. Controls are
left out, because they are what scores are read against, and so are samples from elsewhere, whose budget nobody knows.
No torch.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pandas import DataFrame, Series

from ganbench.compare.gate import SPEED
from ganbench.errors import BadResults
from ganbench.store import Results
from ganbench.store.columns import MISSING
from ganbench.store.whole import written_whole

FORMAT = 1
CHECKPOINT = "last"

ENVIRONMENT = ["device", "threads", "platform", "python", "torch", "ganbench"]
LEDGER = [
    "images", "rounds", "d_updates", "g_updates", "flops", "parameters_d", "parameters_g", "peak_memory", "seconds",
]  # fmt: skip
ROW = ["dataset", "label"]

Record = dict[str, Any]


@dataclass(frozen=True)
class Runs:
    """What was run of one variant on one dataset."""

    dataset: str
    variant: str
    budget: str  # as in "90000 images"; only equal ones are compared
    select: str  # metric by which checkpoints are selected
    seeds: list[int]
    failed: int  # runs that did not end well
    ledger: dict[str, float | None]  # means over the others


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


@dataclass(frozen=True)
class Baseline:
    """What was measured, once or now."""

    suite: str
    commit: str
    environment: dict[str, str]
    runs: dict[tuple[str, str], Runs]  # by dataset and variant
    scores: dict[tuple[str, str, str], Score]  # by dataset, variant and metric
    history: tuple[Record, ...] = ()  # oldest first


def measure(results: Results) -> Baseline:
    """A suite's results, as a baseline keeps them. Values have six digits, as in the file.

    Raises BadResults if nothing was trained, if two runs of a row have the same seed, or if the runs of a row cannot be
    compared with one another.
    """
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
        & results.scores["direction"].isin(["lower", "higher"])
    ]
    try:
        measured_runs = [_runs_of_row(rows) for _, rows in runs.groupby(ROW)]
        measured_scores = [_speed(rows) for _, rows in runs.groupby(ROW)] + list(_scores(scores, runs))
    except ValueError as error:
        raise BadResults(f"{results.path}: {error} Run the suite into an empty folder.") from error
    return Baseline(
        suite=results.suite,
        commit=str(runs["commit"].iloc[0]),
        environment={name: _listed(runs[name]) for name in ENVIRONMENT if name in runs},
        runs=_by_name(measured_runs),
        scores=_by_name(measured_scores),
    )


def accepted(now: Baseline, reason: str, before: Baseline | None = None, got_worse: Iterable[str] = ()) -> Baseline:
    """`now` as a baseline, with the reason why, and the reasons of those before it."""
    entry = {"date": datetime.now(UTC).date().isoformat(), "commit": now.commit, "reason": reason}
    worse = list(got_worse)
    past = before.history if before else ()
    return replace(now, history=(*past, entry | ({"accepted": worse} if worse else {})))


def write_baseline(baseline: Baseline, path: Path) -> None:
    """One line per row, sorted, so that a difference in git reads as a table."""
    parts = {
        "format": FORMAT,
        "suite": baseline.suite,
        "commit": baseline.commit,
        "environment": baseline.environment,
        "history": list(baseline.history),
        "runs": [asdict(baseline.runs[name]) for name in sorted(baseline.runs)],
        "scores": [asdict(baseline.scores[name]) for name in sorted(baseline.scores)],
    }
    text = "{\n" + ",\n".join(f' "{name}": {_json_lines(part)}' for name, part in parts.items()) + "\n}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def read_baseline(path: Path) -> Baseline:
    """Read what `write_baseline` wrote.

    Raises BadResults if the file is absent, empty, of another format or no baseline, or has a row twice.
    """
    stored = _read_stored(path)
    try:
        return Baseline(
            str(stored["suite"]),
            str(stored.get("commit", "")),
            dict(stored.get("environment", {})),
            _by_name([Runs(**row) for row in stored["runs"]]),
            _by_name([Score(**{**row, "values": _seed_values(row["values"])}) for row in stored["scores"]]),
            tuple(stored.get("history", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadResults(f"{path} is a damaged baseline: {error}. Take it from git, or make it anew.") from error


def _read_stored(path: Path) -> Record:
    """The file's content, which has a baseline's format and scores."""
    cure = f"Make one: ganbench baseline RESULTS --out {path}"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadResults(f"There is no baseline at {path}. {cure}") from None
    except OSError as error:
        raise BadResults(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadResults(f"{path} is no baseline: it is not JSON ({error}). {cure}") from error
    if not isinstance(stored, dict) or not {"format", "suite", "runs", "scores"} <= stored.keys():
        raise BadResults(f"{path} is no baseline of ganbench: it lacks `format`, `suite`, `runs` or `scores`. {cure}")
    if stored["format"] != FORMAT:
        raise BadResults(
            f"{path} is a baseline of format {stored['format']}, this ganbench reads format {FORMAT}. "
            "Read it with the ganbench that wrote it, or make it anew from results of this one."
        )
    if not stored["scores"]:
        raise BadResults(f"{path} is an empty baseline, against which nothing can get worse. {cure}")
    return stored


def _seed_values(values: Record) -> dict[int, float | None]:
    return {int(seed): None if value is None else float(value) for seed, value in values.items()}


def _by_name(rows: Iterable[Any]) -> dict[Any, Any]:
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
    return Runs(
        dataset=first["dataset"],
        variant=first["label"],
        budget=_one({_budget_text(row) for _, row in rows.iterrows()}, "budgets", where),
        select=next(iter(rows["select"].dropna()), ""),
        seeds=sorted(map(int, rows["seed"])),
        failed=len(rows) - len(done),
        ledger={name: _short(done[name].mean()) for name in LEDGER if name in rows},
    )


def _budget_text(row: "Series[Any]") -> str:
    scale = "" if row["scale"] == 1 else f", scale {row['scale']:g}"
    return f"{row['budget_amount']:.15g} {row['budget_unit']}{scale}"


def _speed(rows: DataFrame) -> Score:
    """Images per second of the runs that ended well. Speeds of several machines are comparable with nothing."""
    first, machines = rows.iloc[0], rows[["device", "threads", "precision"]].dropna().drop_duplicates()
    keys = [f"{device}, {threads:g} thread(s), {precision}" for device, threads, precision in machines.to_numpy()]
    done = zip(rows["seed"], rows[SPEED].where(rows["status"] == "done"), strict=True)
    return Score(
        first["dataset"], first["label"], SPEED, "higher", "images/s", keys[0] if len(keys) == 1 else "", None,
        {int(seed): _short(value) for seed, value in done},
    )  # fmt: skip


def _scores(scores: DataFrame, runs: DataFrame) -> Iterator[Score]:
    """A run that failed lacks whatever the others of its row have."""
    seeds = {name: sorted(map(int, rows["seed"])) for name, rows in runs.groupby(ROW)}
    for _, rows in scores.groupby([*ROW, "metric"]):
        dataset, label, metric = rows[[*ROW, "metric"]].iloc[0]
        values = dict(zip(rows["seed"], rows["value"], strict=True))
        keys = {key for key in rows["key"] if key} or {""}
        yield Score(
            dataset, label, metric, rows["direction"].iloc[0], rows["unit"].iloc[0],
            _one(keys, "comparability keys", f"{metric} of {label} on {dataset}"),
            _short(math.sqrt((rows["stderr"] ** 2).mean()), digits=3),
            {seed: _short(values.get(seed, math.nan)) for seed in seeds[dataset, label]},
            rows["title"].iloc[0], _short(rows["lower_bound"].iloc[0]),
        )  # fmt: skip


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


def _json_lines(part: Any) -> str:
    """JSON, with each item of a list on a line of its own."""
    if not isinstance(part, list):
        return json.dumps(part, ensure_ascii=False)
    return "[\n" + ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in part) + "\n ]"
