"""Data frames to Plotly figures: pure functions, usable in a notebook.

    from reports import figures, tables
    figures.curves(tables.tidy(results).query("dataset == 'mnist5k'"), "fid").show()

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
from numpy.typing import NDArray
from pandas import DataFrame

from reports.glossary import entry
from reports.words import arrow, number, short

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
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif'
GAME = ("game_value", "game_value_optimal")  # at the trained D, and at the best
MOST_POINTS = 300  # per line; a screen shows no more


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


def _figure(x: str = "", y: str = "", height: int = 360, **layout: Any) -> go.Figure:
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True, "tickformat": "~g"}
    return go.Figure(
        layout={
            "template": {},  # Plotly's own is 6 kB per figure
            "font": {"family": FONT, "size": 12, "color": "#5b6169"},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
            "height": height,
            "hovermode": "closest",
            "legend": {"orientation": "h", "y": -0.2},
            "xaxis": {**axis, "title": {"text": x, "standoff": 8}},
            "yaxis": {**axis, "title": {"text": y, "standoff": 8}},
            **layout,
        }
    )


def axis_title(metric: str, direction: str = "") -> str:
    return f"{html.escape(entry(metric).title, quote=False)} {arrow(direction)}".strip()


def _styles(frame: DataFrame, styles: Mapping[str, Look] | None) -> Mapping[str, Look]:
    if styles is not None:
        return styles
    control = frame["control"].astype(bool) if "control" in frame else pd.Series(False, index=frame.index)
    return looks(dict(zip(frame["label"], control, strict=True)))


def _faded(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def _log(values: NDArray[np.float64]) -> bool:
    """Whether a logarithmic axis shows these values better: all positive, over more than a factor of 20."""
    found = values[np.isfinite(values)]
    return bool(len(found)) and bool(found.min() > 0) and bool(found.max() / found.min() > 20)


def _scale(log: bool, values: NDArray[np.float64]) -> dict[str, Any]:
    """Kind of axis, and on a logarithmic one ticks at 1, 2, 5 or, over more than three decades, at the decades."""
    if not log:
        return {"type": "linear"}
    found = values[np.isfinite(values)]
    return {"type": "log", "dtick": 1 if found.max() / found.min() > 1000 else "D2"}


def _range(values: NDArray[np.float64], log: bool) -> list[float] | None:
    """Axis limits around the values with a margin of 6 %, in Plotly's units."""
    found = values[np.isfinite(values)]
    if not len(found):
        return None
    low, high = (float(v) for v in (found.min(), found.max()))
    if log:
        low, high = math.log10(low), math.log10(high)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 0.5
    return [low - margin, high + margin]


