"""Where variants stand: scores with their intervals, and what quality costs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.reports.figures.canvas import Trace, axis_of, figure_of, plain, scale, scatter, spans_decades
from ganbench.reports.figures.colours import GREY, Look, faded, styled
from ganbench.reports.figures.names import sides_of
from ganbench.reports.frames.order import best_first, groups_of, is_entrant
from ganbench.reports.numbers import number

Floats = NDArray[np.float64]


def dots(
    rows: DataFrame, metric: str, styles: Mapping[str, Look] | None = None, scores: DataFrame | None = None
) -> go.Figure:
    """Dot and 95 % interval per label, best at the top; a hollow diamond is the selected checkpoint.

    `rows` as from `summary.summary`, of one dataset and board; `scores` (tidy, same dataset) adds a small dot per seed.
    """
    rows = rows[(rows["metric"] == metric) & rows["mean"].notna()]
    styles = styled(rows, styles)
    last = rows[rows["checkpoint"] == "last"]
    lower = len(last) == 0 or last["direction"].iloc[0] == "lower"
    last = best_first(last, "mean", lower)
    place = {label: -i - group / 2 for i, (label, group) in enumerate(zip(last["label"], groups_of(last), strict=True))}
    values = last["mean"].to_numpy(dtype=float)
    log = spans_decades(values)
    chosen = rows[rows["checkpoint"] == "selected"].set_index("label")["mean"]
    seeds = _seeds(scores, last) if scores is not None else {}
    traces = [
        _standing(row, place[row["label"]], chosen.get(row["label"]), seeds.get(row["label"], []), styles, log)
        for row in last.to_dict("records")
    ]
    return figure_of(
        traces,
        axis_of(last),
        height=90 + 27 * max(3, len(place)),
        xaxis=scale(log, values),
        yaxis={
            "tickvals": list(place.values()),
            "ticktext": [plain(label, 22) for label in place],
            "showgrid": False,
            "zeroline": False,
        },
        showlegend=False,
    )


def _seeds(scores: DataFrame, last: DataFrame) -> dict[str, list[float]]:
    """Label -> each seed's score, under the key of its row, where there are several."""
    same = scores[(scores["checkpoint"] == "last") & scores["metric"].isin(last["metric"]) & scores["value"].notna()]
    keys = dict(zip(last["label"], last["key"], strict=True))
    by_label: dict[str, list[float]] = {}
    for label, key, value in zip(same["label"], same["key"], same["value"], strict=True):
        if keys.get(label) == key:
            by_label.setdefault(label, []).append(float(value))
    return {label: values for label, values in by_label.items() if len(values) > 1}


class Mark(NamedTuple):
    """A kind of dot in a row."""

    symbol: str
    size: float  # pixels
    line: float  # pixels of its outline
    below: float  # the row's line


MEAN, CHOSEN, SEED = Mark("circle", 10, 0, 0.0), Mark("diamond-open", 12, 1.6, 0.0), Mark("circle", 4, 0, 0.31)


def _standing(
    row: Mapping[Any, Any],
    y: float,
    chosen: float | None,
    seeds: Sequence[float],
    styles: Mapping[str, Look],
    log: bool,
) -> Trace:
    """A label's mean with its interval, its selected checkpoint and its seeds."""
    look, mean, low, high = styles[str(row["label"])], *(float(row[c]) for c in ("mean", "low", "high"))
    known = math.isfinite(low)
    limits = f"95 % [{number(low)}, {number(high)}]" if known else "one seed: no interval"
    dots = [(MEAN, mean, f"last checkpoint {number(mean)}, {limits}, seeds: {row['n']}")]
    if chosen is not None and math.isfinite(chosen):
        dots.append((CHOSEN, float(chosen), f"selected checkpoint {number(chosen)}"))
    dots += [(SEED, value, f"one seed {number(value)}") for value in seeds]
    # A logarithmic axis has no place for zero: the whisker ends at a hundredth of the mean and says so on hover.
    start = max(low, mean / 100) if log else low
    rest = [0.0] * (len(dots) - 1)
    whisker = {
        "type": "data", "symmetric": False, "array": [high - mean, *rest], "arrayminus": [mean - start, *rest],
        "thickness": 2.5, "width": 0, "color": faded(look.colour, 0.6),
    }  # fmt: skip
    return scatter(
        x=[x for _, x, _ in dots], y=[y - mark.below for mark, _, _ in dots], mode="markers",
        error_x=whisker if known else None, text=[text for _, _, text in dots],
        marker={
            "symbol": [mark.symbol for mark, _, _ in dots], "size": [mark.size for mark, _, _ in dots],
            "color": look.colour, "opacity": 1.0,
            "line": {"width": [mark.line for mark, _, _ in dots], "color": look.colour},
        },
        hovertemplate="%{text}<extra>%{fullData.name}</extra>", legendgroup=str(row["label"]),
        name=plain(row["label"]), meta=str(row["label"]),
    )  # fmt: skip


