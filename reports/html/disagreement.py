"""The page's section on where metrics disagree."""

from collections.abc import Iterator

import numpy as np
from ganbench.reports import figures
from ganbench.reports.frames.disagreement import MOST_PAIRS, by_chance, correlations, reversals, table_of
from ganbench.reports.frames.rows import each
from ganbench.reports.html.markup import Section, escape, plain_table, row_name
from ganbench.reports.html.pictures import Caption, Drawn, group
from ganbench.reports.numbers import count, fixed, listed, short
from pandas import DataFrame

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


def disagreement(chapter: Section) -> str:
    """Both, for one dataset; nothing where fewer than two metrics or `FEWEST` runs can be compared."""
    table = table_of(chapter.scores, chapter.select)
    found = correlations(table)
    if found.shape[0] < 2 or not found.where(~np.eye(len(found), dtype=bool)).notna().any(axis=None):
        return ""
    caption = READ._replace(
        read=READ.read.format(runs=count(len(table), "run"), share="95 %", reach=fixed(by_chance(len(table)), 2))
    )
    drawn = group(chapter.page, chapter.slug, "Agreement of metrics", caption, _agreement(found))
    listed_pairs = _pairs(chapter, reversals(chapter.summary))
    return f'<h3>Where metrics disagree</h3><div class="figures">{drawn}<section>{listed_pairs}</section></div>'


def _agreement(found: DataFrame) -> Iterator[Drawn]:
    values = np.where(np.eye(len(found), dtype=bool), np.nan, found.to_numpy(dtype=float))
    i, j = divmod(int(np.nanargmin(values)), len(found))
    between = f"{short(found.index[i])} and {short(found.index[j])}"
    said = f"Kendall's tau of {len(found)} metrics; least between {between}, {fixed(float(values[i, j]), 2)}."
    yield Drawn("Kendall's τ-b", figures.agreement(found), said)


def _pairs(chapter: Section, found: DataFrame) -> str:
    head = "<h4>Whose order depends on the metric</h4>"
    if found.empty:
        seeds = chapter.summary.loc[~chapter.summary["control"].astype(bool), "n"]
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
