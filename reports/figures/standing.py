"""Where variants stand: scores with their intervals, and what quality costs."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas import DataFrame

from reports.figures.canvas import GREY, Look, Trace, axis_title, blank, plain, scale, scatter, spans_decades, styled
from reports.words import number


def dots(
    rows: DataFrame, metric: str, styles: Mapping[str, Look] | None = None, scores: DataFrame | None = None
) -> go.Figure:
    """Dot and 95 % interval per label, best at the top; a hollow diamond is the selected checkpoint.

    `rows` as from `tables.summary`, of one dataset and board; `scores` (tidy, same dataset) adds a small dot per seed.
    """
    rows = rows[(rows["metric"] == metric) & rows["mean"].notna()]
    styles = styled(rows, styles)
    last = rows[rows["checkpoint"] == "last"]
    lower = len(last) == 0 or last["direction"].iloc[0] == "lower"
    last = last.assign(worth=last["mean"] if lower else -last["mean"]).sort_values(["control", "worth"], kind="stable")
    place = {
        label: -i - (0.5 if control else 0)
        for i, (label, control) in enumerate(zip(last["label"], last["control"], strict=True))
    }
    figure = blank(
        axis_title(metric, str(last["direction"].iloc[0]) if len(last) else ""), height=90 + 27 * max(3, len(place))
    )
    traces: list[Trace] = []
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=[plain(label, 22) for label in place], showgrid=False, zeroline=False
    )
    figure.update_layout(showlegend=False)
    values = last["mean"].to_numpy(dtype=float)
    log = spans_decades(values)
    figure.update_xaxes(**scale(log, values))
    chosen = rows[rows["checkpoint"] == "selected"].set_index("label")["mean"]
    for row in last.to_dict("records"):
        label = str(row["label"])
        _dot(traces, row, place[label], chosen.get(label), styles[label], log)
        if scores is not None:
            _seeds(traces, label, _values(scores, row), place[label], styles[label])
    return figure.add_traces(traces)


def _values(scores: DataFrame, row: Mapping[Any, Any]) -> NDArray[np.float64]:
    same = (scores["checkpoint"] == "last") & (scores["metric"] == row["metric"]) & (scores["label"] == row["label"])
    found = scores.loc[same & (scores["key"] == row["key"]), "value"].dropna()
    return np.asarray(found, dtype=np.float64)


def _dot(traces: list[Trace], row: Mapping[Any, Any], y: float, chosen: float | None, look: Look, log: bool) -> None:
    common: dict[str, Any] = {"legendgroup": str(row["label"]), "name": plain(row["label"]), "meta": str(row["label"])}
    low, high, mean = (float(row[c]) for c in ("low", "high", "mean"))
    if math.isfinite(low):
        # A logarithmic axis has no place for zero: the whisker ends at a hundredth of the mean and says so on hover.
        start = max(low, mean / 100) if log else low
        traces.append(
            scatter(
                x=[start, high],
                y=[y, y],
                mode="lines",
                line={"color": look.colour, "width": 2.5},
                opacity=0.6,
                hoverinfo="skip",
                **common,
            )
        )
    if chosen is not None and math.isfinite(chosen):
        traces.append(scatter(
            x=[chosen], y=[y], mode="markers",
            marker={"symbol": "diamond-open", "size": 10, "color": look.colour, "line": {"width": 1.6}},
            hovertemplate="selected checkpoint %{x:.4~g}<extra>%{fullData.name}</extra>", **common,
        ))  # fmt: skip
    limits = f"95 % [{number(low)}, {number(high)}]" if math.isfinite(low) else "one seed: no interval"
    traces.append(scatter(
        x=[mean], y=[y], mode="markers", marker={"size": 10, "color": look.colour},
        hovertemplate=f"last checkpoint %{{x:.4~g}}, {limits}, seeds: {row['n']}<extra>%{{fullData.name}}</extra>",
        **common,
    ))  # fmt: skip


def _seeds(traces: list[Trace], label: str, values: NDArray[np.float64], y: float, look: Look) -> None:
    if len(values) > 1:
        traces.append(scatter(
            x=values, y=np.full(len(values), y - 0.26), mode="markers", marker={"size": 4, "color": look.colour},
            opacity=0.8, hovertemplate="one seed %{x:.4~g}<extra>%{fullData.name}</extra>", legendgroup=label,
            name=plain(label), meta=label,
        ))  # fmt: skip


def cost(
    rows: DataFrame, ledger: DataFrame, metric: str, column: str, styles: Mapping[str, Look] | None = None
) -> go.Figure:
    """Quality against what it cost: the last checkpoint's mean and interval over the ledger's `column`, a point per
    variant.

    The grey steps join the Pareto front: variants that no other beats at the same or a lower cost. Those off it are
    hollow. `rows` as from `tables.summary`, `ledger` as from `tables.ledger`, both of one dataset.
    """
    found = rows[(rows["metric"] == metric) & (rows["checkpoint"] == "last") & rows["mean"].notna()]
    found = found.merge(ledger[["label", column]], on="label").dropna(subset=[column])
    styles = styled(found, styles)
    direction = str(found["direction"].iloc[0]) if len(found) else ""
    figure = blank(column.replace("_", " "), axis_title(metric, direction))
    traces: list[Trace] = []
    figure.update_xaxes(tickformat="~s", rangemode="tozero")
    spent, values = found[column].to_numpy(dtype=float), found["mean"].to_numpy(dtype=float)
    figure.update_yaxes(**scale(spans_decades(values), values))
    best = pareto(spent, -values if direction == "higher" else values)
    if len(best) > 1:
        traces.append(scatter(
            x=spent[best], y=values[best], mode="lines", line={"color": GREY, "width": 1.2, "shape": "hv"},
            hoverinfo="skip", showlegend=False,
        ))  # fmt: skip
    widest = float(spent.max()) if len(found) else 0.0
    for i, row in enumerate(found.to_dict("records")):
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
            textposition="middle left" if row[column] > 0.7 * widest else "middle right", cliponaxis=False,
            name=plain(row["label"]), legendgroup=str(row["label"]), meta=str(row["label"]),
            marker={"size": 9, "color": look.colour, "symbol": look.symbol + ("" if i in best else "-open")},
            hovertemplate="%{y:.4~g} for %{x:.3~s}<extra>%{fullData.name}</extra>", showlegend=False,
        ))  # fmt: skip
    return figure.add_traces(traces)


def pareto(cost: NDArray[np.float64], loss: NDArray[np.float64]) -> list[int]:
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
