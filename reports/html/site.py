"""A report as a static site, for hosting: an overview, a page per variant, and Plotly once for all of them.

Links are relative, so that it works from a disk and from any folder of a server.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from ganbench.reports.formats.as_csv import to_csv
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.rows import labels, of_label, runs
from ganbench.reports.html import page as pages
from ganbench.reports.html.gallery import gallery
from ganbench.reports.html.leaderboard import leaderboards, published
from ganbench.reports.html.markup import Page, Section, chip, escape, name
from ganbench.reports.html.page import PARTS, POLICY, Form, Part, put
from ganbench.reports.html.provenance import glossary
from ganbench.reports.numbers import count, short
from plotly.offline import get_plotlyjs

from ganbench.store import Results

INDEX, PLOTLY, SCORES = "index.html", "plotly.min.js", "scores.csv"
FORM = Form(
    policy=POLICY.replace("script-src", "script-src 'self'"),
    css=(Path(__file__).parent / "site.css").read_text(encoding="utf-8"),
    plotly=PLOTLY,
    footer=f'Every score is a row of <a href="{SCORES}">{SCORES}</a>.',
)
AMONG = (leaderboards, published)  # parts that show a variant among all others
APART = (gallery,)  # parts for a variant's own page: samples of all of them would weigh the overview down


def write(results: Results, folder: Path) -> Path:
    """Write the site's files into `folder`, each whole or not at all; returns its index.html.

    Files of the same names are replaced, others are left alone.
    """
    everyone, files = Page(Report(results)), names(results)
    among = {chapter.dataset: "".join(part(chapter) for part in AMONG) for chapter in everyone.sections}
    for label, file in files.items():
        put(folder / file, variant(everyone, among, label, files).encode())
    put(folder / PLOTLY, get_plotlyjs().encode())
    put(folder / SCORES, to_csv(results).encode())
    return put(folder / INDEX, overview(results, files).encode())


def names(results: Results) -> dict[str, str]:
    """Labels of variants -> file names that every system takes, and that differ where capitals do not count."""
    ids = Page(Report(results))
    entrants = (label for label, control in labels(results).items() if not control)
    return {label: f"variant-{ids.claim(label.lower())}.html" for label in entrants}


def overview(results: Results, files: Mapping[str, str]) -> str:
    """The index: the page, whose samples are a link away."""
    looks = Page(Report(results)).styles
    items = "".join(f'<li><a href="{file}">{chip(looks[label])}{name(label)}</a></li>' for label, file in files.items())
    menu = f'<nav aria-label="Variants"><p class="note">Samples of each:</p><ul class="variants">{items}</ul></nav>'
    parts = [part for part in PARTS if part not in APART]
    return _linked(pages.render(results, replace(FORM, above=menu if files else ""), parts), files)


def variant(everyone: Page, among: Mapping[str, str], label: str, files: Mapping[str, str]) -> str:
    """All of one variant: its rows among the others' (`among`, HTML by dataset), then what is its own."""
    report = Report(of_label(everyone.results, label))
    own = Page(report, taken=set(everyone.taken))
    own.styles = everyone.styles
    known = {chapter.dataset for chapter in report.chapters}
    own.sections = [Section(report, s.dataset, own, s.slug) for s in everyone.sections if s.dataset in known]
    parts: list[Part] = [partial(_among, among, label), *(part for part in PARTS if part not in AMONG)]
    sections = "".join(pages.section(chapter, parts) for chapter in own.sections)
    tried = runs(report.results).query("label == @label")
    done = int((tried["status"] == "done").sum())
    what, suite = (short(text) for text in (tried["variant"].iloc[0], report.results.suite))
    subtitle = f"{what} in the suite {suite}: {done} of {count(len(tried), 'run')} done."
    links = {INDEX: "Overview"} | {f"#{c.slug}": c.dataset for c in own.sections}
    made = pages.fill(own, name(label, 300), subtitle, links, sections + glossary(own), FORM)
    return _linked(made, {other: file for other, file in files.items() if other != label})


def _among(among: Mapping[str, str], label: str, chapter: Section) -> str:
    """The boards of a dataset, with the variant's rows marked."""
    head = f'<th scope="row" data-column="name" data-value="{escape(label)}"'
    return among[chapter.dataset].replace(head, f'{head} aria-current="true"')


def _linked(source: str, files: Mapping[str, str]) -> str:
    """Make the names in tables lead to the pages of their variants."""

    def lead(found: re.Match[str]) -> str:
        file = files.get(html.unescape(found[2]))
        return f'{found[1]}<a href="{file}">{found[3]}</a></span>' if file else found[0]

    return re.sub(r'(<span class="name" title="([^"]*)">)(<bdi>.*?</bdi>)</span>', lead, source)
