"""The boards as one small picture, for a comment in a code review: per dataset the answer, and a dot with its interval
per row.

Drawn with matplotlib: it brings its own fonts and needs no browser, so that the same results give the same picture on
every machine. Plotly's own export starts a Chrome.
"""

import math
from collections.abc import Iterator
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.reports.figures.colours import INK, MUTED, RULE, Look
from ganbench.reports.figures.colours import looks as looks_of
from ganbench.reports.formats import sentences
from ganbench.reports.frames.board import Board, board, boards, distinct_samples, why_without
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.numbers import arrow, estimate, short
from ganbench.store import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, LINE = 8.6, 0.26  # inches; of a row
DPI = 160


def to_png(results: Results) -> bytes:
    """A PNG of the last checkpoint by the metric that orders each board, 1376 pixels wide."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second, which other formats need not wait
    from matplotlib.figure import Figure

    report = Report(results)
    looks = looks_of(report.labels)
    blocks = [block for chapter in report.chapters for block in _blocks(chapter)]
    heights = [LINE * (text.count("\n") + 3.4 + len(block.rows)) for text, block in blocks]
    figure = Figure(figsize=(WIDTH, 0.6 + sum(heights)), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    title = f"{short(results.suite, 60)}" + ("" if blocks else ": no run has finished yet")
    top = figure.get_figheight()
    figure.text(0.03, 1 - 0.2 / top, title, size=14, va="top", color=INK, parse_math=False)
    y = top - 0.6
    for (text, block), height in zip(blocks, heights, strict=True):
        figure.text(0.03, y / top, text, size=9, va="top", color=INK, parse_math=False, linespacing=1.4)
        y -= LINE * (text.count("\n") + 1.2)
        if len(block.rows):
            box = (0.24, (y - LINE * len(block.rows)) / top, 0.46, LINE * len(block.rows) / top)
            _draw_board(figure.add_axes(box), block, looks)
        y -= height - LINE * (text.count("\n") + 1.2)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": "ganbench"})
    return file.getvalue()


def _blocks(chapter: Chapter) -> Iterator[tuple[str, Board]]:
    """A dataset's boards, the first below the dataset's answer, in lines."""
    sentences_ = [sentences.answer(chapter), *sentences.remarks(chapter)]
    text = "\n".join(fill(line, 105) for line in sentences_)
    first, *others = [*boards(chapter, "last")] or [board(chapter)]
    yield text, first
    yield from ((f"{short(chapter.dataset)}, board {other.part}", other) for other in others)


def _draw_board(axes: "Axes", board: Board, looks: dict[str, Look]) -> None:
    """Names on the left, dots with intervals, numbers on the right; what has no number says why."""
    first = next((column for column in board.columns if column.metric), None)
    parts = [first.key + part for part in ("", "_low", "_high")] if first else []
    for i, row in enumerate(board.rows.to_dict("records")):
        mean, low, high = (float(row[part]) for part in parts) if parts else (math.nan,) * 3
        _draw_row(axes, -i, row, (mean, low, high), looks[str(row["label"])])
    axes.set_ylim(-len(board.rows) + 0.4, 0.6)
    values = board.rows[first.key].dropna().to_numpy(dtype=float) if first else np.empty(0)
    if len(values) and 0 < 20 * values.min() < values.max():  # as on the page
        axes.set_xscale("log")
    axes.set_yticks([])
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", which="both", labelsize=8, colors=MUTED, length=0)
    title = f"{first.title} {arrow(first.direction)}" if first else ""
    axes.set_xlabel(title, size=8, color=MUTED, parse_math=False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)


def _draw_row(axes: "Axes", y: int, row: dict[Any, Any], numbers: tuple[float, float, float], look: Look) -> None:
    (mean, low, high), control = numbers, bool(row["control"])
    colour = MUTED if control else INK
    common: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "size": 9, "parse_math": False}
    known = "control" if control else "" if row["given"] in ("", "nothing") else row["given"]
    name = short(row["label"], 22) + (f" ({known})" if known else "")
    axes.text(-0.03, y, name, ha="right", color=colour, **common)
    if math.isnan(mean):
        axes.text(0.02, y, short(why_without(row)), color=MUTED, **common)
        return
    if math.isfinite(low):
        axes.plot([low, high], [y, y], color=look.colour, linewidth=2.2, alpha=0.6, solid_capstyle="butt")
    axes.plot([mean], [y], color=look.colour, marker="o", markersize=5.5)
    few = f"  {row['done']} of {row['runs']} seeds" if row["done"] < row["runs"] else ""
    few += "" if math.isnan(row["distinct"]) else f"  {distinct_samples(row['distinct'])}"
    axes.text(1.03, y, " ".join(estimate(mean, low, high)) + few, color=colour, **common)
