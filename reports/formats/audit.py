"""An audit as tables, figures, a page and the Markdown that ships with a judge's card.

from ganbench.reports.formats import audit
audit.lines(found, "mnist").show()
"""

from collections.abc import Iterable
from math import isnan
from pathlib import Path
from string import Template
from typing import Any

import plotly.graph_objects as go
from ganbench.reports.figures.canvas import axis_title, figure_of, heatmap, plain, scale, spans_decades
from ganbench.reports.figures.colours import BLUES, GREY, GRID, INK_ON_PALE, PALE_GREY, PALE_ORANGE, PALE_PINK, looks
from ganbench.reports.frames import glossary
from ganbench.reports.html.markup import chip, escape, name, plain_table, script_json
from ganbench.reports.html.page import HERE
from ganbench.reports.numbers import NONE as NONE_GIVEN
from ganbench.reports.numbers import fixed
from pandas import DataFrame
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ganbench.audit.verdicts import NOISE, NONE, RISING, Audit, judge_agreement, noise_floor
from ganbench.store.whole import written_whole

COLUMNS = 3  # of panels
PANEL = 190  # pixels high
CODE_COLOURS = [PALE_GREY, PALE_PINK, PALE_ORANGE, *BLUES]  # the words say the same; blues from strength 5 to 1
CODES = {"blind": 0, "mixed": 1, "reversed": 2}  # then 3 + 5 - strength

DIFFERS = (
    f"Two values differ when they are more than {NOISE:g} standard errors of their difference apart; a standard error "
    "is the metric's own, or the scatter over draws of real data if that is larger. Where a metric has none of its "
    "own, Student's quantile for so few draws takes the place of the three."
)
TERMS = {
    "blind": "no strength differs from undisturbed data.",
    "from 2": "seen: worse step by step, and worse than undisturbed data at strength 2 and all above. Step by step: "
    f"the rank correlation of strength and value is at least {RISING:g}, where values that do not differ are tied.",
    "reversed": "some strength is called better than undisturbed data, none worse.",
    "mixed": "seen, but not step by step; or called better here and worse there.",
}
AGREEING = (
    "Both judged the same samples. Rank correlations are Spearman's, of the values of one metric: over all "
    "disturbances and strengths and the undisturbed draws, and over the selected checkpoints of a suite's runs. n/a: "
    "one of the two gives all of them the same value. Metrics that ask no judge agree by themselves."
)


def word(verdict: str, seen_from: Any) -> str:
    """A verdict in a cell: "from 2", "blind", "reversed", "mixed"."""
    return f"from {seen_from}" if verdict == "monotone" else verdict


def spoken(disturbance: str) -> str:
    return disturbance.replace("_", " ")


def table(audit: Audit, judge: str) -> DataFrame:
    """Verdicts as words: a row per metric, a column per disturbance, both in the audit's order."""
    verdicts = audit.verdicts[audit.verdicts["judge"] == judge]
    words = [word(*pair) for pair in zip(verdicts["verdict"], verdicts["seen_from"], strict=True)]
    wide = verdicts.assign(word=words).pivot(index="metric", columns="disturbance", values="word")
    return wide.loc[list(dict.fromkeys(verdicts["metric"])), list(audit.meanings)]


# Terminal

SHORT = {"blind": "blind", "mixed": "mixed", "reversed": "rev."}


def terminal(audit: Audit) -> RenderableType:
    """The verdicts of every judge, and how far two agree."""
    parts: list[RenderableType] = []
    for judge in audit.judges:
        wide = table(audit, judge)
        shown = _shown(_title(audit, judge))
        shown.add_column("metric", no_wrap=True)
        for disturbance in wide:
            shown.add_column(spoken(str(disturbance)), overflow="fold")
        for metric, words in wide.iterrows():
            shown.add_row(Text(str(metric)), *(Text(SHORT.get(text, text[-1]), style=_style(text)) for text in words))
        parts.append(shown)
    parts.append(Text("1 to 5: seen from that strength on. rev.: reversed, called better. mixed: in no order.", "dim"))
    if len(audit.judges) == 2:
        shown = _shown("Agreement of the two judges")
        head, rows = _agreement(audit)
        for title in head:
            shown.add_column(title, justify="left" if title == "metric" else "right")
        for row in rows:
            shown.add_row(*map(Text, row))
        parts.append(shown)
    return Group(*parts)


