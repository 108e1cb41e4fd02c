"""One self-contained page: opens from disk without a network, and can be mailed.

The first screen answers: who is better, how sure is it, does it look right, what did it cost, did anything fail. The
rest is behind tabs, per dataset. The tables need no script; Plotly is unpacked when the first figure is to be drawn.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ganbench.reports.formats import sentences
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.matrix import matrix, outcome
from ganbench.reports.html.disagreement import metrics
from ganbench.reports.html.gallery import gallery
from ganbench.reports.html.layout import Frame, whole_page
from ganbench.reports.html.leaderboard import failures, leaderboards, published
from ganbench.reports.html.matrix import first_screen
from ganbench.reports.html.overall import overall
from ganbench.reports.html.pictures import pictures
from ganbench.reports.html.provenance import conditions, cost, glossary
from ganbench.reports.html.search import search
from ganbench.reports.html.sections import Page, Section
from ganbench.reports.html.stability import stability
from ganbench.reports.numbers import short
from ganbench.store import Results

MOST_ANSWERS = 4  # that are seen before the first table; more are folded

Part = Callable[[Section], str]  # HTML of one question about a dataset; "" where there is nothing to say


class Tab(NamedTuple):
    """A question about a dataset, behind a tab."""

    key: str  # ends its id
    title: str
    parts: tuple[Part, ...]


TABS = (
    Tab("board", "Board", (leaderboards, published)),
    Tab("samples", "Samples", (gallery,)),
    Tab("curves", "Curves", (pictures,)),
    Tab("cost", "Cost", (cost, search)),
    Tab("stability", "Stability", (failures, stability)),
    Tab("metrics", "Metrics", (metrics,)),
    Tab("conditions", "Conditions", (conditions,)),
)


class Panel(NamedTuple):
    """What a tab opens."""

    id: str
    title: str
    parts: list[str]


class DatasetContent(NamedTuple):
    """All of one dataset."""

    section: Section
    panels: list[Panel]


def content_of(section: Section, tabs: Iterable[Tab]) -> DatasetContent:
    """The HTML behind a dataset's tabs; a tab without any is left out."""
    panels = [Panel(f"{section.slug}--{tab.key}", tab.title, [part(section) for part in tab.parts]) for tab in tabs]
    return DatasetContent(section, [panel for panel in panels if any(panel.parts)])


def render(
    results: Results,
    frame: Frame | None = None,
    tabs: Iterable[Tab] = TABS,
    page: Page | None = None,
    template: str = "page.html",
    **values: Any,
) -> str:
    """The page as one string of HTML; of each dataset its `tabs`.

    The served page and the overview of a site pass a frame of their own, and a template that extends page.html.
    """
    page, found = page or Page(Report(results)), tuple(tabs)
    datasets = [content_of(section, found) for section in page.sections]
    together = overall(page, slug := page.claim("overall"))
    links = {f"#{section.slug}": section.dataset for section in page.sections}
    table = matrix(page.report)
    return whole_page(
        template,
        frame,
        plotted=page.drawn > 0,
        title=short(results.suite),
        subtitle=sentences.what_was_run(page.report),
        links=links | ({f"#{slug}": "overall"} if together else {}),
        results=results,
        page=page,
        verdicts=[(section, sentences.verdict(section)) for section in page.sections],
        MOST_ANSWERS=MOST_ANSWERS,
        remarks=sentences.all_remarks(page.report),
        outcome=outcome(table),
        matrix=first_screen(page, table),
        overall=together,
        datasets=datasets,
        glossary=glossary(page),
        **values,
    )
