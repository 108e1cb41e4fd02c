"""A history as text and as a page: lines with intervals, and the steps in them.

from ganbench.reports.formats import history
history.lines(found, "mnist5k").show()
"""

from pathlib import Path
from string import Template
from typing import Any

import plotly.graph_objects as go
from ganbench.reports.figures.canvas import axis_title, figure_of, limits_of, plain, scale, spans_decades
from ganbench.reports.figures.colours import GREY, GRID, faded, looks
from ganbench.reports.formats.audit import COLUMNS, PANEL, _file, _plot
from ganbench.reports.formats.gate import p_value, percent
from ganbench.reports.frames import glossary
from ganbench.reports.frames.rows import each, of_dataset
from ganbench.reports.html.markup import chip, escape, name, plain_table
from ganbench.reports.numbers import NONE, arrow, count, number, short
from pandas import DataFrame
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots
from rich.console import Group, RenderableType
from rich.text import Text

from ganbench.compare.history import History
from ganbench.store.whole import written_whole

TICKS = 4  # named results on an axis


def answer(found: History) -> str:
    """How many lines step, in a line."""
    lines = count(found.points["line"].nunique(), "line")
    where = f"{count(len(found.results), 'result')} of {short(found.suite)}, {lines}"
    if found.steps.empty:
        return f"{where}: no step."
    worse = int((found.steps["verdict"] == "worse").sum())
    return f"{where}: {count(len(found.steps), 'step')}, {worse} for the worse."


def rules(found: History) -> str:
    return (
        "A step is larger than the gate tolerates, and more than chance: the p-values of all lines are adjusted "
        f"together, so that of histories without a step one in {number(1 / found.gate.error, 2)} shows any. What was "
        "measured under other conditions or for another budget is another line. Speeds are lines of one machine."
    )


def commit(row: Any) -> str:
    return short(row.commit, 12) if row.commit else f"result {row.place + 1}"


def cells(steps: DataFrame) -> DataFrame:
    """Steps -> a frame of text."""
    return DataFrame(
        [
            {
                "": row.verdict,
                "since": commit(row),
                "date": row.date[:10] or NONE,
                "dataset": short(row.dataset),
                "variant": short(row.variant),
                "metric": f"{short(row.metric)} {arrow(row.direction)}",
                "before": number(row.before),
                "after": number(row.after),
                "change": percent(row.change),
                "p": p_value(row.p).removeprefix("p ").removeprefix("= "),
            }
            for row in each(steps)
        ]
    )


def sentence(row: Any) -> str:
    """A step in words."""
    since = f"{commit(row)} of {row.date[:10]}" if row.date else commit(row)
    return (
        f"{row.verdict} since {since}: {short(row.variant)} on {short(row.dataset)}, {short(row.metric)} went from "
        f"{number(row.before)} to {number(row.after)}, by {percent(row.change)}, {p_value(row.p)}"
    )


def terminal(found: History) -> RenderableType:
    """The answer, the steps and the remarks; names are never read as markup."""
    parts = [Text(answer(found), style="bold")]
    parts += [Text(sentence(row), style="red" if row.verdict == "worse" else "green") for row in each(found.steps)]
    parts += [Text(short(remark, 600), style="yellow") for remark in found.remarks]
    return Group(*parts, Text(rules(found), style="dim"))


# Figures


