"""The page's section over all datasets: mean ranks, what they can tell apart, and performance profiles."""

from collections.abc import Iterator

from pandas import DataFrame

from ganbench.reports import figures
from ganbench.reports.frames import ranking
from ganbench.reports.frames.ranking import RankedDataset
from ganbench.reports.frames.rows import runs
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.pictures import Caption, DrawnFigure, group
from ganbench.reports.html.sections import Page
from ganbench.reports.numbers import isolated, number
from ganbench.statistics import CriticalDifference

ENOUGH = 5  # datasets, from which Friedman's p-value can be believed
RANKS = Caption(
    "Mean rank over the datasets, whiskers of half the critical difference each way (Nemenyi, 95 %): variants whose "
    "whiskers do not touch differ; those on the grey ground cannot be told from the first. Small dots: ranks on single "
    "datasets.",
    "a rank says who is ahead, not by how much; and the whiskers speak of other datasets like these, not of other "
    "seeds on these.",
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
    difference = ranking.differences(entries)
    if difference is None:
        return ""
    rows = ranking.overall_ranks(entries)
    groups = [
        group(page, slug, "Mean ranks", RANKS, _ranks(page, rows, difference)),
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
        difference=difference,
        friedman=len(entries) >= ENOUGH,
        elsewhere=[isolated(label) for label in sorted(entrants - set(rows["label"]))],
        groups=[one for one in groups if one.figures],
        labels=dict.fromkeys(rows["label"], False),
    )


def _ranks(page: Page, rows: DataFrame, difference: CriticalDifference) -> Iterator[DrawnFigure]:
    best = isolated(rows["label"].iloc[0])
    alternative = f"Mean ranks with the critical difference {number(difference.distance)}; first is {best}."
    yield DrawnFigure("Mean ranks", figures.mean_ranks(rows, difference.distance, page.styles), alternative)


def _profiles(page: Page, entries: list[RankedDataset]) -> Iterator[DrawnFigure]:
    profiles = ranking.profiles(entries)
    if len(profiles):
        alternative = "Share of each variant's runs that reach a normalised score, a line per variant."
        yield DrawnFigure("Profiles", figures.profile(profiles, page.styles), alternative)
