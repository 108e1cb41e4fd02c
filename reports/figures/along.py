"""Along the budget: scores, losses, what D believes."""

import html
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from pandas import DataFrame

from ganbench.reports.figures.canvas import (
    MARGIN,
    Trace,
    axis_of,
    figure_of,
    limits_of,
    plain,
    scale,
    scatter,
    spans_decades,
    steady_limits,
)
from ganbench.reports.figures.colours import GREY, Look, faded, styled
from ganbench.reports.numbers import number

GAME = ("game_value", "game_value_optimal")  # at the trained D, and at the best
BELIEFS = ("D.belief_real", "D.belief_fake")
GRADIENT_NORM = ".gradient_norm"  # ends the name of a curve, after the player's
MOST_POINTS = 300  # per line; a screen shows no more


def curves(scores: DataFrame, metric: str, styles: Mapping[str, Look] | None = None) -> go.Figure:
    """A metric along the budget: per label the mean over seeds, in a band from the lowest to the highest seed.

    `scores` is tidy, of one dataset, with `control` as in `scores.tidy`. Rows of checkpoint "curve" make the lines; a
    control without such rows is a dashed level at its last score. A cross marks where a run that failed was last
    measured. Levels that would squeeze the curves are named at the edge of the picture instead.
    """
    rows = scores[(scores["metric"] == metric) & scores["value"].notna()]
    styles = styled(scores, styles)
    control = rows["control"].astype(bool) if "control" in rows else pd.Series(False, index=rows.index)
    lines = rows[(rows["checkpoint"] == "curve") & ~control]
    levels = rows[control & (rows["checkpoint"] == "last")].groupby("label", sort=False)["value"].mean()
    traces: list[Trace] = []
    values = lines["value"].to_numpy(dtype=float)
    log = spans_decades(values)
    limits = limits_of(values, log)
    for label, one in lines.groupby("label", sort=False):
        band(traces, str(label), one, styles[str(label)])
    unseen: dict[str, Any] = {}
    if limits is not None:
        span = [float(lines["images"].min()), float(lines["images"].max())]
        limits, unseen = _levels(traces, levels.to_dict(), span, limits, log, styles)
    return _over_images(traces, axis_of(rows), {"range": limits, **scale(log, values)}, **unseen)


def _over_images(traces: list[Trace], y: str, yaxis: Mapping[str, Any], **layout: Any) -> go.Figure:
    return figure_of(traces, "real images shown to D", y, xaxis={"tickformat": "~s"}, yaxis=yaxis, **layout)


def theory(scores: DataFrame, styles: Mapping[str, Look] | None = None) -> go.Figure:
    """The value of the game along the budget: solid at the trained D, dotted at the best D for the same generator.

    Per label the means over seeds, in bands from the lowest to the highest seed, of `game_value` and
    `game_value_optimal`. The grey line is -log 4, where the generator equals the data. The gap between a label's two
    lines is what its D fails to see; the dotted line's height above the grey one is twice the Jensen-Shannon
    divergence. `scores` as for `curves`; controls, which train no D, are left out.
    """
    rows = scores[(scores["checkpoint"] == "curve") & scores["value"].notna()]
    rows = rows[rows["metric"].isin(GAME)]
    if "control" in rows:
        rows = rows[~rows["control"].astype(bool)]
    styles = styled(scores, styles)
    traces: list[Trace] = []
    limits = None
    for (label, metric), one in rows.groupby(["label", "metric"], sort=False):
        look = styles[str(label)]
        if metric == GAME[1]:
            band(traces, str(label), one, look._replace(dash="dot"), "best D for ")
        else:
            band(traces, str(label), one, look._replace(dash="solid"))
    if len(rows):
        _level(traces, rows, -math.log(4), "−log 4: the generator equals the data")
        values = np.append(rows["value"].to_numpy(dtype=float), -math.log(4))
        limits = steady_limits(values)
    return _over_images(traces, "value of the game, in nats", {"range": limits})