def _shown(title: str) -> Table:
    return Table(box=box.SIMPLE, padding=(0, 1, 0, 0), title=Text(title), title_justify="left", title_style="dim")


def _style(text: str) -> str:
    return {"blind": "dim", "reversed": "bold yellow", "mixed": "magenta"}.get(text, "blue")


def _title(audit: Audit, judge: str) -> str:
    c = audit.conditions
    return f"What metrics see through {judge}, on {c['samples']:,} samples of {c['dataset']}"


def _agreement(audit: Audit) -> tuple[list[str], list[list[str]]]:
    """Titles and cells."""
    agreed = judge_agreement(audit, *audit.judges)
    rows, runs = (int(agreed[f"{where}_rows"].max()) for where in ("disturbed", "runs"))
    head = ["metric", "same verdict", f"rank correlation, {rows} disturbed sets"]
    head += [f"rank correlation, {runs} runs"] if runs else []
    return head, [
        [
            str(row["metric"]),
            f"{row['alike']} of {row['verdicts']}",
            _two_digits(row["disturbed"]),
            *([_two_digits(row["runs"])] if runs else []),
        ]
        for row in agreed.to_dict("records")
    ]


def _two_digits(rho: float) -> str:
    return NONE_GIVEN if isnan(rho) else fixed(rho, 2)


# Markdown


def write_cards(audit: Audit, folder: Path) -> list[Path]:
    """Write JUDGE-audit.md for every judge -> the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {judge: folder / f"{judge}-audit.md" for judge in audit.judges}
    for judge, file in files.items():
        file.write_text(markdown(audit, judge), encoding="utf-8", newline="\n")
    return list(files.values())


def markdown(audit: Audit, judge: str) -> str:
    """What ships beside the judge's card."""
    c, wide = audit.conditions, table(audit, judge)
    treated = "" if c["preprocessing"] == "none" else f" ({c['preprocessing']})"
    parts = [
        f"# What metrics see through the `{judge}` judge",
        f"Written by `ganbench audit {judge} --cards DIR`, as is every number here. {c['samples']:,} fresh real "
        f"samples of `{c['dataset']}`{treated} were disturbed in {len(wide.columns)} ways at five "
        f"strengths, and judged against the {c['split']} split. The noise of undisturbed data comes from "
        f"{c['draws of real data']} draws without a sample in common.",
        DIFFERS,
        "\n".join(f"- **{term}**: {meaning}" for term, meaning in TERMS.items()),
        "## Verdicts",
        _grid(["metric", *(spoken(str(one)) for one in wide)], _bodies(wide)),
        "## Disturbances",
        _grid(["disturbance", "what is measured", *(f"{k}" for k in range(1, 6))], _strengths(audit)),
    ]
    if len(audit.judges) == 2:
        head, rows = _agreement(audit)
        one, other = audit.judges
        parts += [
            f"## Agreement of `{one}` and `{other}`",
            AGREEING,
            _grid(head, [[f"`{r[0]}`", *r[1:]] for r in rows]),
        ]
    if audit.left_out:
        parts += ["## Left out", "\n".join(f"- `{metric}`: {why}" for metric, why in audit.left_out.items())]
    known = {k: v for k, v in c.items() if not isinstance(v, dict)}
    parts += ["## Conditions", _grid(["condition", "value"], [[k, f"`{v}`"] for k, v in known.items()])]
    return "\n\n".join(parts) + "\n"


def _bodies(wide: DataFrame) -> list[list[str]]:
    return [[f"`{metric}`", *words] for metric, words in zip(wide.index, wide.to_numpy().tolist(), strict=True)]


def _strengths(audit: Audit) -> list[list[str]]:
    return [
        [spoken(one), meaning, *(f"{amount:g}" for amount in amounts)]
        for one, (meaning, amounts) in audit.meanings.items()
    ]


def _grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# Figures


