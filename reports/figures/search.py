"""How good so many trials of a search are."""

from collections.abc import Mapping

from pandas import DataFrame
from plotly.graph_objects import Figure

from ganbench.reports.figures.canvas import Trace, axis_title, figure_of, plain, scale, scatter, spans_decades
from ganbench.reports.figures.colours import Look, styled


def best_of(table: DataFrame, title: str, direction: str, styles: Mapping[str, Look] | None = None) -> Figure:
    """A line per variant: the expected best of k trials. `table` has label, k and value, as from `search.quality`."""
    styles = styled(table, styles)
    traces: list[Trace] = []
    for label, own in table.groupby("label", sort=False):
        look = styles[str(label)]
        traces.append(scatter(
            x=own["k"].to_numpy(dtype=float), y=own["value"].to_numpy(dtype=float), mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 2}, marker={"size": 5}, name=plain(label),
            legendgroup=str(label), meta=str(label),
            hovertemplate="best of %{x}: %{y:.4~g}<extra>%{fullData.name}</extra>",
        ))  # fmt: skip
    values = table["value"].to_numpy(dtype=float)
    axis = scale(spans_decades(values), values)
    return figure_of(traces, "trials", axis_title(f"expected best {title}", direction), xaxis={"dtick": 1}, yaxis=axis)
