"""What all figures share: how traces become one, names that stay text, and kinds of axes.

Backgrounds are transparent and grid lines half transparent, so that a figure sits on light and dark pages alike.
"""

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.reports.figures.colours import GRID, MUTED
from ganbench.reports.numbers import arrow, short

MARGIN = {"l": 8, "r": 12, "t": 12, "b": 8}  # pixels
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif'

Trace = dict[str, Any]  # figures get all of theirs at once, which Plotly checks three times as fast


def plain(name: object, most: int = 28) -> str:
    """A name as Plotly shall show it: text, where Plotly would read markup, and not endless."""
    return html.escape(short(name, most), quote=False)


def figure_of(
    traces: Iterable[Trace] = (),
    x: str = "",
    y: str = "",
    height: int = 360,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure of these traces: two axes with their titles, on whatever ground it stands.

    One call makes it whole, because each later update costs Plotly a millisecond.
    """
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True, "tickformat": "~g"}
    return go.Figure(
        list(traces),
        {
            "template": {},  # Plotly's own is 6 kB per figure
            "font": {"family": FONT, "size": 12, "color": MUTED},
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
    """Dots or lines."""
    return {"type": "scatter", **style}


def heatmap(**style: Any) -> Trace:
    """A map of colours."""
    return {"type": "heatmap", **style}


def violin(**style: Any) -> Trace:
    """A smoothed distribution."""
    return {"type": "violin", **style}


def axis_title(title: str, direction: str = "") -> str:
    """A metric's title and which way is better."""
    return f"{html.escape(title, quote=False)} {arrow(direction)}".strip()


def axis_of(rows: DataFrame) -> str:
    """The title of the axis for rows of one metric."""
    return axis_title(str(rows["title"].iloc[0]), str(rows["direction"].iloc[0])) if len(rows) else ""


def spans_decades(values: NDArray[np.float64]) -> bool:
    """Whether a logarithmic axis shows these values better: all positive, over more than a factor of 20."""
    finite = values[np.isfinite(values)]
    return bool(len(finite)) and bool(finite.min() > 0) and bool(finite.max() / finite.min() > 20)


def scale(log: bool, values: NDArray[np.float64]) -> dict[str, Any]:
    """Kind of axis, and on a logarithmic one ticks at 1, 2, 5 or, over more than three decades, at the decades."""
    if not log:
        return {"type": "linear"}
    finite = values[np.isfinite(values)]
    return {"type": "log", "dtick": 1 if finite.max() / finite.min() > 1000 else "D2"}


def limits_of(values: NDArray[np.float64], log: bool) -> list[float] | None:
    """Axis limits around the values with a margin of 6 %, in Plotly's units."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = (float(v) for v in (finite.min(), finite.max()))
    if log:
        low, high = math.log10(low), math.log10(high)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 0.5
    return [low - margin, high + margin]


def steady_limits(values: NDArray[np.float64]) -> list[float] | None:
    """Axis limits that one exploding run cannot stretch: the 1st to 99th percentile, widened by a half."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = (float(q) for q in np.percentile(finite, [1, 99]))
    least, most = float(finite.min()), float(finite.max())
    reach = (high - low) / 2 or 0.5
    margin = 0.04 * (high - low) or 0.5
    return [max(low - reach, least - margin), min(high + reach, most + margin)]