def verdict_map(audit: Audit, judge: str) -> go.Figure:
    """Verdicts as words on colours, a row per metric: blue where it sees, the darker the sooner."""
    wide, metrics = table(audit, judge), glossary.read(audit.values)
    codes = wide.map(lambda text: CODES.get(text, 8 - int(text[-1]) if text[-1].isdigit() else 0))
    n = len(CODE_COLOURS)
    steps = [(edge, colour) for i, colour in enumerate(CODE_COLOURS) for edge in (i / n, (i + 1) / n)]
    heat = heatmap(
        x=[spoken(str(one)) for one in wide], y=[metrics[str(metric)].title for metric in wide.index],
        z=codes.to_numpy(), text=wide.to_numpy(), texttemplate="%{text}", textfont={"color": INK_ON_PALE},
        zmin=-0.5, zmax=n - 0.5,
        colorscale=steps, showscale=False, xgap=2, ygap=2, hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
    )  # fmt: skip
    return figure_of(
        [heat],
        height=70 + 26 * len(wide),
        xaxis={"side": "top", "showgrid": False},
        yaxis={"autorange": "reversed", "showgrid": False},
    )


def lines(audit: Audit, judge: str) -> go.Figure:
    """A panel per metric, in it a line per disturbance from strength 0 to 5; the band is the noise of real data."""
    values = audit.values[audit.values["judge"] == judge]
    metrics = glossary.read(values)
    high = -(-len(metrics) // COLUMNS)
    titles = [axis_title(term.title, _direction(values, metric)) for metric, term in metrics.items()]
    spacing = {"horizontal_spacing": 0.07, "vertical_spacing": 0.32 / max(high, 1)}
    figure = make_subplots(high, COLUMNS, subplot_titles=titles, figure=figure_of(height=60 + PANEL * high), **spacing)
    styles = looks(list(audit.meanings))
    for i, metric in enumerate(metrics):
        place = {"row": i // COLUMNS + 1, "col": i % COLUMNS + 1}
        part = values[values["metric"] == metric]
        part = part.assign(noise=noise_floor(part))
        start = part[(part["disturbance"] == NONE) & (part["draw"] == 0)]
        level, reach = float(start["value"].iloc[0]), NOISE * float(start["noise"].iloc[0])
        figure.add_scatter(
            x=[0, 5, 5, 0], y=[level - reach, level - reach, level + reach, level + reach], fill="toself",
            fillcolor=GRID, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False, **place,
        )  # fmt: skip
        for disturbance, look in styles.items():
            own = part[part["disturbance"] == disturbance].sort_values("strength")
            figure.add_scatter(
                x=[0, *own["strength"]], y=[level, *own["value"]], mode="lines+markers",
                name=plain(spoken(disturbance)), legendgroup=disturbance, meta=disturbance, showlegend=i == 0,
                line={"color": look.colour, "dash": look.dash, "width": 1.6},
                marker={"symbol": look.symbol, "size": 6, "color": look.colour},
                hovertemplate="%{y:.4~g} at strength %{x}<extra>%{fullData.name}</extra>", **place,
            )  # fmt: skip
        shown = part["value"].to_numpy(dtype=float)
        figure.update_yaxes(**scale(spans_decades(shown), shown), **place)
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True, "tickformat": "~g"}
    figure.update_xaxes(**axis, dtick=1, range=[-0.2, 5.2])
    figure.update_yaxes(**axis, nticks=5)
    figure.update_annotations(font={"size": 12, "color": GREY})
    figure.update_layout(margin_t=30)
    return figure


def _direction(values: DataFrame, metric: str) -> str:
    return str(values.loc[values["metric"] == metric, "direction"].iloc[0])


# Page


def write_page(audit: Audit, file: Path) -> None:
    """Write `page` to a file, which is there whole or not at all."""
    with written_whole(file) as draft:
        draft.write_text(page(audit), encoding="utf-8", newline="\n")


def page(audit: Audit) -> str:
    """All of an audit as one HTML file that needs no network."""
    c = audit.conditions
    return Template(_file("page.html")).substitute(
        title=escape(f"audit of {', '.join(audit.judges)}: ganbench"),
        heading="What metrics see",
        subtitle=escape(
            f"{c['samples']:,} fresh real samples of {c['dataset']}, spoilt step by step, judged by "
            f"{' and '.join(audit.judges)}."
        ),
        links="".join(f'<a href="#{escape(judge)}">{name(judge)}</a>' for judge in audit.judges),
        body="".join(_section(audit, judge) for judge in audit.judges) + _rest(audit),
        footer="Made by ganbench. Every value on this page is a row of <code>audit.csv</code>.",
        css=_file("page.css"),
        script=_file("page.js"),
        plotly=f"<script>{get_plotlyjs()}</script>",
    )


def _file(file: str) -> str:
    return (HERE / file).read_text(encoding="utf-8")


def _section(audit: Audit, judge: str) -> str:
    """One judge's verdicts and lines; the legend's buttons hide a disturbance in all panels."""
    chips = "".join(
        f'<li><button type="button" aria-pressed="true" data-label="{escape(disturbance)}">{chip(look)}'
        f"{escape(spoken(disturbance))}</button></li>"
        for disturbance, look in looks(list(audit.meanings)).items()
    )
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in TERMS.items())
    shown = "The table of verdicts below has the same words."
    return (
        f'<section class="dataset" id="{escape(judge)}"><h2>{name(judge)}</h2>'
        f'<h3>Verdicts</h3><p class="note">{escape(DIFFERS)}</p>'
        f"{_plot(verdict_map(audit, judge), f'map-{judge}', f'Verdicts by metric and disturbance. {shown}')}"
        f"<dl>{terms}</dl><h3>Values</h3>"
        '<p class="note">Over the strength of the disturbance; 0 is real data as they are. Grey: what chance alone '
        "makes of those.</p>"
        f'<ul class="legend" aria-label="Show or hide in all panels">{chips}</ul>'
        f"{_plot(lines(audit, judge), f'lines-{judge}', 'Each metric over strength, a line per disturbance.')}"
        f"<details><summary>Verdicts as a table</summary>{_table(audit, judge)}</details></section>"
    )


