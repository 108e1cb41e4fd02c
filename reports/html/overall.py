"""The page's section over all datasets: who is better over all, mean ranks, and performance profiles."""

from collections.abc import Iterator

from pandas import DataFrame

from ganbench.compare.words import answer_over_all, beaten_over_all
from ganbench.reports import figures
from ganbench.reports.frames import ranking
from ganbench.reports.frames.ranking import RankedDataset
from ganbench.reports.frames.rows import runs
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.pictures import Caption, DrawnFigure, group
from ganbench.reports.html.sections import Page
from ganbench.reports.numbers import isolated

RANKS = Caption(
    "Mean rank over the datasets. Small dots: ranks on single datasets.",
    "a rank says who is ahead, neither by how much nor how surely; the table's column says which are better.",
)
PROFILE = Caption(
    "Which share of a variant's runs reaches at least a normalised score, every dataset counting the same (Agarwal et "
    "al., 2021). A line that lies above another everywhere is better at every demand. Failed runs count as noise.",
    "the scale between noise and real data is linear: where a metric falls over decades, all that matters may happen "
    "near 1. Lines have no bands here: one run is one step.",
)


def overall(page: Page, slug: str) -> str:
    """The aggregate board, with the id `slug`; nothing where fewer than two datasets have two variants in common."""
    entries = ranking.ranked_datasets(page.report)
    rows = ranking.overall_ranks(entries)
    if rows.empty:
        return ""
    pairs = ranking.over_all(page.report)
    groups = [
        group(page, slug, "Mean ranks", RANKS, _ranks(page, rows)),
        group(page, slug, "Performance profiles", PROFILE, _profiles(page, entries)),
    ]
    entrants = {str(label) for label in runs(page.report.results).query("entrant")["label"]}
    return lay_out(
        "overall.html",
        page=page,
        slug=slug,
        datasets=[(dataset.dataset, dataset.title) for dataset in entries],
        rows=rows.to_dict("records"),
        scored=bool(rows["score"].notna().any()),
        scaled=ranking.scaled(entries),
        seeds=ranking.SEEDS_TO_RESAMPLE,
        answer=answer_over_all(pairs, len(entries), isolated),
        beaten=beaten_over_all(pairs),
        elsewhere=[isolated(label) for label in sorted(entrants - set(rows["label"]))],
        groups=[one for one in groups if one.figures],
        labels=dict.fromkeys(rows["label"], False),
    )


def _ranks(page: Page, rows: DataFrame) -> Iterator[DrawnFigure]:
    alternative = f"Mean ranks over all datasets; first is {isolated(rows['label'].iloc[0])}."
    yield DrawnFigure("Mean ranks", figures.mean_ranks(rows, page.styles), alternative)


def _profiles(page: Page, entries: list[RankedDataset]) -> Iterator[DrawnFigure]:
    profiles = ranking.profiles(entries)
    if len(profiles):
        alternative = "Share of each variant's runs that reach a normalised score, a line per variant."
        yield DrawnFigure("Profiles", figures.profile(profiles, page.styles), alternative)
