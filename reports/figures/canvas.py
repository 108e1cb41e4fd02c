"""What all figures share: how traces become one, how a label looks, names that stay text, and kinds of axes.

A label has one colour, dash and symbol everywhere, if every call gets the same `looks`. Backgrounds are transparent
and grid lines half transparent, so that a figure sits on light and dark pages alike.
"""

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from ganbench.reports.formats.words import arrow, short
from numpy.typing import NDArray
from pandas import DataFrame

# At least 3:1 against white and against the dark page, so that thin lines can be seen on both (WCAG 1.4.11; a test
# computes it).
COLOURS = (
    *("#3f7fd9", "#d9722a", "#2f9a5f", "#c2559e", "#8a6ad6", "#a8841a", "#14979e", "#d9534f", "#7a8f2a", "#a86f4c"),
)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "star",
    "hexagon",
    "triangle-down",
    "pentagon",
    "bowtie",
)
GREY = "#808791"
GRID = "rgba(128, 135, 145, 0.22)"
MARGIN = {"l": 8, "r": 12, "t": 12, "b": 8}  # pixels
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif'


Trace = dict[str, Any]  # figures get all of theirs at once, which Plotly checks three times as fast


class Look(NamedTuple):
    """How a label is drawn."""

    colour: str
    dash: str
    symbol: str


FIRST = Look(COLOURS[0], "solid", "circle")


def looks(labels: Mapping[str, bool] | Iterable[str]) -> dict[str, Look]:
    """Labels (-> is it a control?) -> how to draw them: colours for variants, grey dashes for controls."""
    control = labels if isinstance(labels, Mapping) else dict.fromkeys(labels, False)
    variants = [label for label in control if not control[label]]
    others = [label for label in control if control[label]]
    n, m = len(COLOURS), len(DASHES)
    styles = {label: Look(COLOURS[i % n], DASHES[i // n % m], SYMBOLS[i % n]) for i, label in enumerate(variants)}
    return styles | {label: Look(GREY, DASHES[1 + i % (m - 1)], "line-ns-open") for i, label in enumerate(others)}


def plain(name: object, most: int = 28) -> str:
    """A name as Plotly shall show it: text, where Plotly would read markup, and not endless."""
    return html.escape(short(name, most), quote=False)


def draw(
    traces: Iterable[Trace] = (),
    x: str = "",
    y: str = "",
    height: int = 360,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure of these traces: two axes with their titles, on whatever ground it stands.

    Said at once, since each later update of a figure costs Plotly a millisecond.
    """
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True, "tickformat": "~g"}
    return go.Figure(
        list(traces),
        {
            "template": {},  # Plotly's own is 6 kB per figure
            "font": {"family": FONT, "size": 12, "color": "#5b6169"},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": MARGIN,
            "height": height,
            "hovermode": "closest",
            "legend": {"orientation": "h", "y": -0.2},
            "xaxis": {**axis, "title": {"text": x, "standoff": 8}, **(xaxis or {})},
            "yaxis": {**axis, "title": {"text": y, "standoff": 8}, **(yaxis or {})},
            **layout,
        },
    )


def scatter(**style: Any) -> Trace:
    return {"type": "scatter", **style}


def heatmap(**style: Any) -> Trace:
    return {"type": "heatmap", **style}


def violin(**style: Any) -> Trace:
    return {"type": "violin", **style}


def axis_title(title: str, direction: str = "") -> str:
    """A metric's title and which way is better."""
    return f"{html.escape(title, quote=False)} {arrow(direction)}".strip()


def axis_of(rows: DataFrame) -> str:
    """The title of the axis for rows of one metric."""
    return axis_title(str(rows["title"].iloc[0]), str(rows["direction"].iloc[0])) if len(rows) else ""


def styled(frame: DataFrame, styles: Mapping[str, Look] | None) -> Mapping[str, Look]:
    """The looks that a figure was given, or else those of the labels in its frame."""
    if styles is not None:
        return styles
    control = frame["control"].astype(bool) if "control" in frame else pd.Series(False, index=frame.index)
    return looks(dict(zip(frame["label"], control, strict=True)))


def faded(colour: str, alpha: float) -> str:
    """#rrggbb, and how much of it is seen."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def spans_decades(values: NDArray[np.float64]) -> bool:
    """Whether a logarithmic axis shows these values better: all positive, over more than a factor of 20."""
    found = values[np.isfinite(values)]
    return bool(len(found)) and bool(found.min() > 0) and bool(found.max() / found.min() > 20)


def scale(log: bool, values: NDArray[np.float64]) -> dict[str, Any]:
    """Kind of axis, and on a logarithmic one ticks at 1, 2, 5 or, over more than three decades, at the decades."""
    if not log:
        return {"type": "linear"}
    found = values[np.isfinite(values)]
    return {"type": "log", "dtick": 1 if found.max() / found.min() > 1000 else "D2"}


def limits_of(values: NDArray[np.float64], log: bool) -> list[float] | None:
    """Axis limits around the values with a margin of 6 %, in Plotly's units."""
    found = values[np.isfinite(values)]
    if not len(found):
        return None
    low, high = (float(v) for v in (found.min(), found.max()))
    if log:
        low, high = math.log10(low), math.log10(high)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 0.5
    return [low - margin, high + margin]


def steady_limits(values: NDArray[np.float64]) -> list[float] | None:
    """Axis limits that one exploding run cannot stretch: the 1st to 99th percentile, widened by a half."""
    found = values[np.isfinite(values)]
    if not len(found):
        return None
    low, high = (float(q) for q in np.percentile(found, [1, 99]))
    least, most = float(found.min()), float(found.max())
    reach = (high - low) / 2 or 0.5
    margin = 0.04 * (high - low) or 0.5
    return [max(low - reach, least - margin), min(high + reach, most + margin)]
