"""Which disturbances metrics see, and their values over the strength of each."""

import plotly.graph_objects as go
from pandas import DataFrame
from plotly.subplots import make_subplots

from ganbench.audit.verdicts import NOISE, NONE, Audit, noise_floor
from ganbench.reports.figures.canvas import axis_title, figure_of, heatmap, plain, scale, spans_decades
from ganbench.reports.figures.colours import BLUES, GREY, GRID, INK_ON_PALE, PALE_GREY, PALE_ORANGE, PALE_PINK, looks
from ganbench.reports.frames import glossary
from ganbench.reports.frames.audit import spoken, verdict_words

COLUMNS = 3  # of panels
PANEL = 190  # pixels high
CODE_COLOURS = [PALE_GREY, PALE_PINK, PALE_ORANGE, *BLUES]  # the words say the same; blues from strength 5 to 1
CODES = {"blind": 0, "mixed": 1, "reversed": 2}  # then 3 + 5 - strength


def verdict_map(audit: Audit, judge: str) -> go.Figure:
    """Verdicts as words on colours, a row per metric: blue where it sees, the darker the sooner."""
    wide, metrics = verdict_words(audit, judge), glossary.read(audit.values)
    codes = wide.map(lambda text: CODES.get(text, 8 - int(text[-1]) if text[-1].isdigit() else 0))
    n = len(CODE_COLOURS)
    steps = [(edge, colour) for i, colour in enumerate(CODE_COLOURS) for edge in (i / n, (i + 1) / n)]
    heat = heatmap(
        x=[plain(spoken(str(one))) for one in wide], y=[plain(metrics[str(metric)].title, 60) for metric in wide.index],
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


def audit_lines(audit: Audit, judge: str) -> go.Figure:
    """A panel per metric, in it a line per disturbance from strength 0 to 5; the band is the noise of real data."""
    values = audit.values[audit.values["judge"] == judge]
    metrics = glossary.read(values)
    high = -(-len(metrics) // COLUMNS)
    titles = [axis_title(term.title, _direction_of(values, metric)) for metric, term in metrics.items()]
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


def _direction_of(values: DataFrame, metric: str) -> str:
    return str(values.loc[values["metric"] == metric, "direction"].iloc[0])
