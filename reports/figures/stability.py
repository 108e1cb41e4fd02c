"""How steady training was: seeds of a variant side by side, and modes or classes along the budget."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame
from plotly.graph_objects import Figure

from ganbench.reports.figures.canvas import (
    Trace,
    axis_title,
    figure_of,
    heatmap,
    plain,
    scale,
    scatter,
    spans_decades,
    violin,
)
from ganbench.reports.figures.colours import GREY, Look, faded, styled
from ganbench.reports.numbers import amount

VIOLIN = 5  # seeds, below which a density would be invented
ROW, HEAD = 9, 36  # pixels of a mode and of an axis with its title


def seeds(values: DataFrame, title: str, direction: str = "", styles: Mapping[str, Look] | None = None) -> Figure:
    """A dot per seed and variant at the last checkpoint, over a violin from five seeds on; a tick at their median.

    Failed runs are counted beside the name. `values` has columns label, seed, value (NaN: failed), as from
    `trajectories.seed_values`; the variants stand in its order.
    """
    styles = styled(values, styles)
    labels = list(dict.fromkeys(values["label"].astype(str)))
    traces: list[Trace] = []
    scores = values["value"].to_numpy(dtype=float)
    log = spans_decades(scores)
    names = []
    for i, label in enumerate(labels):
        own = values[values["label"].astype(str) == label]
        there = own[own["value"].notna()]
        x, y, look = there["value"].to_numpy(dtype=float), -i, styles[label]
        names.append(plain(label, 22) + (f" ({len(own) - len(x)} failed)" if len(own) > len(x) else ""))
        common = {"name": plain(label), "legendgroup": label, "meta": label, "showlegend": False}
        if len(x) >= VIOLIN and not log:
            traces.append(violin(
                x=x, y0=y, orientation="h", points=False, width=0.8, line={"color": look.colour, "width": 1},
                fillcolor=faded(look.colour, 0.15), hoverinfo="skip", **common,
            ))  # fmt: skip
        if len(x) > 1:
            traces.append(scatter(
                x=[float(np.median(x))], y=[y], mode="markers", hovertemplate="median %{x:.4~g}<extra></extra>",
                marker={"symbol": "line-ns", "size": 20, "line": {"width": 2, "color": look.colour}}, **common,
            ))  # fmt: skip
        traces.append(scatter(
            x=x, y=np.full(len(x), y), mode="markers", text=[f"seed {seed}" for seed in there["seed"]],
            marker={"size": 8, "color": faded(look.colour, 0.65), "line": {"width": 1, "color": look.colour}},
            hovertemplate="%{text}: %{x:.4~g}<extra>%{fullData.name}</extra>", **common,
        ))  # fmt: skip
    return figure_of(
        traces, axis_title(title, direction), height=90 + 34 * max(2, len(labels)), xaxis=scale(log, scores),
        yaxis={
            "tickvals": [-i for i in range(len(labels))], "ticktext": names, "showgrid": False, "zeroline": False,
            "range": [0.6 - max(1, len(labels)), 0.6],
        },
    )  # fmt: skip


def occupancy(shares: NDArray[np.float64], images: Sequence[float], look: Look, what: str = "mode") -> Figure:
    """(evaluations, modes) shares of the samples, each over the share it should have -> a heat map, time to the right.

    Bare: none; full colour: as much as it should have, or more. `images` is where it was evaluated, and `what` a row is
    called.
    """
    n, k = shares.shape
    at = [amount(float(x)) for x in images]
    ends = [0, n - 1] if n > 1 else [0]
    heat = heatmap(
        z=np.round(shares.T, 3), x=list(range(n)), y=list(range(1, k + 1)), zmin=0, zmax=1, showscale=False,
        colorscale=[[0, faded(look.colour, 0.0)], [1, faded(look.colour, 1.0)]], xgap=1, ygap=1,
        customdata=np.tile(at, (k, 1)),
        hovertemplate=f"{what} %{{y}} after %{{customdata}} images: %{{z:.2f}} of its share<extra></extra>",
    )  # fmt: skip
    return figure_of(
        [heat], height=HEAD + max(8, k) * ROW, margin={"l": 4, "r": 26, "t": 4, "b": 4},
        xaxis={
            "tickvals": ends, "ticktext": [at[i] for i in ends], "showgrid": False, "zeroline": False,
            "linecolor": GREY,
        },
        yaxis={
            "autorange": "reversed", "showgrid": False, "zeroline": False, "tickvals": [1, k] if k > 1 else [1],
            "ticklen": 0,
        },
    )  # fmt: skip
