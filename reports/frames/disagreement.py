"""Where metrics disagree: rank correlations over runs, and pairs of variants whose order depends on the metric.

All follows from the test split's scores of the last checkpoint, of rows that are ranked; a metric that says nothing
of better and worse is left out. Of a metric that was measured under several conditions the most common comparability
key counts.
"""

from collections.abc import Iterator
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from ganbench.reports.frames.order import is_entrant, metrics_in_order
from ganbench.reports.frames.rows import each
from ganbench.reports.frames.scores import SENSES
from ganbench.reports.frames.verdicts import of_runs
from ganbench.statistics import decide
from ganbench.statistics.verdicts import ERROR

FEWEST = 6  # runs, below which no order says anything
MOST_PAIRS = 12  # that a report lists


def table_of(scores: DataFrame, primary: str = "") -> DataFrame:
    """Tidy scores of one dataset -> a row per run of a variant and a column per metric, `primary` first, all turned so
    that more is better. A metric of several judges has a column for each.
    """
    columns: dict[str, Any] = {}
    for title, _, part in _by_judge(scores, primary):
        part = part[part["key"] == part["key"].mode().iloc[0]].drop_duplicates("run")
        columns[title] = (-1 if part["direction"].iloc[0] == "lower" else 1) * part.set_index("run")["value"]
    return DataFrame(columns)


def nearest(scores: DataFrame, taus: DataFrame) -> DataFrame:
    """For each metric of a judge that is not the one of most scores, such as people, the metric of another judge that
    orders runs most as it does: metric, judge, nearest, tau. `taus` is from `correlations`.
    """
    judges = {title: judge for title, judge, _ in _by_judge(scores) if title in taus}
    usual = max(judges.values(), key=list(judges.values()).count, default="")
    found = []
    for title, judge in judges.items():
        others = taus.loc[title, [other for other, by in judges.items() if by != judge]].dropna()
        if judge != usual and len(others):
            found.append({"metric": title, "judge": judge, "nearest": others.idxmax(), "tau": max(others)})
    return DataFrame(found, columns=["metric", "judge", "nearest", "tau"])


def _by_judge(scores: DataFrame, primary: str = "") -> Iterator[tuple[str, str, DataFrame]]:
    """Title, judge and rows of each metric by each of its judges; of one judge the title is the metric's own."""
    rows = scores[(scores["checkpoint"] == "last") & scores["value"].notna() & scores["direction"].isin(SENSES)]
    rows = rows[is_entrant(rows)]
    for metric in metrics_in_order(list(rows["metric"]), primary):
        own = rows[rows["metric"] == metric]
        judges = list(dict.fromkeys(own["judge"]))
        for judge in judges:
            yield own["title"].iloc[0] + (f", {judge}" if len(judges) > 1 else ""), judge, own[own["judge"] == judge]


def correlations(table: DataFrame) -> DataFrame:
    """`table_of` -> Kendall's tau-b of its columns, in [-1, 1], over the runs that have both.

    Kendall, "The Treatment of Ties in Ranking Problems", Biometrika 33, 1945. NaN where fewer than `FEWEST` runs have
    both, or where a metric is the same for all of them; a metric that says the same of all runs is left out.
    """
    enough = table.loc[:, table.notna().sum() >= FEWEST]
    enough = enough.loc[:, enough.nunique() > 1].replace([np.inf, -np.inf], np.nan)
    return enough.corr(method="kendall", min_periods=FEWEST)


def by_chance(n: int, z: float = 1.96) -> float:
    """How far from zero 95 % of the taus of n unrelated runs without ties reach at most: z sqrt(2 (2n + 5) / 9n (n-1)).

    Kendall, "A New Measure of Rank Correlation", Biometrika 30, 1938.
    """
    return min(1.0, z * sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))) if n > 1 else 1.0


def reversals(scores: DataFrame) -> DataFrame:
    """Tidy scores of one dataset -> pairs of variants that surely change places: a, b, a_by, b_by (titles of the
    metrics by which one is better), the most contradictory first.

    By the board's rule, each metric at its share of the 5 %, so that the whole list is wrong in no more cases.
    """
    rows = scores[(scores["checkpoint"] == "last") & scores["direction"].isin(SENSES)]
    cells = [
        of_runs(part[(part["key"] == known.mode().iloc[0]) | part["value"].isna()]).assign(metric=title)
        for title, part in rows[is_entrant(rows)].groupby("title", sort=False)
        if len(known := part.loc[part["value"].notna(), "key"])
    ]
    better: dict[tuple[str, str], list[str]] = {}
    tests = decide(pd.concat(cells), error=ERROR / len(cells)).tests if cells else DataFrame()
    for test in each(tests):
        if test.verdict in ("a", "b"):
            pair = (test.a, test.b) if test.verdict == "a" else (test.b, test.a)
            better.setdefault(pair, []).append(str(test.metric))
    pairs = [(a, b) for a, b in better if (b, a) in better and a < b]
    made = [{"a": a, "b": b, "a_by": better[a, b], "b_by": better[b, a]} for a, b in pairs]
    made.sort(key=lambda pair: -min(len(pair["a_by"]), len(pair["b_by"])))
    return DataFrame(made, columns=["a", "b", "a_by", "b_by"])
