"""Data frames to Plotly figures: pure functions, usable in a notebook.

from ganbench.reports import figures
from ganbench.reports.frames.scores import tidy
figures.curves(tidy(results).query("dataset == 'mnist5k'"), "fid").show()

colours.py     how each row is drawn: colours, dashes, symbols
canvas.py      what all share: an empty figure, names, axes
along.py       scores, losses, gradients and D's beliefs along the budget
standing.py    scores with their intervals; quality and cost
ranking.py     mean ranks over datasets; performance profiles
search.py      quality over the trials of a search
stability.py   seeds beside one another; which modes are held when
agreement.py   rank correlations of metrics
"""

from ganbench.reports.figures.agreement import agreement
from ganbench.reports.figures.along import (
    BELIEFS,
    GAME,
    GRADIENT_NORM,
    along,
    beliefs,
    curves,
    gradient_norms,
    losses,
    theory,
)
from ganbench.reports.figures.canvas import FONT, axis_of, axis_title, plain
from ganbench.reports.figures.colours import COLOURS, DASHES, FIRST, GREY, GRID, SYMBOLS, Look, looks
from ganbench.reports.figures.ranking import mean_ranks, profile
from ganbench.reports.figures.search import best_of
from ganbench.reports.figures.stability import VIOLIN, occupancy, seeds
from ganbench.reports.figures.standing import cost, dots, pareto

__all__ = [
    "BELIEFS",
    "COLOURS",
    "DASHES",
    "FIRST",
    "FONT",
    "GAME",
    "GRADIENT_NORM",
    "GREY",
    "GRID",
    "SYMBOLS",
    "VIOLIN",
    "Look",
    "agreement",
    "along",
    "axis_of",
    "axis_title",
    "beliefs",
    "best_of",
    "cost",
    "curves",
    "dots",
    "gradient_norms",
    "looks",
    "losses",
    "mean_ranks",
    "occupancy",
    "pareto",
    "plain",
    "profile",
    "seeds",
    "theory",
]
