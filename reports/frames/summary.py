"""Scores over seeds: means, intervals and ranks, on boards whose scores were measured alike."""

import math
from collections import Counter
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame, Series

from ganbench.reports.frames.order import best_first
from ganbench.reports.frames.scores import CHECKPOINTS, SENSES, tidy
from ganbench.reports.frames.verdicts import verdicts
from ganbench.statistics import Interval, Verdicts, mean_interval
from ganbench.statistics.cells import cell_of
from ganbench.statistics.intervals import LEVEL
from ganbench.store import Results

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

ROW = ["label", "variant", "control", "reference", "given", "entrant"]  # what is said of a row


def summary(results: Results) -> DataFrame:
    """All boards, long: one row per dataset, checkpoint, board, metric and label.

    Columns: dataset, checkpoint, board, judge, metric, title, key, split, samples, usual_samples, direction, unit,
    label, variant, control, reference, given, entrant, mean, low, high, n (seeds with a score), worst, best, rank, tier
    and p_best (of entrants, by the primary metric of their dataset; other rows, those without an interval and other
    metrics: <NA>, "" and NaN). `board` counts from 1: rows of different judges, and scores of one metric with different
    comparability keys, stand on different boards. Means and limits (95 % over seeds) are those of
    `ganbench.statistics.verdicts`, of controls those of redrawn samples, cut to the values that the metric can take.
    """
    columns = [*("dataset", "checkpoint", "board", "judge", "metric", "title", "key", "split", "samples")]
    columns += ["usual_samples", "direction", "unit"]
    columns += [*ROW, *("mean", "low", "high", "n", "worst", "best", "rank", "tier", "p_best")]
    rows = tidy(results)
    rows = rows[rows["checkpoint"].isin(CHECKPOINTS)]
    if rows.empty:
        return DataFrame(columns=columns)
    rows = rows.assign(board_key=_board_keys(rows))
    rows = rows.assign(board=_board_of(rows))
    group = ["dataset", "checkpoint", "board", "judge", "metric"]
    parts = [_with_ranks(_over_seeds(part), verdicts(part)) for _, part in rows.groupby(group, sort=False)]
    return pd.concat(parts, ignore_index=True)[columns]


def _board_keys(rows: DataFrame) -> Series:
    """By what scores are told to be measured alike: `board_key`, or before there was one the key; and the direction.

    A row of real data that were too few stands on the board of those that it is there for, marked.
    """
    keys = rows["board_key"].where(rows["board_key"].notna(), rows["key"]) if "board_key" in rows else rows["key"]
    return keys.where(rows["value"].isna(), keys + " " + rows["direction"])


def _board_of(rows: DataFrame) -> Series:
    """For each score its board: per dataset, judges in order of appearance, and per metric the keys, most used first.

    Scores without a value (failed runs) carry no comparable number; they go to their judge's first board, to be seen.
    """
    scored = rows[rows["value"].notna()]
    place: dict[tuple[str, str], int] = {}  # (dataset, judge) -> boards before it
    order: dict[tuple[str, ...], int] = {}  # (dataset, judge, metric, key) -> 0, 1, ...
    for name, part in scored.groupby(["dataset", "judge", "metric"], sort=False):
        for i, (key, _) in enumerate(Counter(part["board_key"]).most_common()):  # ties: in order of appearance
            order[*map(str, name), key] = i
    for dataset, part in rows.groupby("dataset", sort=False):
        before = 1
        for judge in dict.fromkeys(part["judge"]):
            place[str(dataset), judge] = before
            before += 1 + max((i for k, i in order.items() if k[:2] == (dataset, judge)), default=0)
    cells = zip(rows["dataset"], rows["judge"], rows["metric"], rows["board_key"], strict=True)
    return Series([place[d, j] + order.get((d, j, m, k), 0) for d, j, m, k in cells], index=rows.index)


