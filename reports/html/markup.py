"""What the page is made of: escaped text, tables, places for figures, ids, and one dataset's frames.

Whatever comes from names (suites, labels, reasons, plugins' metrics) passes through `escape` or `name` on its way into
HTML, through `script_json` on its way into a script, and through `figures.plain` on its way into a figure.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import plotly.graph_objects as go
from ganbench.reports.figures.colours import Look, looks
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.numbers import short

from ganbench.store import Results

TAKEN = ("main", "theme", "glossary")  # ids of the page itself, which no dataset may take


def escape(value: object) -> str:
    """Text for HTML, inside and outside of attributes."""
    return html.escape(str(value), quote=True)


def name(value: object, most: int = 60) -> str:
    """A name, fenced off so that its writing direction stays its own; it may break after an underscore."""
    return f"<bdi>{escape(short(value, most)).replace('_', '_<wbr>')}</bdi>"


def script_json(figure: go.Figure) -> str:
    """JSON for the inside of a script element, where `</script>` and `<!--` would end or nest it."""
    return str(figure.to_json()).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def chip(look: Look) -> str:
    return f'<span class="chip" style="background:{look.colour}" aria-hidden="true"></span>'


def row_name(label: object, look: Look) -> str:
    """What stands in a row's header: the label's colour and the label."""
    text = f'<span class="name" title="{escape(label)}">{name(label, 300)}</span>'
    return f'<span class="row-name">{chip(look)}{text}</span>'


def table(caption: str, head: str, bodies: str) -> str:
    """A table that scrolls sideways by itself, also from the keyboard; `head` and `bodies` are its inner HTML."""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><caption><span>{escape(caption)}</span></caption><thead>{head}</thead>{bodies}</table></div>"
    )


def plain_table(caption: str, titles: Iterable[str], lines: Iterable[str]) -> str:
    """A table that does not sort; a title that starts with `<` heads a column of text, aligned to the left."""
    heads = (
        f'<th scope="col" class="text">{escape(title[1:])}</th>'
        if title.startswith("<")
        else f'<th scope="col">{escape(title)}</th>'
        for title in titles
    )
    return table(caption, f"<tr>{''.join(heads)}</tr>", f"<tbody>{''.join(lines)}</tbody>")


def folded(title: str, inside: str, open_: bool = False) -> str:
    return f"<details{' open' if open_ else ''}><summary>{escape(title)}</summary>{inside}</details>"


@dataclass
class Page:
    """What all sections of a page share: the report, how rows look, and the ids handed out so far."""

    report: Report
    drawn: int = 0  # figures so far; also numbers their ids
    taken: set[str] = field(default_factory=lambda: set(TAKEN))

    @property
    def results(self) -> Results:
        return self.report.results

    @cached_property
    def styles(self) -> dict[str, Look]:
        return looks(self.report.labels)

    @cached_property
    def sections(self) -> "list[Section]":
        datasets = [chapter.dataset for chapter in self.report.chapters]
        return [Section(self.report, dataset, self, self.claim(dataset)) for dataset in datasets]

    def claim(self, wish: str) -> str:
        """An id that reads like the wish and that nobody else has; safe in HTML, CSS and a URL."""
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", wish).strip("-.")[:60] or "x"
        slug, i = stem, 2
        while slug in self.taken:
            slug, i = f"{stem}-{i}", i + 1
        self.taken.add(slug)
        return slug

    def plot(self, figure: go.Figure, alternative: str, still: bool = False) -> str:
        """A place for a figure, with the data beside it; `alternative` is what a screen reader says."""
        self.drawn += 1
        place = f"data-{self.drawn}"
        return (
            f'<div class="plot" role="img" aria-label="{escape(alternative)}" data-figure="{place}"'
            f"{' data-still' if still else ''}></div>"
            f'<script type="application/json" id="{place}">{script_json(figure)}</script>'
        )


@dataclass
class Section(Chapter):
    """One dataset on the page."""

    page: Page
    slug: str  # its id

    @property
    def styles(self) -> dict[str, Look]:
        return self.page.styles