def along(rows: DataFrame) -> DataFrame:
    """Scores of one metric and label -> mean, min, max, count over seeds; indexed by images.

    Seeds that were measured at different points are interpolated, never beyond their own ends: a run that failed
    leaves the mean there.
    """
    images, values = (rows[name].to_numpy(dtype=float) for name in ("images", "value"))
    seeds, grid = rows["seed"].to_numpy(), np.unique(images)
    lines = []
    for seed in np.unique(seeds):
        own = np.flatnonzero(seeds == seed)
        own = own[np.argsort(images[own], kind="stable")]
        lines.append(np.interp(grid, images[own], values[own], left=np.nan, right=np.nan))
    y = np.array(lines)
    columns = {"mean": np.nanmean(y, 0), "min": np.nanmin(y, 0), "max": np.nanmax(y, 0), "count": (~np.isnan(y)).sum(0)}
    return DataFrame(columns, index=grid)


def band(traces: list[Trace], label: str, rows: DataFrame, look: Look, which: str = "", shaded: bool = True) -> None:
    """A label's mean over seeds, in a band from the lowest to the highest, and crosses where runs ended badly."""
    table = along(rows)
    x = table.index.to_numpy(dtype=float)
    common: dict[str, Any] = {"legendgroup": label, "name": which + plain(label), "meta": label}
    if shaded and table["count"].max() > 1:
        edge = np.concatenate([table["max"].to_numpy(), table["min"].to_numpy()[::-1]])
        traces.append(scatter(
            x=np.concatenate([x, x[::-1]]), y=edge, fill="toself", fillcolor=faded(look.colour, 0.14),
            line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False, **common,
        ))  # fmt: skip
    traces.append(scatter(
        x=x, y=table["mean"].to_numpy(), customdata=table["count"].to_numpy(),
        mode="lines+markers" if len(x) < 3 else "lines", line={"color": look.colour, "dash": look.dash, "width": 2},
        marker={"color": look.colour, "symbol": look.symbol, "size": 6},
        hovertemplate="%{y:.4~g} at %{x:.3~s} images, seeds: %{customdata}<extra>%{fullData.name}</extra>", **common,
    ))  # fmt: skip
    ends = (
        rows[rows["status"] != "done"].sort_values("images").groupby("seed").tail(1) if "status" in rows else rows[:0]
    )
    if len(ends):
        traces.append(scatter(
            x=ends["images"].to_numpy(dtype=float), y=ends["value"].to_numpy(dtype=float), mode="markers",
            showlegend=False, marker={"symbol": "x", "size": 9, "color": look.colour},
            text=[plain(s) for s in ends["status"]],
            hovertemplate="last measured before: %{text}<extra>%{fullData.name}</extra>", **common,
        ))  # fmt: skip


def _levels(
    traces: list[Trace],
    levels: Mapping[Any, float],
    span: list[float],
    limits: list[float],
    log: bool,
    styles: Mapping[str, Look],
) -> tuple[list[float], dict[str, Any]]:
    """Add dashed lines for controls -> limits of the axis, stretched by a third at most to hold them, and a layout that
    names those still out of sight.
    """
    low, high = limits
    reach = high - low
    place = {str(label): _axis_place(value, log) for label, value in levels.items()}
    inside = sorted((y, label) for label, y in place.items() if low - reach / 3 <= y <= high + reach / 3)
    names: dict[
        str, list[str]
    ] = {}  # a line's label -> the names written on it: its own, and those of lines that touch it
    for i, (y, label) in enumerate(inside):
        limits = [min(limits[0], y - 0.04 * reach), max(limits[1], y + 0.07 * reach)]
        touches = names and y - inside[i - 1][0] < 0.045 * reach
        names.setdefault(list(names)[-1] if touches else label, []).append(plain(label, 16))
    for _, label in inside:
        look, value = styles[label], levels[label]
        traces.append(scatter(
            x=span, y=[value, value], mode="lines+text", text=["", ", ".join(names.get(label, []))],
            textposition="top left", name=plain(label), legendgroup=label, meta=label,
            line={"color": look.colour, "dash": look.dash, "width": 1.2}, textfont={"size": 11, "color": GREY},
            hovertemplate="%{y:.4~g}<extra>%{fullData.name}</extra>",
        ))  # fmt: skip
    outside = [
        f"{plain(label, 16)} {number(levels[label])}" for label in place if label not in {name for _, name in inside}
    ]
    if not outside:
        return limits, {}
    note = {
        "text": "out of sight: " + ", ".join(outside), "xref": "paper", "yref": "paper", "x": 0, "y": 1,
        "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 11, "color": GREY},
    }  # fmt: skip
    return limits, {"annotations": [note], "margin": {**MARGIN, "t": 26}}


