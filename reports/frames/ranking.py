"""Mean ranks over all datasets, and normalised scores.

A run that failed is worse than any that ended, and a finished run without a score counts nowhere. All numbers follow
from the scores of the last checkpoint and from how runs ended.
"""

from collections.abc import Mapping, Sequence
from math import inf, nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.compare.rank import over_datasets
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.scores import BEST, SENSES, WORST
from ganbench.statistics import Interval, stratified_interval

Floats = NDArray[np.float64]

FEWEST = 2  # datasets and variants, below which there is nothing to rank over all
SEEDS_TO_RESAMPLE = 3  # on each dataset
RESAMPLES = 2_000
STEPS = 101  # of a profile


def wins(a: Floats, b: Floats, lower: bool) -> float:
    """(n,) and (m,) runs -> how often one of b is better than one of a, ties counting half; NaN if a side is empty."""
    if not (len(a) and len(b)):
        return nan
    x, y = (a, b) if lower else (-a, -b)
    return float(np.mean((y < x[:, None]) + 0.5 * (y == x[:, None])))


def win_shares(runs: Sequence[Floats], lower: bool) -> Floats:
    """k variants' runs -> (k,) how probably a run of each beats one of another, averaged over the others."""
    table = np.array([[wins(a, b, lower) for b in runs] for a in runs])  # (i, j): of j over i
    np.fill_diagonal(table, np.nan)
    return np.asarray(np.nanmean(table, axis=0), dtype=np.float64)


class RankedDataset(NamedTuple):
    """A dataset as the overall board sees it: every run's score by its metric, failed runs as infinitely bad."""

    dataset: str
    metric: str
    title: str  # of the metric
    lower: bool  # is better
    runs: Mapping[str, Floats]  # by label, of entrants
    failed: Mapping[str, int]  # how many of them
    worst: float  # mean score of noise; NaN where the suite has no such control
    best: float  # of real data


def ranked_datasets(report: Report) -> list[RankedDataset]:
    """The datasets on which variants can be ranked, in the order of the suite."""
    return [entry for chapter in report.chapters if (entry := ranked_dataset(chapter)) is not None]


def ranked_dataset(chapter: Chapter) -> RankedDataset | None:
    """The last checkpoint on a dataset's first board, by its primary metric.

    None if that metric has no direction or no row on that board.
    """
    rows, scores, primary = chapter.summary, chapter.scores, chapter.primary
    board = rows[(rows["checkpoint"] == "last") & (rows["board"] == 1) & (rows["metric"] == primary) & (rows["n"] > 0)]
    board = board[board["direction"].isin(SENSES)]
    if board.empty:
        return None
    lower = board["direction"].iloc[0] == "lower"
    same = (scores["checkpoint"] == "last") & (scores["metric"] == primary) & (scores["key"] == board["key"].iloc[0])
    by_label = scores[same & scores["value"].notna()].groupby("label")["value"]
    values = {label: part.to_numpy(dtype=float) for label, part in by_label}
    elsewhere = set(rows.loc[(rows["metric"] == primary) & (rows["n"] > 0), "label"]) - set(values)
    runs, failed = {}, {}
    for row in chapter.rows[chapter.rows["entrant"]].to_dict("records"):
        label, lost = str(row["label"]), int(row["failed"])
        failed[label] = lost
        runs[label] = np.append(values.get(label, np.empty(0)), np.full(lost, inf if lower else -inf))
    kept = {label: x for label, x in runs.items() if len(x) and label not in elsewhere}
    means = board[board["control"].astype(bool)].groupby("variant")["mean"].mean()
    worst, best = (float(means.get(control, np.nan)) for control in (WORST, BEST))
    title = str(board["title"].iloc[0])
    return RankedDataset(chapter.dataset, primary, title, lower, kept, failed, worst, best)


def shared(entries: Sequence[RankedDataset]) -> list[str]:
    """Variants with runs on every dataset, in the order of the first."""
    return [label for label in entries[0].runs if all(label in entry.runs for entry in entries)] if entries else []


