"""What the sections of a page share: the report, how rows look, where their names lead, ids and places for figures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import plotly.graph_objects as go
from markupsafe import Markup

from ganbench.reports.figures.colours import Look, looks
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.html.layout import script_json

TAKEN = ("main", "theme", "glossary", "matrix", "plotly")  # ids of the page itself, which no dataset may take


class PlacedFigure(NamedTuple):
    """A figure's place on a page, and the figure."""

    id: str
    json: Markup
    alternative: str  # what a screen reader says
    still: bool  # whether it has no buttons


@dataclass
class Page:
    """A page of a report."""

    report: Report
    drawn: int = 0  # figures so far; also numbers their ids
    taken: set[str] = field(default_factory=lambda: set(TAKEN))  # ids
    addresses: Mapping[str, str] = field(default_factory=dict)  # labels -> the pages that their names lead to
    current: str = ""  # the label that the page is about

    @cached_property
    def styles(self) -> dict[str, Look]:
        return looks(self.report.labels)

    @cached_property
    def sections(self) -> "list[Section]":
        datasets = [chapter.dataset for chapter in self.report.chapters]
        return [Section(self.report, dataset, self, self.claim(dataset)) for dataset in datasets]

    @cached_property
    def stems(self) -> dict[str, str]:
        """Label -> how its ids end, the same in every dataset."""
        names = Page(self.report, taken=set())
        return {label: names.claim(label) for label in self.report.labels}

    def claim(self, wish: str) -> str:
        """An id that reads like the wish and that nobody else has; safe in HTML, CSS and a URL."""
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", wish).strip("-.")[:60] or "x"
        slug, i = stem, 2
        while slug in self.taken:
            slug, i = f"{stem}-{i}", i + 1
        self.taken.add(slug)
        return slug

    def place(self, figure: go.Figure, alternative: str, still: bool = False) -> PlacedFigure:
        """A place for a figure. `still`: it is small, and has no buttons."""
        self.drawn += 1
        return PlacedFigure(f"data-{self.drawn}", script_json(figure, still), alternative, still)


@dataclass
class Section(Chapter):
    """One dataset on the page."""

    page: Page
    slug: str  # its id

    @property
    def styles(self) -> dict[str, Look]:
        return self.page.styles

    def anchor(self, kind: str, label: str) -> str:
        """The id of what a label has of a kind, such as its row or its samples; nothing else has it."""
        return f"{self.slug}--{kind}-of-{self.page.stems[label]}"

    def claim(self, wish: str) -> str:
        """An id inside this section's."""
        return self.page.claim(f"{self.slug}--{wish}")