def cost(
    rows: DataFrame, ledger: DataFrame, metric: str, column: str, styles: Mapping[str, Look] | None = None
) -> go.Figure:
    """Quality against what it cost: the last checkpoint's mean and interval over the ledger's `column`, a point per
    variant.

    The grey steps join the Pareto front: ranked variants that no other beats at the same or a lower cost. Those off it
    are hollow. `rows` as from `summary.summary`, `ledger` as from `ledger.mean_ledger`, both of one dataset.
    """
    points = rows[(rows["metric"] == metric) & (rows["checkpoint"] == "last") & rows["mean"].notna()]
    points = points.merge(ledger[["label", column]], on="label").dropna(subset=[column])
    styles = styled(points, styles)
    direction = str(points["direction"].iloc[0]) if len(points) else ""
    traces: list[Trace] = []
    spent, values = points[column].to_numpy(dtype=float), points["mean"].to_numpy(dtype=float)
    log = spans_decades(values)
    ranked = np.flatnonzero(is_entrant(points))
    best = ranked[pareto(spent[ranked], (-values if direction == "higher" else values)[ranked])]
    if len(best) > 1:
        traces.append(scatter(
            x=spent[best], y=values[best], mode="lines", line={"color": GREY, "width": 1.2, "shape": "hv"},
            hoverinfo="skip", showlegend=False,
        ))  # fmt: skip
    sides = sides_of(spent, values, [plain(label, 16) for label in points["label"]], log)
    for i, row in enumerate(points.to_dict("records")):
        look, mean = styles[str(row["label"])], float(row["mean"])
        error = {
            "type": "data",
            "symmetric": False,
            "array": [row["high"] - mean],
            "arrayminus": [mean - row["low"]],
            "thickness": 1.2,
        }
        traces.append(scatter(
            x=[row[column]], y=[mean], error_y=error if math.isfinite(row["low"]) else None, mode="markers+text",
            text=[plain(row["label"], 16)],
            textposition=sides[i], cliponaxis=False,
            name=plain(row["label"]), legendgroup=str(row["label"]), meta=str(row["label"]),
            marker={"size": 9, "color": look.colour, "symbol": look.symbol + ("" if i in best else "-open")},
            hovertemplate="%{y:.4~g} for %{x:.3~s}<extra>%{fullData.name}</extra>", showlegend=False,
        ))  # fmt: skip
    return figure_of(
        traces,
        column.replace("_", " "),
        axis_of(points),
        xaxis={"tickformat": "~s", "rangemode": "tozero"},
        yaxis=scale(log, values),
    )


def pareto(cost: Floats, loss: Floats) -> list[int]:
    """(n,) and (n,), both better when lower -> which of them no other beats in both, from the cheapest on.

    Equal ones do not beat each other, so that both are on the front.
    """
    order = np.lexsort((loss, cost))
    front: list[int] = []
    for i in order:
        equal = front and (cost[i], loss[i]) == (cost[front[-1]], loss[front[-1]])
        if equal or not front or loss[i] < loss[front[-1]]:
            front.append(int(i))
    return front