def over_all(report: Report) -> DataFrame:
    """Every pair of shared variants over all datasets, as from `over_datasets`: the verdicts of the single boards at
    their share of the error. Empty below two datasets or variants."""
    labels = shared(ranked_datasets(report))
    found = [chapter.verdicts.tests for chapter in report.chapters if chapter.verdicts is not None]
    tests = pd.concat(found, ignore_index=True) if found else DataFrame(columns=["dataset", "metric", "a", "b", "p"])
    return over_datasets(tests[tests["a"].isin(labels) & tests["b"].isin(labels)])


def _shares(entry: RankedDataset, labels: Sequence[str]) -> Floats:
    return win_shares([entry.runs[label] for label in labels], entry.lower)


def overall_ranks(entries: Sequence[RankedDataset]) -> DataFrame:
    """The shared variants, best mean rank first: label, rank, then `rank i` on the i-th dataset, runs, failed, and
    `score`, `score_low`, `score_high`.

    On a dataset they are ranked by `win_shares`. A score is the mean of all runs on the scale where noise is 0 and real
    data 1, with the stratified bootstrap interval of Agarwal et al., "Deep Reinforcement Learning at the Edge of the
    Statistical Precipice", 2021, https://arxiv.org/abs/2108.13264, section 4.2. Their interquartile mean would,
    where datasets are few, leave out just the one on which a variant fails. No limits below `SEEDS_TO_RESAMPLE` runs.
    """
    labels = shared(entries)
    if min(len(labels), len(entries)) < FEWEST:
        return DataFrame(columns=["label", "rank", "runs", "failed", "score", "score_low", "score_high"])
    single = {f"rank {i}": pd.Series(_shares(entry, labels)).rank(ascending=False) for i, entry in enumerate(entries)}
    table = DataFrame({"label": labels, "rank": DataFrame(single).mean(axis=1), **single})
    table["runs"] = [sum(len(entry.runs[label]) for entry in entries) for label in labels]
    table["failed"] = [sum(entry.failed[label] for entry in entries) for label in labels]
    if scaled(entries):
        strata = [[normalised(entry, label) for entry in entries] for label in labels]
        table[["score", "score_low", "score_high"]] = np.array([_mean(own) for own in strata])
    else:
        table = table.assign(score=np.nan, score_low=np.nan, score_high=np.nan)
    return table.sort_values("rank", kind="stable", ignore_index=True)


def _mean(strata: Sequence[Floats]) -> Interval:
    interval = stratified_interval(strata, resamples=RESAMPLES)
    return interval if min(map(len, strata)) >= SEEDS_TO_RESAMPLE else Interval(interval.mean, nan, nan)


def scaled(entries: Sequence[RankedDataset]) -> bool:
    """Whether every dataset has the controls that make its scale."""
    return all(np.isfinite([e.worst, e.best]).all() and e.worst != e.best for e in entries)


def normalised(entry: RankedDataset, label: str) -> Floats:
    """(n,) runs on the scale where noise is 0 and real data 1; a run that failed is as good as noise."""
    x = entry.runs[label]
    return np.where(np.isfinite(x), (x - entry.worst) / (entry.best - entry.worst), 0.0)


def profiles(entries: Sequence[RankedDataset]) -> DataFrame:
    """Which share of runs reaches a normalised score: label, tau, share, runs; every dataset counts the same.

    Score distributions of Agarwal et al. (see `overall_ranks`), section 4.2, after Dolan and More, "Benchmarking
    Optimization Software with Performance Profiles", 2002. Empty without the scale's controls.
    """
    labels = shared(entries)
    if not labels or not scaled(entries):
        return DataFrame(columns=["label", "tau", "share", "runs"])
    scores = {label: [normalised(entry, label) for entry in entries] for label in labels}
    low, high = (f([f(x) for own in scores.values() for x in own]) for f in (np.min, np.max))
    tau = np.linspace(min(0.0, low), max(1.0, high), STEPS)
    parts = [
        DataFrame(
            {
                "label": label,
                "tau": tau,
                "share": np.mean([(x[:, None] >= tau).mean(axis=0) for x in own], axis=0),
                "runs": sum(map(len, own)),
            }
        )
        for label, own in scores.items()
    ]
    return pd.concat(parts, ignore_index=True)
