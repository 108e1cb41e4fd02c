"""The report's first screen as a picture, for a README, a chat or a code review: the answers, and the first table."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganbench.reports.figures.colours import Look
from ganbench.reports.figures.colours import looks as looks_of
from ganbench.reports.formats import sentences
from ganbench.reports.formats.sheet import DARK, LIGHT, Sheet
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.matrix import (
    Matrix,
    MatrixCell,
    MatrixDataset,
    MatrixRow,
    cost_text,
    failed_text,
    matrix,
    outcome,
)
from ganbench.reports.html.image_grid import CLEAR
from ganbench.reports.html.matrix import bar, folded
from ganbench.reports.html.thumbnails import GRID, Cloud, Strip, thumbnail_of
from ganbench.reports.numbers import APART, arrow, count, duration, estimate, number, short
from ganbench.store import Results

MARGIN = 24  # CSS pixels, as are all that follow
ROW, SAMPLES = 32, 27  # heights of a row, and of the samples in it
SEEDS, FAILED, COST, TIME, FIRST = 224, 272, 322, 386, 396  # right ends of the columns of all; where datasets begin
TIER, PICTURES, SCORE = 32, 64, 400  # in a dataset's columns: middle, left, right
COLUMNS = 412  # of a dataset
ABREAST, MOST = 2, 6  # datasets: more than two follow below, with all rows again; more than six are counted


class Band(NamedTuple):
    """Datasets that stand abreast, under one another's heads."""

    results: Results
    datasets: list[MatrixDataset]
    looks: dict[str, Look]

    def places(self) -> list[tuple[float, MatrixDataset]]:
        """Where each begins."""
        return [(FIRST + COLUMNS * i, one) for i, one in enumerate(self.datasets)]


def to_png(results: Results, dark: bool = False) -> bytes:
    """A PNG, 2464 pixels wide, or 1640 of one dataset: what the page's first screen says, in its colours."""
    report = Report(results)
    found = matrix(report)
    sheet = Sheet(FIRST + COLUMNS * (2 if len(found.datasets) > 1 else 1) + MARGIN - 12, DARK if dark else LIGHT)
    _draw_answers(sheet, report, found)
    for i in range(0, len(found.datasets[:MOST]), ABREAST):
        _draw_band(sheet, found, Band(results, found.datasets[i : i + ABREAST], looks_of(report.labels)))
    if more := len(found.datasets[MOST:]):
        sheet.y += 12
        sheet.paragraph(MARGIN, f"{count(more, 'more dataset')}: see the page.", 12, sheet.ground.muted)
    sheet.y += MARGIN
    return sheet.png()


def _draw_answers(sheet: Sheet, report: Report, found: Matrix) -> None:
    sheet.y += MARGIN + 8
    sheet.text(MARGIN, sheet.y, short(report.results.suite, 80), 19, weight="bold")
    sheet.y += 14
    sheet.paragraph(MARGIN, sentences.what_was_run(report) or "No run has finished yet.", 11.5, sheet.ground.muted)
    for chapter in report.chapters[:MOST]:
        sheet.y += 8
        top = sheet.y
        sheet.paragraph(MARGIN + 12, f"{short(chapter.dataset)}: {sentences.verdict(chapter)}", 13.5)
        sheet.box(MARGIN, top, 3, sheet.y - top, sheet.ground.accent)
    if found.rows:
        sheet.y += 8
        sheet.paragraph(MARGIN, outcome(found), 12, sheet.ground.muted)
    for remark in sentences.all_remarks(report):
        sheet.paragraph(MARGIN, remark, 12, sheet.ground.warn)


def _draw_band(sheet: Sheet, found: Matrix, band: Band) -> None:
    """Some datasets, a row per label of them; who is folded on the page is named."""
    sheet.y += 20
    _draw_heads(sheet, band)
    for title, rows in found.groups.items():
        own = [row for row in rows if any(row.label in one.cells for one in band.datasets)]
        if not own:
            continue
        sheet.y += 19
        sheet.text(MARGIN, sheet.y - 9, short(folded(own) or title, 150), 10.5, sheet.ground.muted)
        sheet.rule(MARGIN, sheet.width - MARGIN, sheet.y)
        for row in () if folded(own) else own:
            _draw_row(sheet, row, band)
            sheet.y += ROW
            sheet.rule(MARGIN, sheet.width - MARGIN, sheet.y)


