"""Records to data frames: boards, failures, the ledger, the conditions.

Every frame is made of values, not of text; `reports/formats` turns them into something to read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import nan
from typing import Any

import numpy as np
import pandas as pd
from ganbench.reports.frames.glossary import ordered
from ganbench.reports.frames.ranking import ranks_with_ties
from numpy.typing import NDArray
from pandas import DataFrame, Series

from ganbench.statistics import mean_interval, t_quantile
from ganbench.store import Results
from ganbench.store import columns as of_records

TIDY = [
    *of_records.IDENTITY,
    *("control", "checkpoint", "images", "judge", "split"),
    *("metric", "value", "stderr", "most", "samples", "usual_samples", "direction", "unit", "key", "status"),
    *("title", "lower_bound", "upper_bound"),
]
SENTENCES = ["meaning", "blind_to"]  # of a metric, which every score repeats
CONDITIONS = [
    *("judge", "judge_key", "select", "samples", "preprocessing", "fingerprint", "budget_unit", "budget_amount"),
    *("scale", "precision", "device", "threads", "ganbench", "torch", "python", "platform", "commit"),
]
Floats = NDArray[np.float64]

LEDGER = [
    *("images", "d_updates", "g_updates", "seconds", "flops", "peak_memory"),
    *("parameters_d", "parameters_g", "parameters", "images_per_second"),
]
CHECKPOINTS: tuple[str, ...] = of_records.FINAL_CHECKPOINTS
MISSING = of_records.MISSING
FLOOR = "real"  # the control that every board is read against: fresh real data
SENSES = ("lower", "higher")  # of which one is better; metrics of another direction rank nobody


def runs(results: Results, dataset: str | None = None) -> DataFrame:
    """One row per run, of one dataset or all, with nothing left open that a run may fail to write down before it ends.

    Adds `lost`: the run ended, but not well.
    """
    found = results.runs if dataset is None else of_dataset(results.runs, dataset)
    if found.empty:
        return found
    nothing: dict[str, Any] = {
        "control": False,
        "guest": False,
        "reason": "",
        "scale": 1.0,
        "variant": "",
        "command": "",
        "images": nan,
        "seconds": nan,
    }
    filled: dict[str, Any] = {
        name: found[name].fillna(value) if name in found else value for name, value in nothing.items()
    }
    control = Series(filled["control"], index=found.index).astype(bool)
    control = control.groupby([found["dataset"], found["label"]]).transform("any")  # a crashed run may not know
    guest = Series(filled["guest"], index=found.index).astype(bool)
    return found.assign(**filled).assign(control=control, guest=guest, lost=~found["status"].isin(["done", MISSING]))


def datasets(results: Results) -> list[str]:
    """Dataset labels in the order of the suite."""
    return [] if results.runs.empty else list(dict.fromkeys(results.runs["dataset"]))


def labels(results: Results, dataset: str | None = None) -> dict[str, bool]:
    """Row labels in the order of the suite, variants before controls -> whether the row is a control."""
    found = runs(results, dataset)
    if found.empty:
        return {}
    # Where a row has not been run, nobody knows yet that it is a control.
    control = found.groupby("label", sort=False)["control"].any()
    rows = {str(label): bool(is_control) for label, is_control in control.items()}
    return dict(sorted(rows.items(), key=lambda row: row[1]))


def each(frame: DataFrame) -> Iterator[Any]:
    """The rows as named tuples, whose fields the type checker takes as they come."""
    return iter(frame.itertuples(index=False))


def of_dataset(frame: DataFrame, dataset: str) -> DataFrame:
    return frame if frame.empty else frame[frame["dataset"] == dataset]


def selecting(results: Results, dataset: str) -> str:
    """The metric that chooses checkpoints and orders the board; "" if the records name none."""
    found = runs(results, dataset)
    named = found["select"].dropna() if "select" in found else Series(dtype=str)
    return str(named.iloc[0]) if len(named) else ""


def tidy(results: Results) -> DataFrame:
    """One row per score, with all that it depends on: the scores, then each run's budget, ledger and conditions.

    What metrics mean and cannot see is left out; `glossary.read` has it.
    `images` is where the score was measured, `images_trained` where the run ended.
    """
    all_runs, scores = runs(results), results.scores
    if all_runs.empty or scores.empty:
        return DataFrame(columns=TIDY)
    own = all_runs.drop(columns=["lost"]).rename(columns={"images": "images_trained"})
    kept = [c for c in own if c == "run" or c not in scores]
    rows = scores.merge(own[kept], on="run", how="left", validate="many_to_one")
    rows["control"] = rows["control"].fillna(False).astype(bool)
    rows = rows.drop(columns=SENTENCES)
    for late in ("most", "usual_samples"):  # results of earlier versions lack them
        if late not in rows:
            rows[late] = np.nan
    return rows[[c for c in TIDY if c in rows] + [c for c in rows if c not in TIDY]]


def summary(results: Results) -> DataFrame:
    """All boards, long: one row per dataset, checkpoint, board, metric and label.

    Columns: dataset, checkpoint, board, judge, metric, title, key, split, samples, usual_samples, direction, unit,
    label, variant, control, mean, low, high, n (seeds with a score), worst, best, rank (among variants; controls, rows
    without an interval and metrics without a direction: <NA>). `board` counts from 1: rows of different judges, and
    scores of one metric with different comparability keys, stand on different boards. Limits are Student's 95 % over
    seeds, cut to the values that the metric can take.
    """
    columns = [*("dataset", "checkpoint", "board", "judge", "metric", "title", "key", "split", "samples")]
    columns += ["usual_samples", "direction", "unit"]
    columns += [*("label", "variant", "control", "mean", "low", "high", "n", "worst", "best", "rank")]
    rows = tidy(results)
    rows = rows[rows["checkpoint"].isin(CHECKPOINTS)]
    if rows.empty:
        return DataFrame(columns=columns)
    rows = rows.assign(board=_board_of(rows))
    group = ["dataset", "checkpoint", "board", "judge", "metric"]
    parts = [_rank(_rows(part)) for _, part in rows.groupby(group, sort=False)]
    return pd.concat(parts, ignore_index=True)[columns]


def _board_of(rows: DataFrame) -> Series:
    """For each score its board: per dataset, judges in order of appearance, and per metric the keys, most used first.

    Scores without a value (failed runs) carry no comparable number; they go to their judge's first board, to be seen.
    """
    scored = rows[rows["value"].notna()]
    place: dict[tuple[str, str], int] = {}  # (dataset, judge) -> boards before it
    order: dict[tuple[str, ...], int] = {}  # (dataset, judge, metric, key) -> 0, 1, ...
    for name, part in scored.groupby(["dataset", "judge", "metric"], sort=False):
        for i, (key, _) in enumerate(Counter(part["key"]).most_common()):  # ties: in order of appearance
            order[*map(str, name), key] = i
    for dataset, part in rows.groupby("dataset", sort=False):
        before = 1
        for judge in dict.fromkeys(part["judge"]):
            place[str(dataset), judge] = before
            before += 1 + max((i for k, i in order.items() if k[:2] == (dataset, judge)), default=0)
    cells = zip(rows["dataset"], rows["judge"], rows["metric"], rows["key"], strict=True)
    return Series([place[d, j] + order.get((d, j, m, k), 0) for d, j, m, k in cells], index=rows.index)


def _rows(part: DataFrame) -> DataFrame:
    """Scores of one metric on one board -> one row per label, over its seeds.

    On arrays: a board has hundreds of such groups of a few scores, and a frame for each would take most of the time.
    """
    bottom, top = part["lower_bound"].iloc[0], part["upper_bound"].iloc[0]
    lower = part["direction"].iloc[0] == "lower"
    labels, variants, controls, most = (part[name].to_numpy() for name in ("label", "variant", "control", "most"))
    values, done = part["value"].to_numpy(dtype=np.float64), (part["status"] == "done").to_numpy()
    rows = []
    for label in dict.fromkeys(labels):
        own = np.flatnonzero(labels == label)
        scored = values[own][~np.isnan(values[own])]
        found = mean_interval(scored)
        rows.append(
            {
                "label": label,
                "variant": variants[own[0]],
                "control": controls[own[0]],
                "mean": found.mean,
                "low": max(found.low, bottom) if np.isfinite(found.low) else found.low,
                "high": np.nanmin([found.high, top, *most[own]]) if np.isfinite(found.high) else found.high,
                "n": len(scored),
                "worst": (scored.max() if lower else scored.min()) if len(scored) else np.nan,
                "best": (scored.min() if lower else scored.max()) if len(scored) else np.nan,
                "scored": with_failures(values[own], done[own], lower),
            }
        )
    told = part.iloc[int(np.argmin(np.isnan(values)))]  # the first that has a score, or else the first
    shared = ["dataset", "checkpoint", "board", "judge", "metric", "title", "key", "split"]
    shared += ["samples", "usual_samples", "direction", "unit"]
    return DataFrame(rows).assign(**{name: told[name] for name in shared})


def with_failures(values: Floats, done: NDArray[np.bool_], lower: bool) -> Floats:
    """Seeds' values (NaN: none), and which runs finished -> the values, a failed run's infinitely bad; a finished one
    may lack a metric.
    """
    lacks = np.isnan(values)
    return np.asarray(np.where(lacks, np.inf if lower else -np.inf, values)[~(lacks & done)], dtype=np.float64)


def _rank(rows: DataFrame) -> DataFrame:
    """Add `rank`, one more than the number of variants that are surely better; sort by mean, best first.

    A single seed has no interval, so it can neither be ranked nor rank others. Nothing is best where neither low nor
    high values are.
    """
    lower = rows["direction"].iloc[0] == "lower"
    entrants = rows.index[~rows["control"] & rows["low"].notna() & rows["direction"].isin(SENSES)]
    low, high = (rows.loc[entrants, limit].to_numpy(dtype=np.float64) for limit in ("low", "high"))
    found = ranks_with_ties(low, high, list(rows.loc[entrants, "scored"]), lower)
    rank = Series(found, index=entrants, dtype="Int64").reindex(rows.index)
    return rows.assign(rank=rank).sort_values("mean", ascending=lower, na_position="last", kind="stable")


def board(results: Results, dataset: str, checkpoint: str = "last", part: int = 1) -> DataFrame:
    """One board, wide: a row per label in order of the selecting metric, variants before controls.

    Columns: label, variant, control, guest, rank, runs, done, failed, reasons, then per metric `fid`, `fid_low`,
    `fid_high`, `fid_n`. Labels without any score stand at the end of the first part. `attrs["metrics"]` has each
    metric's title, direction, unit, key, split, samples, usual_samples. Metrics stand in the order of the scores, the
    selecting one first.
    """
    rows = summary(results)
    rows = rows[(rows["dataset"] == dataset) & (rows["checkpoint"] == checkpoint)]
    return wide(rows, roster(results, dataset), selecting(results, dataset), part)


def wide(rows: DataFrame, people: DataFrame, select: str, part: int = 1) -> DataFrame:
    """A dataset's rows of `summary` at one checkpoint and its `roster` -> the board that `board` describes."""
    here, others = rows[rows["board"] == part], rows[rows["board"] != part]
    only_elsewhere = set(others.loc[others["n"] > 0, "label"]) - set(here.loc[here["n"] > 0, "label"])
    table = people[~people["label"].isin(only_elsewhere)].copy()
    if part > 1:  # a label without any score stands on the first board only
        table = table[table["label"].isin(here.loc[here["n"] > 0, "label"])]
    # A metric that nobody has is not drawn, unless all of them failed.
    drawn = here[(here["n"] > 0) | (here["metric"] == select)] if (here["n"] > 0).any() else here
    metrics = ordered(list(drawn["metric"]), select)
    about = {}
    for metric in metrics:
        one = here[here["metric"] == metric].set_index("label")
        told = ["title", "judge", "direction", "unit", "key", "split", "samples", "usual_samples"]
        about[metric] = one.iloc[0][told].to_dict()
        table[metric] = table["label"].map(one["mean"])
        for name in ("low", "high", "n"):
            table[f"{metric}_{name}"] = table["label"].map(one[name])
        table[f"{metric}_n"] = table[f"{metric}_n"].fillna(0).astype(int)
        if metric == metrics[0]:
            table["rank"] = table["label"].map(one["rank"]).astype("Int64")
    if metrics:
        table = _order(table, metrics[0], about[metrics[0]]["direction"])
    table.attrs["metrics"] = about
    return table.reset_index(drop=True)


