"""A picture that is drawn from above to below: words, lines, bars and samples, at places in CSS pixels.

Drawn with matplotlib: it brings its own fonts and needs no browser, so that the same results give the same picture on
every machine. Plotly's own export starts a Chrome.
"""

import warnings
from io import BytesIO
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DENSITY = 200  # pixels on 100 CSS pixels: fine on the screens of phones
POINT = 0.72  # points of a CSS pixel
LETTER = 0.56  # width of a letter over its size, on average


class Ground(NamedTuple):
    """A page's own colours, of one theme; page.css has the same."""

    paper: str
    raised: str
    ink: str
    muted: str
    line: str
    accent: str
    warn: str


LIGHT = Ground("#fdfdfc", "#f5f5f2", "#1b1d20", "#5b6169", "#e3e3de", "#1f5fbf", "#9a4a00")
DARK = Ground("#141618", "#1d2023", "#e9eaec", "#a2a8b0", "#2d3135", "#86b4ff", "#f0a860")


class Sheet:
    """Paper of some width; `y` is how far down it is written."""

    def __init__(self, width: int, ground: Ground):
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second, which other formats need not wait
        from matplotlib.figure import Figure

        self.width, self.ground, self.y = width, ground, 0.0
        self._figure = Figure(dpi=DENSITY, facecolor=ground.paper)
        FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.axis("off")

    def text(self, x: float, y: float, words: str, size: float = 12.5, colour: str = "", **style: Any) -> None:
        """One line of text; `y` is its middle."""
        fixed: dict[str, Any] = {"va": "center", "size": size * POINT, "color": colour or self.ground.ink}
        self._axes.text(x, y, words, **fixed, parse_math=False, **style)

    def paragraph(self, x: float, words: str, size: float = 13, colour: str = "") -> None:
        """Lines of text down from `y`."""
        for line in wrap(words, int((self.width - 2 * x) / (LETTER * size))):
            self.y += 1.5 * size
            self.text(x, self.y - 0.75 * size, line, size, colour)

    def rule(self, left: float, right: float, y: float, colour: str = "", width: float = 1) -> None:
        self._axes.plot([left, right], [y, y], color=colour or self.ground.line, lw=width * POINT, zorder=0)

    def box(self, left: float, top: float, width: float, height: float, colour: str, alpha: float = 1) -> None:
        """Without an edge."""
        self._axes.fill(
            [left, left + width, left + width, left], [top, top, top + height, top + height],
            color=colour, alpha=alpha, lw=0, zorder=1,
        )  # fmt: skip

    def image(self, left: float, top: float, width: float, height: float, pixels: NDArray[np.uint8]) -> None:
        """(h, w, 4) pixels, none of them smoothed."""
        extent = (left, left + width, top + height, top)
        self._axes.imshow(pixels, extent=extent, interpolation="nearest", aspect="auto", zorder=1)

    def dots(self, places: NDArray[Any], size: float, colour: str) -> None:
        """(n, 2) places, from the left and from above."""
        self._axes.scatter(places[:, 0], places[:, 1], s=(size * POINT) ** 2, c=colour, linewidths=0, zorder=2)

    def rings(self, places: NDArray[Any], size: float, colour: str) -> None:
        """(n, 2) middles of circles of a diameter."""
        style: dict[str, Any] = {"facecolors": "none", "edgecolors": colour, "linewidths": 0.5, "zorder": 1}
        self._axes.scatter(places[:, 0], places[:, 1], s=(size * POINT) ** 2, **style)

    def png(self) -> bytes:
        """All that was drawn down to `y`."""
        self._figure.set_size_inches(self.width / 100, self.y / 100)
        self._axes.set(xlim=(0, self.width), ylim=(self.y, 0))
        file = BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in letters that the font has not
            self._figure.savefig(file, format="png", metadata={"Software": "ganbench"})
        return file.getvalue()