def lines(found: History, dataset: str) -> go.Figure:
    """A panel per metric, in it a line per variant and conditions with its intervals over seeds; stars are steps."""
    points = of_dataset(found.points, dataset)
    metrics = glossary.read(points)
    high = -(-len(metrics) // COLUMNS)
    directions = dict(zip(points["metric"], points["direction"], strict=True))
    titles = [axis_title(term.title, directions[metric]) for metric, term in metrics.items()]
    spacing = {"horizontal_spacing": 0.08, "vertical_spacing": 0.36 / max(high, 1)}
    figure = make_subplots(high, COLUMNS, subplot_titles=titles, figure=figure_of(height=60 + PANEL * high), **spacing)
    styles = looks(list(dict.fromkeys(found.points["variant"])))
    for i, metric in enumerate(metrics):
        place = {"row": i // COLUMNS + 1, "col": i % COLUMNS + 1}
        part = points[points["metric"] == metric]
        for _, line in part.groupby("line", sort=True):
            variant = str(line["variant"].iloc[0])
            steps = found.steps[found.steps["line"] == line["line"].iloc[0]]
            for trace in _line(line, steps, metrics[metric].low):
                look = styles[variant]
                trace.update(name=plain(variant), meta=variant, legendgroup=variant, showlegend=False)
                trace.update(line={"color": look.colour, "dash": look.dash, "width": 1.6}, marker_color=look.colour)
                trace.update(error_y_color=faded(look.colour, 0.4))
                figure.add_trace(trace, **place)
        shown = part["mean"].to_numpy(dtype=float)
        log = spans_decades(shown)
        figure.update_yaxes(**scale(log, shown), range=limits_of(shown, log), **place)
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True}
    figure.update_xaxes(**axis, **_named(found.results))
    figure.update_yaxes(**axis, tickformat="~g", nticks=5)
    figure.update_annotations(font={"size": 12, "color": GREY})
    figure.update_layout(margin_t=30)
    return figure


def _line(line: DataFrame, steps: DataFrame, low: float) -> list[go.Scatter]:
    """The line, and its steps."""
    said = "%{y:.4~g} %{customdata}<extra>%{fullData.name}</extra>"
    limits = [
        f"[{number(row.low)}, {number(row.high)}], {count(row.seeds, 'seed')}, {plain(commit(row))}"
        for row in each(line)
    ]
    drawn = go.Scatter(
        x=line["place"], y=line["mean"], mode="lines+markers", marker={"size": 5},
        customdata=limits, hovertemplate=said,
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
        customdata=[changes[place] for place in after["place"]], hovertemplate=said,
    )  # fmt: skip
    return [drawn, stars]


def _named(results: DataFrame) -> dict[str, Any]:
    """An axis of results, some of them by name."""
    named = results.iloc[:: -(-len(results) // TICKS)]
    edges = [-0.3, len(results) - 0.7]
    return {
        "tickvals": list(named["place"]),
        "ticktext": [plain(commit(row), 10) for row in each(named)],
        "range": edges,
    }


# Page


def write_page(found: History, file: Path) -> None:
    """Write `page` to a file, which is there whole or not at all."""
    with written_whole(file) as draft:
        draft.write_text(page(found), encoding="utf-8", newline="\n")


def page(found: History) -> str:
    """All of a history as one HTML file that needs no network."""
    places = {dataset: f"dataset-{i}" for i, dataset in enumerate(dict.fromkeys(found.points["dataset"]))}
    return Template(_file("page.html")).substitute(
        title=escape(f"history of {short(found.suite)}: ganbench"),
        heading="History",
        subtitle=escape(answer(found)),
        links="".join(f'<a href="#{place}">{name(dataset)}</a>' for dataset, place in places.items()),
        body="".join(_section(found, *place) for place in places.items()) + _rest(found),
        footer="Made by ganbench. Every value on this page is a row of <code>history.csv</code>.",
        css=_file("page.css"),
        script=_file("page.js"),
        plotly=f"<script>{get_plotlyjs()}</script>",
    )


def _section(found: History, dataset: str, place: str) -> str:
    """One dataset's steps and lines; the legend's buttons hide a variant in all panels."""
    variants = dict.fromkeys(of_dataset(found.points, dataset)["variant"])
    styles = looks(list(dict.fromkeys(found.points["variant"])))
    chips = "".join(
        f'<li><button type="button" aria-pressed="true" data-label="{escape(variant)}">{chip(styles[variant])}'
        f"{name(variant)}</button></li>"
        for variant in variants
    )
    steps = of_dataset(found.steps, dataset)
    told = _table("Steps", cells(steps).drop(columns="dataset")) if len(steps) else '<p class="note">No step.</p>'
    shown = "Each metric over the results, a line per variant; history.csv has the same."
    return (
        f'<section class="dataset" id="{place}"><h2>{name(dataset)}</h2><h3>Steps</h3>{told}'
        '<h3>Lines</h3><p class="note">Means over seeds with Student\'s 95 % intervals; a star begins a step.</p>'
        f'<ul class="legend" aria-label="Show or hide in all panels">{chips}</ul>'
        f"{_plot(lines(found, dataset), f'lines-{place}', shown)}</section>"
    )


def _rest(found: History) -> str:
    """What the lines were made of, and how steps were found."""
    results = DataFrame(
        [
            {
                "commit": commit(row),
                "date": row.date or NONE,
                "rows": str(row.rows),
                "failed runs": str(row.failed),
                "device": row.device or NONE,
                "source": row.source,
            }
            for row in each(found.results)
        ]
    )
    notes = "".join(f'<p class="note">{escape(remark)}</p>' for remark in [rules(found), *found.remarks])
    return f'<section class="dataset" id="results"><h2>Results</h2>{notes}{_table("Results", results)}</section>'


def _table(caption: str, text: DataFrame) -> str:
    rows = (
        f'<tr class="row">{"".join(f"""<td class="text">{name(cell, 200)}</td>""" for cell in cells)}</tr>'
        for cells in text.to_numpy().tolist()
    )
    return plain_table(caption, [f"<{title}" for title in text], rows)
