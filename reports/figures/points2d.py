"""Points in the plane to small Plotly figures, over circles of three sigma around the true modes: pure functions.

    from ganbench.reports.figures import points2d
    points2d.transport(results.exhibits(run)["transport"], results.truth("ring8")).show()

All figures of one `truth` have the same axes, so that they compare; points outside are counted. `truth` is a mixture's
means (k, 2) and sigma; without one the axes are those of the points. Every figure is made by a single call, which
validates it once: a page has hundreds of them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ganbench.reports.figures.canvas import FONT, Trace
from ganbench.reports.figures.colours import COLOURS, FIRST, GREY, Look, faded

Array = NDArray[Any]
Truth = Mapping[str, Any] | None

SIDE = 208  # of a figure, in pixels
MOST_POINTS = 1000  # of a cloud; a small picture shows no more
BELIEF = [[0, faded(COLOURS[0], 0.85)], [0.5, faded(GREY, 0)], [1, faded(COLOURS[1], 0.85)]]  # blue, bare, orange


def samples(frames: Array, truth: Truth = None, look: Look = FIRST) -> go.Figure:
    """(frames, n, 2) samples along a budget: the last of them, and each as a frame of the figure, if there are more."""
    frames = frames[:, :MOST_POINTS]
    figure = _figure(truth, frames[-1], _cloud(frames[-1], look.colour))
    if len(frames) > 1:
        window = window_of(truth, frames[-1])
        figure.frames = [
            {
                "name": str(i),
                "data": [_places(points)],
                "traces": [len(figure.data) - 1],
                "layout": {"annotations": _outside(points, window)},
            }
            for i, points in enumerate(frames)
        ]
    return figure


def walks(ways: Array, truth: Truth = None, look: Look = FIRST) -> go.Figure:
    """(ways, steps, 2) samples on the way between two latents each: a dot per step."""
    points = ways.reshape(-1, 2)
    return _figure(truth, points, _lines(ways, look.colour, 1.1), _cloud(points, look.colour, 4))


def transport(mesh: Array, truth: Truth = None, look: Look = FIRST) -> go.Figure:
    """(m, m, 2) points: where a grid of latents goes, as the grid's warped lines."""
    both_ways = np.concatenate([mesh, mesh.swapaxes(0, 1)])
    return _figure(truth, mesh.reshape(-1, 2), _lines(both_ways, look.colour, 1))


def belief(surface: Array, edges: Array, truth: Truth = None) -> go.Figure:
    """(s, s) beliefs of D that a point is real, in [0, 1], rows from below, between `edges`: left, right, bottom, top.

    Blue towards 0, orange towards 1, bare at one half; lines at 0.1, 0.3, 0.5, 0.7 and 0.9.
    """
    left, right, bottom, top = (float(edge) for edge in edges)
    rows, columns = surface.shape
    corners = np.array([[left, bottom], [right, top]])
    heat = {
        "type": "contour", "z": np.rint(100 * surface).astype(np.uint8), "zmin": 0, "zmax": 100,  # percent: small
        "x0": left, "dx": (right - left) / (columns - 1), "y0": bottom, "dy": (top - bottom) / (rows - 1),
        "contours": {"coloring": "heatmap", "start": 10, "end": 90, "size": 20}, "colorscale": BELIEF,
        "line": {"width": 0.6, "color": GREY}, "showscale": False, "hoverinfo": "skip",
    }  # fmt: skip
    return _figure(truth, corners, heat, count=False)


def pairs(
    partners: Array, true: Array, returned: Array | None = None, truth: Truth = None, look: Look = FIRST
) -> go.Figure:
    """(n, 2) each: a dot per partner, a line from it to the true one, and a grey one to what came back of it."""
    lines = [_lines(np.stack([partners, true], 1), look.colour, 1)]
    lines += [] if returned is None else [_lines(np.stack([partners, returned], 1), GREY, 1)]
    return _figure(truth, partners, *lines, _cloud(partners, look.colour, 3))


def classes(clouds: Array, truth: Truth = None) -> go.Figure:
    """(classes, n, 2) samples by the class that was asked for: a colour each, ten of which come round again."""
    scale = [[i / (len(COLOURS) - 1), colour] for i, colour in enumerate(COLOURS)]
    places = np.repeat(np.arange(len(clouds)) % len(COLOURS), clouds.shape[1])
    return _figure(truth, clouds.reshape(-1, 2), _shaded(clouds.reshape(-1, 2), places, scale, len(COLOURS) - 1))


