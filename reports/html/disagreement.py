"""The page's part on metrics: all of their scores, and where they disagree."""

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

from ganbench.reports import figures
from ganbench.reports.frames.disagreement import MOST_PAIRS, by_chance, correlations, nearest, reversals, table_of
from ganbench.reports.frames.rows import each
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.pictures import Caption, DrawnFigure, FigureGroup, group, scores_with_intervals
from ganbench.reports.html.sections import Section
from ganbench.reports.numbers import count, fixed, short

READ = Caption(
    "Kendall's τ-b of each pair of metrics over {runs} of variants, each metric turned so that more is better. Blue: "
    "they order runs alike; orange: the other way round; grey: neither. Without any relation {share} of all values "
    "would lie within ±{reach}; seeds of a variant are alike, so that the true margin is wider.",
    "agreement is no proof: two metrics of one judge share its blind spots. And good variants may be ordered "
    "otherwise than all of them together, which one bad variant can rule.",
)


def metrics(section: Section) -> str:
    """Every metric's scores, then where metrics disagree; the latter only where two of them can be compared."""
    turned = table_of(section.scores, section.primary)
    taus = correlations(turned)
    groups = [scores_with_intervals(section), *_compared(section, taus, len(turned))]
    drawn = [one for one in groups if one.figures]
    if not drawn:
        return ""
    pairs = reversals(section.scores)
    seeds = section.summary.loc[~section.summary["control"].astype(bool), "n"]
    return lay_out(
        "disagreement.html",
        page=section.page,
        groups=drawn,
        compared=len(drawn) > 1,
        nearest=list(each(nearest(section.scores, taus))),
        pairs=list(each(pairs.head(MOST_PAIRS))),
        all_pairs=len(pairs),
        one_seed=bool(seeds.max() < 2),
    )


def _compared(section: Section, taus: DataFrame, runs: int) -> Iterator[FigureGroup]:
    """The agreement of metrics; nothing where fewer than two, or `FEWEST` runs, can be compared."""
    if taus.shape[0] < 2 or not taus.where(~np.eye(len(taus), dtype=bool)).notna().any(axis=None):
        return
    reach = fixed(by_chance(runs), 2)
    caption = READ._replace(read=READ.read.format(runs=count(runs, "run"), share="95 %", reach=reach))
    yield group(section.page, section.slug, "Agreement of metrics", caption, _agreement(taus))


def _agreement(taus: DataFrame) -> Iterator[DrawnFigure]:
    values = np.where(np.eye(len(taus), dtype=bool), np.nan, taus.to_numpy(dtype=float))
    i, j = divmod(int(np.nanargmin(values)), len(taus))
    between = f"{short(taus.index[i])} and {short(taus.index[j])}"
    alternative = f"Kendall's tau of {len(taus)} metrics; least between {between}, {fixed(float(values[i, j]), 2)}."
    yield DrawnFigure("Kendall's τ-b", figures.agreement(taus), alternative)
