"""How metrics agree: rank correlations as a heat map."""

import numpy as np
from pandas import DataFrame
from plotly.graph_objects import Figure

from ganbench.reports.figures.canvas import figure_of, heatmap, plain
from ganbench.reports.figures.colours import BLUES, INK_ON_PALE, PALE_ORANGE, PALER_GREY
from ganbench.reports.numbers import fixed

SCALE = [[0, PALE_ORANGE], [0.5, PALER_GREY], [1, BLUES[3]]]
CELL, MARGIN = 30, 90  # pixels


def agreement(table: DataFrame) -> Figure:
    """Rank correlations in [-1, 1], rows and columns named alike -> a heat map of the lower triangle.

    Blue: the two metrics order runs alike; orange: the other way round; grey: neither; bare: unknown. `table` as from
    `disagreement.correlations`.
    """
    k, names = len(table), [plain(title, 18) for title in table.index]
    z = np.where(np.tri(k, k, -1, dtype=bool), table.to_numpy(dtype=float), np.nan)
    text = [["" if np.isnan(v) else fixed(v, 1).replace("0.", ".") for v in line] for line in z]
    axis = {"showgrid": False, "zeroline": False, "type": "category", "dtick": 1}
    heat = heatmap(
        z=z[1:, :-1], x=names[:-1], y=names[1:], zmin=-1, zmax=1, colorscale=SCALE, showscale=False, xgap=2, ygap=2,
        text=[line[:-1] for line in text[1:]], texttemplate="%{text}", textfont={"size": 10, "color": INK_ON_PALE},
        hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>", hoverongaps=False,
    )  # fmt: skip
    return figure_of(
        [heat] if k > 1 else [],
        height=MARGIN + CELL * max(2, k - 1),
        xaxis={**axis, "tickangle": -50},
        yaxis={**axis, "autorange": "reversed"},
    )