def _order(table: DataFrame, metric: str, direction: str) -> DataFrame:
    worth = table[metric] if direction == "lower" else -table[metric]
    ordered_ = table.assign(_worth=worth).sort_values(["control", "_worth"], na_position="last", kind="stable")
    return ordered_.drop(columns="_worth")


def few(about: Mapping[str, Any]) -> bool:
    """Whether a metric, as in `attrs["metrics"]` of a board, was computed on fewer samples than is usual for it."""
    return bool(about["samples"] < about["usual_samples"])  # False where nobody said what is usual


def roster(results: Results, dataset: str) -> DataFrame:
    """One row per label: label, variant, control, guest, rank (<NA>: to come), runs, done, failed, reasons."""
    found = runs(results, dataset)
    rows = []
    for label, control in labels(results, dataset).items():
        own = found[found["label"] == label]
        done, lost = own[own["status"] == "done"], own[own["lost"]]
        why = "; ".join(dict.fromkeys(f"{r.status}: {r.reason}".rstrip(": ") for r in each(lost)))
        guest = bool(own["guest"].iloc[0])
        rows.append((label, own["variant"].iloc[0], control, guest, pd.NA, len(own), len(done), len(lost), why))
    columns = ["label", "variant", "control", "guest", "rank", "runs", "done", "failed", "reasons"]
    return DataFrame(rows, columns=columns).astype({"rank": "Int64", "control": bool})


