"""One self-contained page: opens from disk without a network, and can be mailed.

The answer comes first, then per dataset the boards, the pictures, the samples, the cost and the conditions. The tables
need no script; Plotly stands at the end of the file, so that they can be read while it loads.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ganbench.reports.formats import sentences
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.rows import MISSING, runs
from ganbench.reports.html.disagreement import disagreement
from ganbench.reports.html.gallery import gallery
from ganbench.reports.html.layout import Frame, whole_page
from ganbench.reports.html.leaderboard import failures, leaderboards, published
from ganbench.reports.html.overall import overall
from ganbench.reports.html.pictures import pictures
from ganbench.reports.html.provenance import conditions, cost, glossary
from ganbench.reports.html.sections import Page, Section
from ganbench.reports.html.stability import stability
from ganbench.reports.numbers import amount, count, listed, short
from ganbench.store import Results

Part = Callable[[Section], str]  # HTML of one question about a dataset; "" where there is nothing to say
# The order of a dataset's parts.
PARTS: tuple[Part, ...] = (
    leaderboards, published, failures, pictures, stability, disagreement, gallery, cost, conditions,
)  # fmt: skip


class DatasetContent(NamedTuple):
    """All of one dataset."""

    section: Section
    remarks: list[str]
    parts: list[str]


def content_of(section: Section, parts: Iterable[Part]) -> DatasetContent:
    """A dataset's remarks and the HTML of its parts."""
    return DatasetContent(section, sentences.remarks(section), [part(section) for part in parts])


def render(
    results: Results,
    frame: Frame | None = None,
    parts: Iterable[Part] = PARTS,
    page: Page | None = None,
    template: str = "page.html",
    **values: Any,
) -> str:
    """The page as one string of HTML; of each dataset its `parts`.

    The served page and the overview of a site pass a frame of their own, and a template that extends page.html.
    """
    page = page or Page(Report(results))
    datasets = [content_of(section, parts) for section in page.sections]
    together = overall(page, slug := page.claim("overall"))
    links = {f"#{slug}": "overall"} if together else {}
    return whole_page(
        template,
        frame,
        plotted=page.drawn > 0,
        title=short(results.suite),
        subtitle=_subtitle(page.report),
        links=links | {f"#{section.slug}": section.dataset for section in page.sections},
        results=results,
        page=page,
        answers=[sentences.answer(section) for section in page.sections],
        overall=together,
        datasets=datasets,
        glossary=glossary(page),
        **values,
    )


def _subtitle(report: Report) -> str:
    """How much was run, with which budget, and where."""
    own = runs(report.results)
    if own.empty:
        return ""
    variants = sum(not control for control in report.labels.values())
    counts = {"variant": variants, "dataset": own["dataset"].nunique(), "seed": own["seed"].nunique()}
    facts = [", ".join(count(n, noun) for noun, n in {**counts, "run": len(own)}.items())]
    ended = own[own["status"] != MISSING]
    if "budget_amount" in ended and len(ended):
        pairs = dict.fromkeys(zip(ended["budget_amount"], ended["budget_unit"], strict=True))
        facts.append(f"Budget of a run: {listed([f'{amount(float(size))} {short(unit)}' for size, unit in pairs])}")
    if "device" in ended and ended["device"].notna().any():
        facts.append(f"Trained on {listed([short(device) for device in dict.fromkeys(ended['device'].dropna())])}")
    return ". ".join(facts) + "."
