"""The page's first table: a row per label, and per dataset samples and an interval between noise and real data."""

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

from ganbench.reports.frames.matrix import Matrix, MatrixCell, MatrixRow, cost_text, failed_text
from ganbench.reports.frames.order import CONTROLS, REFERENCES
from ganbench.reports.html.layout import lay_out
from ganbench.reports.html.sections import Page, Section
from ganbench.reports.html.thumbnails import thumbnail_of
from ganbench.reports.numbers import count, short


class Bar(NamedTuple):
    """An interval between noise and real data, in percent of the way."""

    low: float
    mean: float
    high: float


def first_screen(page: Page, found: Matrix) -> str:
    """The matrix as a table."""
    slugs = {section.dataset: section for section in page.sections}
    pictures = {
        (one.dataset, label): thumbnail_of(page.report.results, one.dataset, cell.run)
        for one in found.datasets
        for label, cell in one.cells.items()
    }
    return lay_out(
        "matrix.html",
        page=page,
        datasets=[(f"d{i}", slugs[one.dataset], one) for i, one in enumerate(found.datasets)],
        groups=[(title, folded(rows), rows) for title, rows in found.groups.items()],
        abouts=_abouts(page),
        pictures={key: picture for key, picture in pictures.items() if picture is not None},
        bar=bar,
        samples_address=samples_address,
        failed_text=failed_text,
        cost_text=cost_text,
    )


def _abouts(page: Page) -> dict[str, str]:
    """Label -> the address of what it is: its paper, options and code, where it was first run."""
    found: dict[str, str] = {}
    for section in page.sections:
        for label in section.labels:
            found.setdefault(label, f"#{section.anchor('about', label)}")
    return found


def folded(rows: Sequence[MatrixRow]) -> str:
    """What the line says to which a group is folded; "": it is open."""
    if rows[0].group not in (CONTROLS, REFERENCES):
        return ""
    noun = "control" if rows[0].group == CONTROLS else "reference row"
    return f"{count(len(rows), noun)}: {', '.join(short(row.label, 24) for row in rows)}"


def bar(cell: MatrixCell) -> Bar | None:
    """Where a cell's interval is drawn; None where there is nothing to draw."""
    mean, low, high = cell.place
    if isnan(mean):
        return None
    ends = [mean, *(end for end in (low, high) if not isnan(end))]
    return Bar(100 * min(ends), 100 * mean, 100 * max(ends))


def samples_address(page: Page, section: Section, label: str) -> str:
    """Where a label's samples are seen large: on its own page, where labels have one; "" for one that has none then."""
    if page.addresses and label not in page.addresses:
        return ""
    return page.addresses.get(label, "") + f"#{section.anchor('samples', label)}"
