"""Where metrics disagree: rank correlations over runs, and pairs of variants whose order depends on the metric.

All follows from the test split's scores of the last checkpoint, of variants; a metric that says nothing of better and
worse is left out. Of a metric that was measured under several conditions the most common comparability key counts.
"""

from collections.abc import Iterator
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
from ganbench.reports import figures
from ganbench.reports.formats.words import count, fixed, listed, short
from ganbench.reports.frames.glossary import ordered
from ganbench.reports.frames.tables import SENSES, each
from ganbench.reports.html.markup import Chapter, escape, plain_table, row_name
from ganbench.reports.html.pictures import Caption, Drawn, group
from pandas import DataFrame

FEWEST = 6  # runs, below which no order says anything
MOST_PAIRS = 12
READ = Caption(
    "Kendall's τ-b of each pair of metrics over {runs} of variants, each metric turned so that more is better. Blue: "
    "they order runs alike; orange: the other way round; grey: neither. Without any relation {share} of all values "
    "would lie within ±{reach}; seeds of a variant are alike, so that the true margin is wider.",
    "agreement is no proof: two metrics of one judge share its blind spots. And good variants may be ordered "
    "otherwise than all of them together, which one bad variant can rule.",
)
PAIRS = (
    "Pairs of variants of which one is surely better by one metric and the other by another: their intervals lie apart "
    "each time. Which of them is “better” is a question of what is asked for."
)


def table_of(scores: DataFrame, select: str = "") -> DataFrame:
    """Tidy scores of one dataset -> a row per run of a variant and a column per metric, `select` first, all turned so
    that more is better. A metric of several judges has a column for each.
    """
    rows = scores[(scores["checkpoint"] == "last") & scores["value"].notna() & scores["direction"].isin(SENSES)]
    rows = rows[~rows["control"].astype(bool)] if len(rows) else rows
    columns: dict[str, Any] = {}
    for metric in ordered(list(rows["metric"]), select):
        own = rows[rows["metric"] == metric]
        judges = list(dict.fromkeys(own["judge"]))
        for judge in judges:
            part = own[own["judge"] == judge]
            part = part[part["key"] == part["key"].mode().iloc[0]].drop_duplicates("run")
            sign = -1 if part["direction"].iloc[0] == "lower" else 1
            title = own["title"].iloc[0] + (f", {judge}" if len(judges) > 1 else "")
            columns[title] = sign * part.set_index("run")["value"]
    return DataFrame(columns)


def correlations(table: DataFrame) -> DataFrame:
    """`table_of` -> Kendall's tau-b of its columns, in [-1, 1], over the runs that have both.

    Kendall, "The Treatment of Ties in Ranking Problems", Biometrika 33, 1945. NaN where fewer than `FEWEST` runs have
    both, or where a metric is the same for all of them; a metric that says the same of all runs is left out.
    """
    told = table.loc[:, table.notna().sum() >= FEWEST]
    told = told.loc[:, told.nunique() > 1].replace([np.inf, -np.inf], np.nan)
    return told.corr(method="kendall", min_periods=FEWEST)


def by_chance(n: int, z: float = 1.96) -> float:
    """How far from zero 95 % of the taus of n unrelated runs without ties reach at most: z sqrt(2 (2n + 5) / 9n (n-1)).

    Kendall, "A New Measure of Rank Correlation", Biometrika 30, 1938.
    """
    return min(1.0, z * sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))) if n > 1 else 1.0


def reversals(rows: DataFrame) -> DataFrame:
    """`tables.summary` of a dataset -> pairs of variants that surely change places: a, b, a_by, b_by (titles of the
    metrics by which one is surely better: their 95 % intervals lie apart), the most contradictory first.

    Of the last checkpoint; only scores of one board are compared.
    """
    known = rows[(rows["checkpoint"] == "last") & rows["low"].notna() & rows["direction"].isin(SENSES)]
    known = known[~known["control"].astype(bool)] if len(known) else known
    better: dict[tuple[str, str], list[str]] = {}
    for _, part in known.groupby(["board", "metric"], sort=False):
        for a, b in combinations(each(part), 2):
            lower = a.direction == "lower"
            for x, y in ((a, b), (b, a)):
                if (x.high < y.low) if lower else (x.low > y.high):
                    better.setdefault((x.label, y.label), []).append(str(a.title))
    pairs = [(a, b) for a, b in better if (b, a) in better and a < b]
    made = [{"a": a, "b": b, "a_by": better[a, b], "b_by": better[b, a]} for a, b in pairs]
    made.sort(key=lambda pair: -min(len(pair["a_by"]), len(pair["b_by"])))
    return DataFrame(made, columns=["a", "b", "a_by", "b_by"])


def disagreement(chapter: Chapter) -> str:
    """Both, for one dataset; nothing where fewer than two metrics or `FEWEST` runs can be compared."""
    table = table_of(chapter.scores, chapter.select)
    found = correlations(table)
    if found.shape[0] < 2 or not found.where(~np.eye(len(found), dtype=bool)).notna().any(axis=None):
        return ""
    caption = READ._replace(
        read=READ.read.format(runs=count(len(table), "run"), share="95 %", reach=fixed(by_chance(len(table)), 2))
    )
    drawn = group(chapter.page, chapter.slug, "Agreement of metrics", caption, _agreement(found))
    listed_pairs = _pairs(chapter, reversals(chapter.rows))
    return f'<h3>Where metrics disagree</h3><div class="figures">{drawn}<section>{listed_pairs}</section></div>'


def _agreement(found: DataFrame) -> Iterator[Drawn]:
    values = np.where(np.eye(len(found), dtype=bool), np.nan, found.to_numpy(dtype=float))
    i, j = divmod(int(np.nanargmin(values)), len(found))
    between = f"{short(found.index[i])} and {short(found.index[j])}"
    said = f"Kendall's tau of {len(found)} metrics; least between {between}, {fixed(float(values[i, j]), 2)}."
    yield Drawn("Kendall's τ-b", figures.agreement(found), said)


def _pairs(chapter: Chapter, found: DataFrame) -> str:
    head = "<h4>Whose order depends on the metric</h4>"
    if found.empty:
        seeds = chapter.rows.loc[~chapter.rows["control"].astype(bool), "n"]
        few = " With one seed there are no intervals, so nothing is sure." if seeds.max() < 2 else ""
        return f'{head}<p class="note">No pair of variants surely changes places between metrics.{few}</p>'
    lines = (
        f'<tr class="row"><th scope="row">{row_name(r.a, chapter.styles[r.a])}</th>{_by(r.a_by)}'
        f'<td class="text">{row_name(r.b, chapter.styles[r.b])}</td>{_by(r.b_by)}</tr>'
        for r in each(found.head(MOST_PAIRS))
    )
    more = f" The {MOST_PAIRS} most contradictory of {len(found)}." if len(found) > MOST_PAIRS else ""
    titles = ("<This", "<is better by", "<this", "<by")
    return f'{head}<p class="note">{PAIRS}{more}</p>' + plain_table("Pairs that change places", titles, lines)


def _by(metrics: list[str]) -> str:
    return f'<td class="text wrap">{escape(listed([short(metric, 40) for metric in metrics], 5))}</td>'