def published(results: Results, dataset: str) -> DataFrame:
    """Numbers of papers beside ours: label, metric, source, trials, theirs, ours, each with `_low` and `_high`, and n.

    Theirs is mean and Student's 95 % interval from the standard error that was printed; ours is of the last
    checkpoint over n seeds, NaN where nothing was run.
    """
    columns = ["label", "metric", "source", "trials", "theirs", "theirs_low", "theirs_high"]
    columns += ["ours", "ours_low", "ours_high", "n"]
    found = of_dataset(results.published, dataset)
    if found.empty:
        return DataFrame(columns=columns)
    reach = found["stderr"] * [t_quantile(0.95, trials - 1) for trials in found["trials"]]
    found = found.assign(theirs=found["mean"], theirs_low=found["mean"] - reach, theirs_high=found["mean"] + reach)
    rows = summary(results)
    rows = rows[(rows["dataset"] == dataset) & (rows["checkpoint"] == "last") & (rows["n"] > 0)]
    rows = rows.sort_values("board").drop_duplicates(["label", "metric"])
    own = rows[["label", "metric", "n", "mean", "low", "high"]]
    own = own.rename(columns={"mean": "ours", "low": "ours_low", "high": "ours_high"})
    both = found.drop(columns=["mean", "stderr", "dataset"]).merge(own, on=["label", "metric"], how="left")
    return both.assign(n=both["n"].fillna(0).astype(int))[columns]


