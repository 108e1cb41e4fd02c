"""The boards as one small picture, for a comment in a code review: per dataset the answer, and a dot with its interval
per row.

Drawn with matplotlib, which comes with mlxtend: it brings its own fonts and needs no browser, so that the same results
give the same picture on every machine. Plotly's own export starts a Chrome.
"""

import math
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any

from ganbench.reports.figures import Look
from ganbench.reports.figures import looks as looks_of
from ganbench.reports.formats import prose
from ganbench.reports.formats.words import arrow, estimate, short
from ganbench.reports.frames import tables
from ganbench.reports.frames.glossary import ordered
from pandas import DataFrame

from ganbench.store import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, LINE = 8.6, 0.26  # inches; of a row
DPI = 160
INK, MUTED, RULE = "#1b1d20", "#5b6169", "#e3e3de"


def picture(results: Results) -> bytes:
    """A PNG of the last checkpoint by the metric that orders each board, 1376 pixels wide."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second, which other formats need not wait
    from matplotlib.figure import Figure

    looks = looks_of(tables.labels(results))
    everything = tables.summary(results)
    boards = [(dataset, *_board(results, everything, dataset)) for dataset in tables.datasets(results)]
    heights = [LINE * (len(rows) + answer.count("\n") + 3.4) for _, answer, rows in boards]
    figure = Figure(figsize=(WIDTH, 0.6 + sum(heights)), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    title = f"{short(results.suite, 60)}" + ("" if boards else ": no run has finished yet")
    top = figure.get_figheight()
    figure.text(0.03, 1 - 0.2 / top, title, size=14, va="top", color=INK, parse_math=False)
    y = top - 0.6
    for (_, answer, rows), height in zip(boards, heights, strict=True):
        figure.text(0.03, y / top, answer, size=9, va="top", color=INK, parse_math=False, linespacing=1.4)
        y -= LINE * (answer.count("\n") + 1.2)
        if len(rows):
            box = (0.24, (y - LINE * len(rows)) / top, 0.46, LINE * len(rows) / top)
            _draw(figure.add_axes(box), rows, looks)
        y -= height - LINE * (answer.count("\n") + 1.2)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": "ganbench"})
    return file.getvalue()


def _board(results: Results, everything: DataFrame, dataset: str) -> tuple[str, DataFrame]:
    """A dataset's answer in lines, and its rows: those with a mean best first, then those without."""
    rows, people = tables.of_dataset(everything, dataset), tables.roster(results, dataset)
    select = tables.selecting(results, dataset)
    said = [prose.answer(rows, people, dataset, select), *prose.remarks(results, dataset)]
    answer = "\n".join(fill(line, 105) for line in said)
    last = rows[(rows["checkpoint"] == "last") & (rows["board"] == 1)]
    metric = ordered(list(last["metric"]), select)[:1]
    found = people.merge(
        last[last["metric"].isin(metric)].drop(columns=["variant", "control", "rank"]), "left", "label"
    )
    worth = found["mean"] * (-1 if (found["direction"] == "higher").any() else 1)
    return answer, found.assign(worth=worth).sort_values(["control", "worth"], kind="stable").reset_index(drop=True)


def _draw(axes: "Axes", rows: DataFrame, looks: dict[str, Look]) -> None:
    """Names on the left, dots with intervals, numbers on the right; what has no number says why."""
    for i, row in rows.iterrows():
        _row(axes, -int(str(i)), row.to_dict(), looks[str(row["label"])])
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    values = rows["mean"].dropna().to_numpy(dtype=float)
    if len(values) and 0 < 20 * values.min() < values.max():  # as on the page
        axes.set_xscale("log")
    axes.set_yticks([])
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", which="both", labelsize=8, colors=MUTED, length=0)
    title, direction = (rows[c].dropna().iloc[0] if rows[c].notna().any() else "" for c in ("title", "direction"))
    axes.set_xlabel(f"{title} {arrow(direction)}" if title else "", size=8, color=MUTED, parse_math=False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)


def _row(axes: "Axes", y: int, row: dict[Any, Any], look: Look) -> None:
    control, mean, low, high = bool(row["control"]), *(float(row[c]) for c in ("mean", "low", "high"))
    colour = MUTED if control else INK
    common: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "size": 9, "parse_math": False}
    name = short(row["label"], 22) + (" (control)" if control else "")
    axes.text(-0.03, y, name, ha="right", color=colour, **common)
    if math.isnan(mean):
        said = short(row["reasons"], 60) or ("not measured" if row["done"] else "not run yet")
        axes.text(0.02, y, said, color=MUTED, **common)
        return
    if math.isfinite(low):
        axes.plot([low, high], [y, y], color=look.colour, linewidth=2.2, alpha=0.6, solid_capstyle="butt")
    axes.plot([mean], [y], color=look.colour, marker="o", markersize=5.5)
    few = f"  {row['done']} of {row['runs']} seeds" if row["done"] < row["runs"] else ""
    axes.text(1.03, y, " ".join(estimate(mean, low, high)) + few, color=colour, **common)