def _plot(figure: go.Figure, place: str, alternative: str) -> str:
    return (
        f'<div class="plot" role="img" aria-label="{escape(alternative)}" data-figure="{escape(place)}"></div>'
        f'<script type="application/json" id="{escape(place)}">{script_json(figure)}</script>'
    )


def _table(audit: Audit, judge: str) -> str:
    wide, metrics = table(audit, judge), glossary.read(audit.values)
    rows = zip(wide.index, wide.to_numpy().tolist(), strict=True)
    return plain_table(
        f"Verdicts through {judge}",
        ["<metric", *(f"<{spoken(str(one))}" for one in wide)],
        (_row(metrics[str(metric)].title, words) for metric, words in rows),
    )


def _row(head: str, cells: Iterable[str]) -> str:
    inner = "".join(f'<td class="text wrap">{escape(cell)}</td>' for cell in cells)
    return f'<tr class="row"><th scope="row">{name(head)}</th>{inner}</tr>'


def _rest(audit: Audit) -> str:
    """Agreement, what the strengths mean, what has no number, and the conditions."""
    parts = []
    if len(audit.judges) == 2:
        head, rows = _agreement(audit)
        found = plain_table("Agreement by metric", [f"<{title}" for title in head], (_row(r[0], r[1:]) for r in rows))
        parts += [f"<h3>Agreement of the two judges</h3><p class='note'>{escape(AGREEING)}</p>{found}"]
    titles = ["<disturbance", "<what is measured", *(f"<{k}" for k in range(1, 6))]
    meanings = plain_table("Amounts by strength", titles, (_row(r[0], r[1:]) for r in _strengths(audit)))
    parts.append(f"<h3>Disturbances</h3>{meanings}")
    if audit.left_out:
        why = plain_table("Metrics without a number here", ["<metric", "<why"], (_row(*r) for r in _reasons(audit)))
        parts.append(f"<h3>Left out</h3>{why}")
    known = ((k, [str(v)]) for k, v in audit.conditions.items() if not isinstance(v, dict))
    told = plain_table("What the values depend on", ["<condition", "<value"], (_row(*one) for one in known))
    return f'<section class="dataset" id="rest">{"".join(parts)}<h3>Conditions</h3>{told}</section>'


def _reasons(audit: Audit) -> list[tuple[str, list[str]]]:
    return [(metric, [why]) for metric, why in audit.left_out.items()]