def _over_seeds(part: DataFrame) -> DataFrame:
    """Scores of one metric on one board -> one row per label, over its seeds.

    On arrays: a board has hundreds of such groups of a few scores, and a frame for each would take most of the time.
    """
    bottom, top = part["lower_bound"].iloc[0], part["upper_bound"].iloc[0]
    lower = part["direction"].iloc[0] == "lower"
    labels, most = part["label"].to_numpy(), part["most"].to_numpy()
    about = {name: part[name].to_numpy() for name in ROW}
    values = part["value"].to_numpy(dtype=np.float64)
    keys, counts = (part[name].to_numpy() for name in ("key", "samples"))
    # The first that has a score of as many samples as were asked for, or else the first.
    first = int(np.lexsort((-counts, np.isnan(values)))[0])
    at = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels)]
    with_score = [own[~np.isnan(values[own])] for own in at]
    intervals = _intervals(part, values, with_score, [own[0] for own in at])
    rows = []
    for own, scored_at, interval in zip(at, with_score, intervals, strict=True):
        seeds = values[scored_at]
        typical = scored_at[0] if len(scored_at) else first
        rows.append(
            {
                **{name: values_of[own[0]] for name, values_of in about.items()},
                "mean": interval.mean,
                "low": max(interval.low, bottom) if np.isfinite(interval.low) else interval.low,
                "high": np.nanmin([interval.high, top, *most[own]]) if np.isfinite(interval.high) else interval.high,
                "n": len(seeds),
                "worst": (seeds.max() if lower else seeds.min()) if len(seeds) else np.nan,
                "best": (seeds.min() if lower else seeds.max()) if len(seeds) else np.nan,
                "key": keys[typical],
                "samples": counts[typical],
            }
        )
    example = part.iloc[first]
    shared = ["dataset", "checkpoint", "board", "judge", "metric", "title", "split"]
    shared += ["usual_samples", "direction", "unit"]
    return DataFrame(rows).assign(**{name: example[name] for name in shared})


def redrawn_interval(values: Floats, errors: Floats) -> Interval:
    """(n,) a control's scores and their standard errors -> their mean with the 95 % interval of redrawn samples.

    Nothing trains a control, so that its seeds are no independent trainings: some judge the very same samples. Without
    a standard error it is Student's interval over seeds that differ, and none over seeds that do not.
    """
    if not len(values):
        return mean_interval(values)
    mean, error = float(np.mean(values)), math.sqrt(np.mean(errors**2))
    if math.isnan(error):
        return mean_interval(values) if len(set(values)) > 1 else Interval(mean, math.nan, math.nan)
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
    return Interval(mean, mean - reach, mean + reach)


def _intervals(part: DataFrame, values: Floats, with_score: list[Places], first: list[int]) -> list[Interval]:
    """Means and intervals of labels; of each the places of its scores, and of its first row.

    Of entrants as the verdicts have them, which share what is known of the spread over seeds; of controls those of
    redrawn samples. Where neither low nor high is better, Student's.
    """
    control, entrant = (part[name].to_numpy(dtype=bool)[first] for name in ("control", "entrant"))
    direction, errors = str(part["direction"].iloc[0]), part["stderr"].to_numpy(dtype=np.float64)
    found = [
        redrawn_interval(values[at], errors[at]) if is_control else mean_interval(values[at])
        for at, is_control in zip(with_score, control, strict=True)
    ]
    if direction not in SENSES:
        return found
    for group in (np.flatnonzero(entrant), *np.flatnonzero(~entrant & ~control)[:, None]):
        cell = cell_of([values[with_score[i]] for i in group], direction == "lower")
        means, (low, high) = cell.scale.back(cell.mean), cell.limits(LEVEL)
        for place, i in enumerate(group):
            if len(with_score[i]) and np.isfinite(values[with_score[i]]).all():
                found[i] = Interval(float(means[place]), float(low[place]), float(high[place]))
    return found


def _with_ranks(rows: DataFrame, verdicts: Verdicts | None) -> DataFrame:
    """Add what the verdicts say of each entrant; sort by group, best first.

    A single seed has no interval, so it can neither be ranked nor rank others.
    """
    lower = rows["direction"].iloc[0] == "lower"
    ranked = rows["label"].where(rows["entrant"] & rows["low"].notna())
    said = verdicts.rows.set_index("label") if verdicts is not None else DataFrame(columns=["rank", "tier", "p_best"])
    rank = ranked.map(said["rank"]).astype("Int64")
    tier = ranked.map(said["tier"]).astype(object).where(rank.notna(), "")
    return best_first(rows.assign(rank=rank, tier=tier, p_best=ranked.map(said["p_best"]).astype(float)), "mean", lower)
