"""A history's lines with their intervals, and the steps in them."""

from typing import Any

import plotly.graph_objects as go
from pandas import DataFrame
from plotly.subplots import make_subplots

from ganbench.compare.history import History
from ganbench.reports.figures.audit import COLUMNS, PANEL
from ganbench.reports.figures.canvas import axis_title, figure_of, limits_of, plain, scale, spans_decades
from ganbench.reports.figures.colours import GREY, GRID, faded, looks
from ganbench.reports.frames import glossary
from ganbench.reports.frames.history import commit_of
from ganbench.reports.frames.rows import each, of_dataset
from ganbench.reports.numbers import count, number, percent

TICKS = 4  # named results on an axis


def history_lines(history: History, dataset: str) -> go.Figure:
    """A panel per metric, in it a line per variant and conditions with its intervals over seeds; stars are steps."""
    points = of_dataset(history.points, dataset)
    metrics = glossary.read(points)
    high = -(-len(metrics) // COLUMNS)
    directions = dict(zip(points["metric"], points["direction"], strict=True))
    titles = [axis_title(term.title, directions[metric]) for metric, term in metrics.items()]
    spacing = {"horizontal_spacing": 0.08, "vertical_spacing": 0.36 / max(high, 1)}
    figure = make_subplots(high, COLUMNS, subplot_titles=titles, figure=figure_of(height=60 + PANEL * high), **spacing)
    styles = looks(list(dict.fromkeys(history.points["variant"])))
    for i, metric in enumerate(metrics):
        place = {"row": i // COLUMNS + 1, "col": i % COLUMNS + 1}
        part = points[points["metric"] == metric]
        for _, line in part.groupby("line", sort=True):
            variant = str(line["variant"].iloc[0])
            steps = history.steps[history.steps["line"] == line["line"].iloc[0]]
            for trace in _traces(line, steps, metrics[metric].low):
                look = styles[variant]
                trace.update(name=plain(variant), meta=variant, legendgroup=variant, showlegend=False)
                trace.update(line={"color": look.colour, "dash": look.dash, "width": 1.6}, marker_color=look.colour)
                trace.update(error_y_color=faded(look.colour, 0.4))
                figure.add_trace(trace, **place)
        shown = part["mean"].to_numpy(dtype=float)
        log = spans_decades(shown)
        figure.update_yaxes(**scale(log, shown), range=limits_of(shown, log), **place)
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True}
    figure.update_xaxes(**axis, **_results_axis(history.results))
    figure.update_yaxes(**axis, tickformat="~g", nticks=5)
    figure.update_annotations(font={"size": 12, "color": GREY})
    figure.update_layout(margin_t=30)
    return figure


def _traces(line: DataFrame, steps: DataFrame, low: float) -> list[go.Scatter]:
    """The line, and its steps."""
    hover = "%{y:.4~g} %{customdata}<extra>%{fullData.name}</extra>"
    limits = [
        f"[{number(row.low)}, {number(row.high)}], {count(row.seeds, 'seed')}, {plain(commit_of(row))}"
        for row in each(line)
    ]
    drawn = go.Scatter(
        x=line["place"], y=line["mean"], mode="lines+markers", marker={"size": 5},
        customdata=limits, hovertemplate=hover,
        error_y={
            "type": "data", "symmetric": False, "array": line["high"] - line["mean"],
            "arrayminus": line["mean"] - line["low"].clip(lower=low), "thickness": 0.8, "width": 0,
        },
    )  # fmt: skip
    if steps.empty:
        return [drawn]
    after = line[line["place"].isin(steps["place"])]
    changes = {row.place: f"after a step of {percent(row.change)}" for row in each(steps)}
    stars = go.Scatter(
        x=after["place"], y=after["mean"], mode="markers", marker={"size": 13, "symbol": "star"},
        customdata=[changes[place] for place in after["place"]], hovertemplate=hover,
    )  # fmt: skip
    return [drawn, stars]


def _results_axis(results: DataFrame) -> dict[str, Any]:
    """An axis of results, some of them by name."""
    named = results.iloc[:: -(-len(results) // TICKS)]
    edges = [-0.3, len(results) - 0.7]
    return {
        "tickvals": list(named["place"]),
        "ticktext": [plain(commit_of(row), 10) for row in each(named)],
        "range": edges,
    }