def _axis_place(value: float, log: bool) -> float:
    """Where a value stands on an axis; zero has no place on a logarithmic one."""
    if not log:
        return value
    return math.log10(value) if value > 0 else -math.inf


def losses(losses: DataFrame, curve: str, styles: Mapping[str, Look] | None = None) -> go.Figure:
    """One loss curve along the budget, a thin line per run; a line keeps at most 300 points, each the mean of its
    neighbours.

    `losses` has columns run, label, seed, images, curve, value, of one dataset.
    """
    rows = losses[losses["curve"] == curve]
    limits = steady_limits(rows["value"].to_numpy(dtype=float))
    return _over_images(_run_lines(rows, styles), html.escape(curve, quote=False), {"range": limits})


def _run_lines(rows: DataFrame, styles: Mapping[str, Look] | None) -> list[Trace]:
    styles = styled(rows, styles)
    traces: list[Trace] = []
    legends: set[str] = set()
    for (label, _, seed), one in rows.groupby(["label", "run", "seed"], sort=False):
        look = styles[str(label)]
        x, y = thin(one.sort_values("images"))
        traces.append(scatter(
            x=x, y=y, mode="lines", name=plain(label), legendgroup=str(label), meta=str(label),
            showlegend=label not in legends, line={"color": look.colour, "dash": look.dash, "width": 1.1}, opacity=0.75,
            hovertemplate=f"%{{y:.4~g}} at %{{x:.3~s}} images, seed {seed}<extra>%{{fullData.name}}</extra>",
        ))  # fmt: skip
        legends.add(str(label))
    return traces


def thin(rows: DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of neighbours, so that a thinned curve keeps its level; the last point stays as it was: it may be the NaN
    that ended it.
    """
    x, y = rows["images"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float)
    if len(x) <= MOST_POINTS:
        return x, y
    edges = np.linspace(0, len(x), MOST_POINTS + 1).astype(int)[:-1]
    width = np.diff(np.append(edges, len(x)))
    return np.add.reduceat(x, edges) / width, np.add.reduceat(y, edges) / width


def gradient_norms(losses: DataFrame, player: str, styles: Mapping[str, Look] | None = None) -> go.Figure:
    """The Euclidean norm of a player's gradient along the budget, a thin line per run, on a logarithmic axis.

    `losses` as for `losses`; its curve "G.gradient_norm" is the norm at the last step of each log interval.
    """
    rows = losses[losses["curve"] == f"{player}{GRADIENT_NORM}"]
    values = rows["value"].to_numpy(dtype=float)
    positive = values[np.isfinite(values) & (values > 0)]
    yaxis = {"range": steady_limits(np.log10(positive)), **scale(True, positive)} if len(positive) else {}
    return _over_images(_run_lines(rows, styles), f"norm of {html.escape(player, quote=False)}'s gradient", yaxis)


def beliefs(losses: DataFrame, styles: Mapping[str, Look] | None = None) -> go.Figure:
    """How probable D finds it that real data (solid) and fakes (dotted) are real: per label the means over seeds.

    `losses` as for `losses`, with the curves `BELIEFS`. The grey line is one half, where a D that cannot tell ends. A
    formulation that speaks of no probability has no line.
    """
    rows = losses[losses["curve"].isin(BELIEFS) & losses["value"].notna()]
    styles = styled(rows, styles)
    traces: list[Trace] = []
    if len(rows):
        _level(traces, rows, 0.5, "one half: D cannot tell")
    for (label, curve), one in rows.groupby(["label", "curve"], sort=False):
        real = curve == BELIEFS[0]
        look = styles[str(label)]._replace(dash="solid" if real else "dot")
        band(traces, str(label), one, look, "real, " if real else "fakes, ", shaded=False)
    return _over_images(traces, "D's belief that it is real", {"range": [-0.02, 1.02]})


def _level(traces: list[Trace], rows: DataFrame, y: float, text: str) -> None:
    """A grey line through the picture, with a word at its right end."""
    traces.append(scatter(
        x=[float(rows["images"].min()), float(rows["images"].max())], y=[y, y], mode="lines+text", text=["", text],
        textposition="top left", line={"color": GREY, "width": 1.2}, textfont={"size": 11, "color": GREY},
        hoverinfo="skip", showlegend=False,
    ))  # fmt: skip