def _draw_heads(sheet: Sheet, band: Band) -> None:
    muted: dict[str, Any] = {"size": 11, "colour": sheet.ground.muted}
    for left, one in band.places():
        sheet.text(left + 18, sheet.y, short(one.dataset, 26), 14, weight="bold")
        told = f"{short(one.leader, 18)} leads" if one.leader else "no sure winner" if one.tiers else "undecided"
        sheet.text(left + SCORE, sheet.y, told, ha="right", **muted)
    sheet.y += 24
    for left, one in band.places():
        if one.tiers:
            sheet.text(left + TIER, sheet.y + 14, "Tier", ha="center", **muted)
        sheet.text(left + PICTURES, sheet.y + 14, "Samples", **muted)
        sheet.text(left + SCORE, sheet.y, f"{short(one.title, 24)} {arrow(one.direction)}", ha="right", **muted)
        if np.isfinite([one.worst, one.best]).all():
            ends: dict[str, Any] = {"size": 9.5, "colour": sheet.ground.muted}
            sheet.text(_bar_left(left), sheet.y + 15, f"noise {number(one.worst)}", **ends)
            sheet.text(left + SCORE, sheet.y + 15, f"real {number(one.best)}", ha="right", **ends)
    sheet.y += 14
    sheet.text(MARGIN, sheet.y, "Variant", **muted)
    for right, title in ((SEEDS, "Seeds"), (FAILED, "Failed"), (TIME, "Cost a seed")):
        sheet.text(right, sheet.y, title, ha="right", **muted)
    sheet.y += 13
    sheet.rule(MARGIN, sheet.width - MARGIN, sheet.y, sheet.ground.muted)


def _bar_left(left: float) -> float:
    return left + PICTURES + 6 * SAMPLES + 10


def _draw_row(sheet: Sheet, row: MatrixRow, band: Band) -> None:
    """One label, from `sheet.y` down."""
    middle, look = sheet.y + ROW / 2, band.looks[row.label]
    sheet.dots(np.array([[MARGIN + 5, middle]]), 9, look.colour)
    sheet.text(MARGIN + 16, middle, short(row.label, 16))
    sheet.text(SEEDS, middle, row.seeds, ha="right")
    sheet.text(FAILED, middle, failed_text(row), 12.5, sheet.ground.warn if row.failed else "", ha="right")
    took = duration(row.seconds) if np.isfinite(row.seconds) else ""
    sheet.text(TIME, middle, took, 10.5, sheet.ground.muted, ha="right")
    sheet.text(COST, middle, cost_text(row), ha="right")
    for left, one in band.places():
        cell = one.cells.get(row.label)
        if cell is None:
            sheet.text(left + SCORE, middle, APART, ha="right")
            continue
        if one.tiers:
            _draw_tier(sheet, left + TIER, middle, cell.tier or APART, row.label == one.leader)
        _draw_samples(sheet, left + PICTURES, thumbnail_of(band.results, one.dataset, cell.run), look.colour)
        _draw_score(sheet, left, cell, look.colour)


def _draw_tier(sheet: Sheet, x: float, y: float, tier: str, leads: bool) -> None:
    width, ground = max(22, 8 * len(tier) + 8), sheet.ground
    sheet.box(x - width / 2, y - 10, width, 20, ground.accent if leads else ground.raised)
    sheet.text(x, y, tier, 12, ground.paper if leads else "", ha="center", weight="bold" if leads else "normal")


def _draw_samples(sheet: Sheet, left: float, shown: Strip | Cloud | None, colour: str) -> None:
    top = sheet.y + (ROW - SAMPLES) / 2
    if isinstance(shown, Strip):
        sheet.image(left, top, shown.width * SAMPLES / shown.height, SAMPLES, _rgba(shown.pixels))
    elif isinstance(shown, Cloud):
        scale, corner = SAMPLES / GRID, np.array([left, top])
        ring = np.array(shown.modes, dtype=float).reshape(-1, 2) * scale + corner
        sheet.rings(ring, 2 * shown.radius * scale, sheet.ground.muted)
        sheet.dots(shown.points * scale + corner, 1.3, colour)


def _rgba(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, c) as a strip has them -> (h, w, 4): what is between the images is clear."""
    colours = np.repeat(pixels[..., :1], 3, -1) if pixels.shape[-1] < 3 else pixels[..., :3]
    seen = np.where((colours == CLEAR).all(-1, keepdims=True), 0, 255).astype(np.uint8)
    return np.concatenate([colours, seen], -1)


def _draw_score(sheet: Sheet, left: float, cell: MatrixCell, colour: str) -> None:
    right, start = left + SCORE, _bar_left(left)
    if cell.lacking:
        sheet.text(right, sheet.y + ROW / 2, short(cell.lacking, 24), 10.5, sheet.ground.warn, ha="right")
        return
    mean, interval = estimate(cell.mean, cell.low, cell.high)
    sheet.text(right, sheet.y + 11, " ".join(filter(None, [mean, interval])), 10.5, ha="right")
    if (drawn := bar(cell)) is not None:
        y, share = sheet.y + 25, (right - start) / 100
        sheet.rule(start, right, y, width=1.6)
        sheet.box(start + drawn.low * share, y - 3, max(2, (drawn.high - drawn.low) * share), 6, colour, 0.5)
        sheet.box(start + drawn.mean * share - 1.5, y - 4, 3, 8, colour)
