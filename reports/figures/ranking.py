"""Over all datasets: mean ranks with their critical difference, and performance profiles."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pandas import DataFrame
from plotly.graph_objects import Figure

from ganbench.reports.figures.canvas import Trace, figure_of, plain, scatter
from ganbench.reports.figures.colours import GREY, Look, styled

FEWEST_PIXELS = 90


def mean_ranks(table: DataFrame, distance: float, styles: Mapping[str, Look] | None = None) -> Figure:
    """A dot per variant at its mean rank, best at the top, with whiskers of half the critical difference each way.

    Two variants differ where their whiskers do not touch; the grey ground is the whisker of the best. Small dots:
    ranks on the single datasets. `table` as from `ranking.overall_ranks`; `distance` as of its `CriticalDifference`.
    """
    styles = styled(table, styles)
    traces: list[Trace] = []
    place = -np.arange(len(table))
    xaxis: dict[str, Any] = {"dtick": 1 if len(table) < 15 else 5}
    ground = []
    single = [column for column in table if str(column).startswith("rank ")]
    if len(table):
        reach, best = distance / 2, float(table["rank"].min())
        sides = {"xref": "x", "yref": "paper", "x0": best - reach, "x1": best + reach, "y0": 0, "y1": 1}
        ground = [{"type": "rect", **sides, "fillcolor": GREY, "opacity": 0.13, "line_width": 0, "layer": "below"}]
        xaxis["range"] = [0.6, len(table) + 0.4]
    for y, row in zip(place, table.to_dict("records"), strict=True):
        label, rank = str(row["label"]), float(row["rank"])
        look, common = styles[label], {"name": plain(label), "legendgroup": label, "meta": label}
        traces.append(scatter(
            x=[rank - reach, rank + reach], y=[y, y], mode="lines", line={"color": look.colour, "width": 2.5},
            opacity=0.6, hoverinfo="skip", **common,
        ))  # fmt: skip
        traces.append(scatter(
            x=[row[column] for column in single], y=np.full(len(single), y - 0.26), mode="markers", opacity=0.8,
            marker={"size": 4, "color": look.colour},
            hovertemplate="rank %{x} on one dataset<extra>%{fullData.name}</extra>", **common,
        ))  # fmt: skip
        traces.append(scatter(
            x=[rank], y=[y], mode="markers", marker={"size": 10, "color": look.colour},
            hovertemplate="mean rank %{x:.3~g}<extra>%{fullData.name}</extra>", **common,
        ))  # fmt: skip
    names = [plain(label, 22) for label in table["label"]]
    return figure_of(
        traces,
        "mean rank over datasets, 1 is best",
        height=FEWEST_PIXELS + 27 * max(3, len(table)),
        xaxis=xaxis,
        yaxis={"tickvals": place, "ticktext": names, "showgrid": False, "zeroline": False},
        shapes=ground,
        showlegend=False,
    )


def profile(table: DataFrame, styles: Mapping[str, Look] | None = None) -> Figure:
    """A line per variant: which share of its runs reaches at least a normalised score. Higher lines are better.

    `table` as from `ranking.profiles`.
    """
    styles = styled(table, styles)
    traces: list[Trace] = []
    for label, one in table.groupby("label", sort=False):
        look = styles[str(label)]
        traces.append(scatter(
            x=one["tau"].to_numpy(dtype=float), y=one["share"].to_numpy(dtype=float), mode="lines",
            line={"color": look.colour, "dash": look.dash, "width": 2, "shape": "hv"}, name=plain(label),
            legendgroup=str(label), meta=str(label), customdata=one["runs"].to_numpy(),
            hovertemplate="%{y:.0%} of %{customdata} runs reach %{x:.2f}<extra>%{fullData.name}</extra>",
        ))  # fmt: skip
    score = "normalised score: noise is 0, real data 1"
    return figure_of(traces, score, "share of runs that reach it", yaxis={"range": [-0.02, 1.03]})
