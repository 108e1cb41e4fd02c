"""Over all datasets: mean ranks, and performance profiles."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pandas import DataFrame
from plotly.graph_objects import Figure

from ganbench.reports.figures.canvas import Trace, figure_of, plain, scatter
from ganbench.reports.figures.colours import Look, styled

FEWEST_PIXELS = 90


def mean_ranks(table: DataFrame, styles: Mapping[str, Look] | None = None) -> Figure:
    """A dot per variant at its mean rank, best at the top; small dots: ranks on the single datasets.

    `table` as from `ranking.overall_ranks`.
    """
    styles = styled(table, styles)
    traces: list[Trace] = []
    place = -np.arange(len(table))
    xaxis: dict[str, Any] = {"dtick": 1 if len(table) < 15 else 5}
    single = [column for column in table if str(column).startswith("rank ")]
    if len(table):
        xaxis["range"] = [0.6, len(table) + 0.4]
    for y, row in zip(place, table.to_dict("records"), strict=True):
        label, rank = str(row["label"]), float(row["rank"])
        look, common = styles[label], {"name": plain(label), "legendgroup": label, "meta": label}
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