def curves(scores: DataFrame, metric: str, styles: Mapping[str, Look] | None = None) -> go.Figure:
    """A metric along the budget: per label the mean over seeds, in a band from the lowest to the highest seed.

    `scores` is tidy, of one dataset, with `control` as in `tables.tidy`. Rows of checkpoint "curve" make the lines; a
    control without such rows is a dashed level at its last score. A cross marks where a run that failed was last
    measured. Levels that would squeeze the curves are named at the edge of the picture instead.
    """
    rows = scores[(scores["metric"] == metric) & scores["value"].notna()]
    styles = _styles(scores, styles)
    control = rows["control"].astype(bool) if "control" in rows else pd.Series(False, index=rows.index)
    lines = rows[(rows["checkpoint"] == "curve") & ~control]
    levels = rows[control & (rows["checkpoint"] == "last")].groupby("label", sort=False)["value"].mean()
    direction = str(rows["direction"].iloc[0]) if len(rows) else ""
    figure = _figure("real images shown to D", axis_title(metric, direction))
    values = lines["value"].to_numpy(dtype=float)
    log = _log(values)
    limits = _range(values, log)
    figure.update_xaxes(tickformat="~s")
    figure.update_yaxes(range=limits, **_scale(log, values))
    for label, one in lines.groupby("label", sort=False):
        _band(figure, str(label), one, styles[str(label)])
    if len(lines):
        span = [float(lines["images"].min()), float(lines["images"].max())]
        _levels(figure, levels.to_dict(), span, limits, log, styles)
    return figure


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
    styles = _styles(scores, styles)
    figure = _figure("real images shown to D", "value of the game, in nats")
    figure.update_xaxes(tickformat="~s")
    for (label, metric), one in rows.groupby(["label", "metric"], sort=False):
        look = styles[str(label)]
        if metric == GAME[1]:
            _band(figure, str(label), one, look._replace(dash="dot"), "best D for ")
        else:
            _band(figure, str(label), one, look._replace(dash="solid"))
    if len(rows):
        x = [float(rows["images"].min()), float(rows["images"].max())]
        figure.add_scatter(
            x=x, y=[-math.log(4)] * 2, mode="lines+text", text=["", "−log 4: the generator equals the data"],
            textposition="top left", line={"color": GREY, "width": 1.2}, textfont={"size": 11, "color": GREY},
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        values = np.append(rows["value"].to_numpy(dtype=float), -math.log(4))
        figure.update_yaxes(range=_steady(values))
    return figure


def along(rows: DataFrame) -> DataFrame:
    """Scores of one metric and label -> mean, min, max, count over seeds; indexed by images.

    Seeds that were measured at different points are interpolated, never beyond their own ends: a run that failed
    leaves the mean there.
    """
    grid = np.unique(rows["images"].to_numpy(dtype=float))
    seeds = [one.sort_values("images") for _, one in rows.groupby("seed")]
    lines = [np.interp(grid, one["images"], one["value"], left=np.nan, right=np.nan) for one in seeds]
    table = DataFrame(np.array(lines).T, index=grid)
    return table.agg(["mean", "min", "max", "count"], axis=1)


def _band(figure: go.Figure, label: str, rows: DataFrame, look: Look, which: str = "") -> None:
    table = along(rows)
    x = table.index.to_numpy(dtype=float)
    common: dict[str, Any] = {"legendgroup": label, "name": which + plain(label), "meta": label}
    if table["count"].max() > 1:
        edge = np.concatenate([table["max"].to_numpy(), table["min"].to_numpy()[::-1]])
        figure.add_scatter(
            x=np.concatenate([x, x[::-1]]), y=edge, fill="toself", fillcolor=_faded(look.colour, 0.14),
            line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False, **common,
        )  # fmt: skip
    figure.add_scatter(
        x=x, y=table["mean"].to_numpy(), customdata=table["count"].to_numpy(),
        mode="lines+markers" if len(x) < 3 else "lines", line={"color": look.colour, "dash": look.dash, "width": 2},
        marker={"color": look.colour, "symbol": look.symbol, "size": 6},
        hovertemplate="%{y:.4~g} at %{x:.3~s} images, seeds: %{customdata}<extra>%{fullData.name}</extra>", **common,
    )  # fmt: skip
    ends = (
        rows[rows["status"] != "done"].sort_values("images").groupby("seed").tail(1) if "status" in rows else rows[:0]
    )
    if len(ends):
        figure.add_scatter(
            x=ends["images"].to_numpy(dtype=float), y=ends["value"].to_numpy(dtype=float), mode="markers",
            showlegend=False, marker={"symbol": "x", "size": 9, "color": look.colour},
            text=[plain(s) for s in ends["status"]],
            hovertemplate="last measured before: %{text}<extra>%{fullData.name}</extra>", **common,
        )  # fmt: skip


def _levels(
    figure: go.Figure,
    levels: Mapping[Any, float],
    span: list[float],
    limits: list[float] | None,
    log: bool,
    styles: Mapping[str, Look],
) -> None:
    """Dashed lines for controls; the axis stretches by a third at most to hold them, and those still out of sight are
    named.
    """
    assert limits is not None  # there are lines, so there are limits
    low, high = limits
    reach = high - low
    place = {str(label): _place(value, log) for label, value in levels.items()}
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
        figure.add_scatter(
            x=span, y=[value, value], mode="lines+text", text=["", ", ".join(names.get(label, []))],
            textposition="top left", name=plain(label), legendgroup=label, meta=label,
            line={"color": look.colour, "dash": look.dash, "width": 1.2}, textfont={"size": 11, "color": GREY},
            hovertemplate="%{y:.4~g}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_yaxes(range=limits)
    outside = [
        f"{plain(label, 16)} {number(levels[label])}" for label in place if label not in {name for _, name in inside}
    ]
    if outside:
        figure.add_annotation(
            text="out of sight: " + ", ".join(outside), xref="paper", yref="paper", x=0, y=1, yanchor="bottom",
            xanchor="left", showarrow=False, font={"size": 11, "color": GREY},
        )  # fmt: skip
        figure.update_layout(margin_t=26)


def _place(value: float, log: bool) -> float:
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
    styles = _styles(rows, styles)
    figure = _figure("real images shown to D", html.escape(curve, quote=False))
    figure.update_xaxes(tickformat="~s")
    seen: set[str] = set()
    for (label, _, seed), one in rows.groupby(["label", "run", "seed"], sort=False):
        look = styles[str(label)]
        x, y = _thin(one.sort_values("images"))
        figure.add_scatter(
            x=x, y=y, mode="lines", name=plain(label), legendgroup=str(label), meta=str(label),
            showlegend=label not in seen, line={"color": look.colour, "dash": look.dash, "width": 1.1}, opacity=0.75,
            hovertemplate=f"%{{y:.4~g}} at %{{x:.3~s}} images, seed {seed}<extra>%{{fullData.name}}</extra>",
        )  # fmt: skip
        seen.add(str(label))
    figure.update_yaxes(range=_steady(rows["value"].to_numpy(dtype=float)))
    return figure


def _thin(rows: DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of neighbours, so that a thinned curve keeps its level; the last point stays as it was: it may be the NaN
    that ended it.
    """
    x, y = rows["images"].to_numpy(dtype=float), rows["value"].to_numpy(dtype=float)
    if len(x) <= MOST_POINTS:
        return x, y
    edges = np.linspace(0, len(x), MOST_POINTS + 1).astype(int)[:-1]
    width = np.diff(np.append(edges, len(x)))
    return np.add.reduceat(x, edges) / width, np.add.reduceat(y, edges) / width


def _steady(values: NDArray[np.float64]) -> list[float] | None:
    """Axis limits that one exploding run cannot stretch: the 1st to 99th percentile, widened by a half."""
    found = values[np.isfinite(values)]
    if not len(found):
        return None
    low, high = (float(q) for q in np.percentile(found, [1, 99]))
    least, most = float(found.min()), float(found.max())
    reach = (high - low) / 2 or 0.5
    margin = 0.04 * (high - low) or 0.5
    return [max(low - reach, least - margin), min(high + reach, most + margin)]


def dots(
    rows: DataFrame, metric: str, styles: Mapping[str, Look] | None = None, scores: DataFrame | None = None
) -> go.Figure:
    """Dot and 95 % interval per label, best at the top; a hollow diamond is the selected checkpoint.

    `rows` as from `tables.summary`, of one dataset and board; `scores` (tidy, same dataset) adds a small dot per seed.
    """
    rows = rows[(rows["metric"] == metric) & rows["mean"].notna()]
    styles = _styles(rows, styles)
    last = rows[rows["checkpoint"] == "last"]
    lower = len(last) == 0 or last["direction"].iloc[0] == "lower"
    last = last.assign(worth=last["mean"] if lower else -last["mean"]).sort_values(["control", "worth"], kind="stable")
    place = {
        label: -i - (0.5 if control else 0)
        for i, (label, control) in enumerate(zip(last["label"], last["control"], strict=True))
    }
    figure = _figure(
        axis_title(metric, str(last["direction"].iloc[0]) if len(last) else ""), height=90 + 27 * max(3, len(place))
    )
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=[plain(label, 22) for label in place], showgrid=False, zeroline=False
    )
    figure.update_layout(showlegend=False)
    values = last["mean"].to_numpy(dtype=float)
    log = _log(values)
    figure.update_xaxes(**_scale(log, values))
    chosen = rows[rows["checkpoint"] == "selected"].set_index("label")["mean"]
    for row in last.to_dict("records"):
        label = str(row["label"])
        _dot(figure, row, place[label], chosen.get(label), styles[label], log)
        if scores is not None:
            _seeds(figure, label, _values(scores, row), place[label], styles[label])
    return figure


def _values(scores: DataFrame, row: Mapping[Any, Any]) -> NDArray[np.float64]:
    same = (scores["checkpoint"] == "last") & (scores["metric"] == row["metric"]) & (scores["label"] == row["label"])
    found = scores.loc[same & (scores["key"] == row["key"]), "value"].dropna()
    return np.asarray(found, dtype=np.float64)


def _dot(figure: go.Figure, row: Mapping[Any, Any], y: float, chosen: float | None, look: Look, log: bool) -> None:
    common: dict[str, Any] = {"legendgroup": str(row["label"]), "name": plain(row["label"]), "meta": str(row["label"])}
    low, high, mean = (float(row[c]) for c in ("low", "high", "mean"))
    if math.isfinite(low):
        # A logarithmic axis has no place for zero: the whisker ends at a hundredth of the mean and says so on hover.
        start = max(low, mean / 100) if log else low
        figure.add_scatter(
            x=[start, high],
            y=[y, y],
            mode="lines",
            line={"color": look.colour, "width": 2.5},
            opacity=0.6,
            hoverinfo="skip",
            **common,
        )
    if chosen is not None and math.isfinite(chosen):
        figure.add_scatter(
            x=[chosen], y=[y], mode="markers",
            marker={"symbol": "diamond-open", "size": 10, "color": look.colour, "line": {"width": 1.6}},
            hovertemplate="selected checkpoint %{x:.4~g}<extra>%{fullData.name}</extra>", **common,
        )  # fmt: skip
    limits = f"95 % [{number(low)}, {number(high)}]" if math.isfinite(low) else "one seed: no interval"
    figure.add_scatter(
        x=[mean], y=[y], mode="markers", marker={"size": 10, "color": look.colour},
        hovertemplate=f"last checkpoint %{{x:.4~g}}, {limits}, seeds: {row['n']}<extra>%{{fullData.name}}</extra>",
        **common,
    )  # fmt: skip


def _seeds(figure: go.Figure, label: str, values: NDArray[np.float64], y: float, look: Look) -> None:
    if len(values) > 1:
        figure.add_scatter(
            x=values, y=np.full(len(values), y - 0.26), mode="markers", marker={"size": 4, "color": look.colour},
            opacity=0.8, hovertemplate="one seed %{x:.4~g}<extra>%{fullData.name}</extra>", legendgroup=label,
            name=plain(label), meta=label,
        )  # fmt: skip


def cost(
    rows: DataFrame, ledger: DataFrame, metric: str, column: str, styles: Mapping[str, Look] | None = None
) -> go.Figure:
    """Quality against what it cost: the last checkpoint's mean and interval over the ledger's `column`, a point per
    variant.

    `rows` as from `tables.summary`, `ledger` as from `tables.ledger`, both of one dataset.
    """
    found = rows[(rows["metric"] == metric) & (rows["checkpoint"] == "last") & rows["mean"].notna()]
    found = found.merge(ledger[["label", column]], on="label")
    styles = _styles(found, styles)
    figure = _figure(
        column.replace("_", " "), axis_title(metric, str(found["direction"].iloc[0]) if len(found) else "")
    )
    figure.update_xaxes(tickformat="~s", rangemode="tozero")
    values = found["mean"].to_numpy(dtype=float)
    figure.update_yaxes(**_scale(_log(values), values))
    widest = float(found[column].max()) if len(found) else 0.0
    for row in found.to_dict("records"):
        look, mean = styles[str(row["label"])], float(row["mean"])
        error = {
            "type": "data",
            "symmetric": False,
            "array": [row["high"] - mean],
            "arrayminus": [mean - row["low"]],
            "thickness": 1.2,
        }
        figure.add_scatter(
            x=[row[column]], y=[mean], error_y=error if math.isfinite(row["low"]) else None, mode="markers+text",
            text=[plain(row["label"], 16)],
            textposition="middle left" if row[column] > 0.7 * widest else "middle right", cliponaxis=False,
            name=plain(row["label"]), legendgroup=str(row["label"]), meta=str(row["label"]),
            marker={"size": 9, "color": look.colour, "symbol": look.symbol},
            hovertemplate="%{y:.4~g} for %{x:.3~s}<extra>%{fullData.name}</extra>", showlegend=False,
        )  # fmt: skip
    return figure