def failures(results: Results, dataset: str) -> DataFrame:
    """Runs that ended badly: label, seed, run, status, reason, and where it happened (images, seconds)."""
    found = runs(results, dataset)
    columns = ["label", "seed", "run", "status", "reason", "images", "seconds"]
    return DataFrame(columns=columns) if found.empty else found.loc[found["lost"], columns]


def ledger(results: Results, dataset: str) -> DataFrame:
    """Mean cost of a finished run, a row per variant: label, runs, then the ledger in seconds, FLOPs, bytes.

    Controls train nothing and are left out. What failed runs cost stands in `failures`.
    """
    found = runs(results, dataset)
    if found.empty:
        return DataFrame(columns=["label", "runs", *LEDGER])
    done = found[(found["status"] == "done") & ~found["control"]]
    kept = [c for c in LEDGER if c in done]
    table = done.groupby("label", sort=False)[kept].mean()
    table.insert(0, "runs", done.groupby("label", sort=False).size())
    return table.reset_index()


def conditions(results: Results, dataset: str) -> DataFrame:
    """What the scores were measured under: condition, value, runs; a condition with several values has several rows."""
    found = runs(results, dataset)
    found = found if found.empty else found[found["status"] != MISSING]
    rows = []
    for name in CONDITIONS:
        if name in found:
            rows += [(name, value, n) for value, n in Counter(map(_written, found[name])).most_common()]
    return DataFrame(rows, columns=["condition", "value", "runs"])


def _written(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return "unknown"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def keys(scores: DataFrame) -> DataFrame:
    """Tidy scores -> their comparability keys: metric, judge, split, samples, key, scores (how many have it)."""
    columns = ["metric", "judge", "split", "samples", "key"]
    found = scores[scores["value"].notna()]
    if found.empty:
        return DataFrame(columns=[*columns, "scores"])
    return found.groupby(columns, sort=False, dropna=False).size().rename("scores").reset_index()
