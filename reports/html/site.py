"""A report as a static site, for hosting: an overview, a page per variant, and Plotly once for all of them.

Links are relative, so that it works from a disk and from any folder of a server.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from plotly.offline import get_plotlyjs

from ganbench.reports.formats.as_csv import to_csv
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.rows import labels, of_label, runs
from ganbench.reports.html import page as pages
from ganbench.reports.html.gallery import gallery
from ganbench.reports.html.layout import POLICY, Frame, static, whole_page
from ganbench.reports.html.leaderboard import (
    Standing,
    leaderboards,
    leaderboards_among,
    published,
    published_among,
    standings,
)
from ganbench.reports.html.page import TABS, Part, Tab
from ganbench.reports.html.provenance import glossary
from ganbench.reports.html.sections import Page, Section
from ganbench.reports.numbers import count, short
from ganbench.store import Results
from ganbench.store.whole import write_bytes

INDEX, PLOTLY, SCORES = "index.html", "plotly.min.js", "scores.csv"
FRAME = Frame(
    policy=POLICY.replace("script-src", "script-src 'self'"),
    css=static("page.css", "site.css"),
    plotly=PLOTLY,
    scores=SCORES,
)
# Samples of all variants would weigh the overview down: each is on a variant's own page.
OVERVIEW = tuple(tab for tab in TABS if gallery not in tab.parts)


def write_site(results: Results, folder: Path) -> Path:
    """Write the site's files into `folder`, each whole or not at all; returns its index.html.

    Files of the same names are replaced, others are left alone.
    """
    everyone, files = Page(Report(results)), file_names(results)
    boards = {section.dataset: standings(section) for section in everyone.sections}
    folder.mkdir(parents=True, exist_ok=True)
    for label, file in files.items():
        write_bytes(folder / file, variant(everyone, boards, label, files).encode())
    write_bytes(folder / PLOTLY, get_plotlyjs().encode())
    write_bytes(folder / SCORES, to_csv(results).encode())
    write_bytes(folder / INDEX, overview(results, files).encode())
    return folder / INDEX


def file_names(results: Results) -> dict[str, str]:
    """Labels of variants -> file names that every system takes, and that differ where capitals do not count."""
    ids = Page(Report(results))
    entrants = (label for label, control in labels(results).items() if not control)
    return {label: f"variant-{ids.claim(label.lower())}.html" for label in entrants}


def overview(results: Results, files: Mapping[str, str]) -> str:
    """The index: the page, whose samples are a link away."""
    page = Page(Report(results), addresses=files)
    return pages.render(results, FRAME, OVERVIEW, page, "site.html")


def variant(everyone: Page, boards: Mapping[str, list[Standing]], label: str, files: Mapping[str, str]) -> str:
    """All of one variant: its rows among the others' (`boards`, by dataset), then what is its own."""
    report = Report(of_label(everyone.report.results, label))
    others = {other: file for other, file in files.items() if other != label}
    own = Page(report, taken=set(everyone.taken), addresses=others, current=label)
    own.styles, own.stems = everyone.styles, everyone.stems
    known = {chapter.dataset for chapter in report.chapters}
    sections = {section.dataset: section for section in everyone.sections if section.dataset in known}
    own.sections = [Section(report, dataset, own, section.slug) for dataset, section in sections.items()]
    tried = runs(report.results).query("label == @label")
    done = int((tried["status"] == "done").sum())
    what, suite = (short(text) for text in (tried["variant"].iloc[0], report.results.suite))
    datasets = [
        pages.content_of(section, _tabs(own, sections[section.dataset], boards[section.dataset]))
        for section in own.sections
    ]
    return whole_page(
        "variant.html",
        FRAME,
        plotted=own.drawn > 0,
        title=suite,
        subtitle=f"{what} in the suite {suite}: {done} of {count(len(tried), 'run')} done.",
        links={INDEX: "Overview"} | {f"#{section.slug}": section.dataset for section in own.sections},
        results=report.results,
        label=label,
        datasets=datasets,
        glossary=glossary(own),
    )


def _tabs(own: Page, everyone: Section, boards: list[Standing]) -> Iterator[Tab]:
    """What a variant's page has of a dataset: boards among all variants, whose section is `everyone`, and its own."""
    among: dict[Part, Part] = {
        leaderboards: lambda _: leaderboards_among(own, everyone, boards),
        published: lambda _: published_among(own, everyone),
    }
    for tab in TABS:
        yield tab._replace(parts=tuple(among.get(part, part) for part in tab.parts))