def truncation(clouds: Array, truth: Truth = None, look: Look = FIRST) -> go.Figure:
    """(settings, n, 2) samples at each setting, from none to much: from grey to the label's colour."""
    places = np.repeat(np.arange(len(clouds)), clouds.shape[1])
    scale = [[0, GREY], [1, look.colour]]
    return _figure(truth, clouds.reshape(-1, 2), _shaded(clouds.reshape(-1, 2), places, scale, len(clouds) - 1))


class Window(NamedTuple):
    """A square part of the plane."""

    centre: Array  # (2,)
    reach: float  # half a side


def window_of(truth: Truth, points: Array) -> Window:
    """What of the plane is shown: the truth and a third around it, or else the points."""
    inside = np.asarray(truth["means"], dtype=np.float64) if truth else points[np.isfinite(points).all(axis=1)]
    if not len(inside):
        return Window(np.zeros(2), 1.0)
    centre = (inside.max(axis=0) + inside.min(axis=0)) / 2
    reach = float(np.abs(inside - centre).max()) + (4 * float(truth["sigma"]) if truth else 0.0)
    return Window(centre, (1.3 if truth else 1.05) * reach or 1.0)


def _figure(truth: Truth, points: Array, *traces: Trace, count: bool = True) -> go.Figure:
    """Traces over the modes, on equal axes; says how many of `points` (n, 2) lie outside."""
    window = window_of(truth, points)
    sides = [[float(c - window.reach), float(c + window.reach)] for c in window.centre]
    axis = {"visible": False, "constrain": "domain"}
    layout = {
        "template": {},  # Plotly's own is 6 kB per figure
        "font": {"family": FONT, "size": 10, "color": GREY},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 2, "r": 2, "t": 2, "b": 2},
        "height": SIDE,
        "showlegend": False,
        "hovermode": False,
        "xaxis": {**axis, "range": sides[0]},
        "yaxis": {**axis, "range": sides[1], "scaleanchor": "x", "scaleratio": 1},
        "annotations": _outside(points, window) if count else [],
    }
    return go.Figure({"data": [*_modes(truth), *traces], "layout": layout})


def _outside(points: Array, window: Window) -> list[dict[str, Any]]:
    out = int((~(np.abs(points - window.centre) <= window.reach).all(axis=1)).sum())  # so that NaN is outside
    text = {"text": f"{out} of {len(points)} outside", "x": 0.5, "y": 0, "xref": "paper", "yref": "paper"}
    style = {"yanchor": "bottom", "showarrow": False, "font": {"size": 10, "color": GREY}}
    return [{**text, **style}] if out else []


def _modes(truth: Truth) -> list[Trace]:
    if not truth:
        return []
    ring = 3 * float(truth["sigma"]) * np.exp(2j * np.pi * np.linspace(0, 1, 25))
    circles = np.asarray(truth["means"])[:, None] + np.stack([ring.real, ring.imag], 1)
    return [_lines(circles, GREY, 1.2)]


def _places(points: Array) -> Trace:
    return {"x": points[:, 0].astype(np.float32), "y": points[:, 1].astype(np.float32)}


def _lines(ways: Array, colour: str, width: float) -> Trace:
    """(ways, steps, 2): one trace for all, with the pen lifted in between."""
    lifted = np.concatenate([ways, np.full((len(ways), 1, 2), np.nan)], 1).reshape(-1, 2)
    style = {"mode": "lines", "line": {"color": colour, "width": width}, "hoverinfo": "skip"}
    return {"type": "scatter", **_places(lifted), **style}


def _cloud(points: Array, colour: str, size: float = 2.6) -> Trace:
    style = {"mode": "markers", "marker": {"size": size, "color": colour, "opacity": 0.55}, "hoverinfo": "skip"}
    return {"type": "scatter", **_places(points), **style}


def _shaded(points: Array, places: Array, scale: list[list[Any]], most: int) -> Trace:
    """A cloud whose points' colours lie at `places` (n,) from 0 to `most` of a scale."""
    trace = _cloud(points, GREY)
    shade = {"color": places.astype(np.uint8), "colorscale": scale, "cmin": 0, "cmax": max(1, most)}
    return {**trace, "marker": {**trace["marker"], **shade, "opacity": 0.7}}
