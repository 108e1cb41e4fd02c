"""An audit as pictures, one of each metric: its value over the strength of every disturbance.

After figure 3 of Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium",
2017, https://arxiv.org/abs/1706.08500. Below a panel stands what the disturbance makes of one image, by strength.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pandas import DataFrame

from ganbench.audit.verdicts import NOISE, NONE, Audit, noise_floor
from ganbench.reports.figures.colours import COLOURS, INK, MUTED, RULE
from ganbench.reports.frames.audit import spoken, verdict_words
from ganbench.reports.numbers import arrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4  # of panels
PANEL, STRIP = 2.0, 0.5  # inches: height of a panel, and of the images below it
STRENGTHS = 6


def write_figures(audit: Audit, folder: Path) -> list[Path]:
    """Write JUDGE-METRIC.png for every judge and metric -> the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for judge, metric, values in _of_each(audit):
        files.append(folder / f"{_file_name(judge)}-{_file_name(metric)}.png")
        draw(audit, judge, metric, values).savefig(files[-1], format="png", metadata={"Software": "ganbench"})
    return files


def _of_each(audit: Audit) -> Iterator[tuple[str, str, DataFrame]]:
    for (judge, metric), values in audit.values.groupby(["judge", "metric"], sort=False):
        yield str(judge), str(metric), values


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", name)


def draw(audit: Audit, judge: str, metric: str, values: DataFrame) -> "Figure":
    """The values of one metric, a panel per disturbance; the band is the noise of real data as they are."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(audit.meanings) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 0.6 + (PANEL + STRIP) * rows), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    direction = str(values["direction"].iloc[0])
    title = f"{values['title'].iloc[0]} {arrow(direction)} by {judge}, on {audit.conditions['dataset']}"
    figure.suptitle(title, size=11, color=INK, parse_math=False)
    ratios = [part for _ in range(rows) for part in (PANEL, STRIP)]
    grid = figure.add_gridspec(
        2 * rows, COLUMNS, height_ratios=ratios, hspace=0.55, wspace=0.3, left=0.06, right=0.98, bottom=0.03, top=0.9
    )
    words = verdict_words(audit, judge).loc[metric]
    noisy = values.assign(noise=noise_floor(values))
    for i, name in enumerate(audit.meanings):
        row, column = divmod(i, COLUMNS)
        _panel(figure.add_subplot(grid[2 * row, column]), noisy, name, f"{spoken(name)}: {words[name]}")
        if name in audit.examples:
            _strip(figure.add_subplot(grid[2 * row + 1, column]), audit, name)
    return figure


def _panel(axes: "Axes", values: DataFrame, disturbance: str, title: str) -> None:
    start = values[(values["disturbance"] == NONE) & (values["draw"] == 0)].iloc[0]
    own = values[values["disturbance"] == disturbance].sort_values("strength")
    reach = NOISE * start["noise"]
    axes.axhspan(start["value"] - reach, start["value"] + reach, color=RULE, lw=0)
    axes.plot([0, *own["strength"]], [start["value"], *own["value"]], "o-", color=COLOURS[0], ms=3, lw=1.2)
    axes.set_title(title, size=8, color=INK, parse_math=False)
    axes.set_xticks(range(STRENGTHS))
    axes.set_xlim(-0.4, STRENGTHS - 0.6)
    axes.tick_params(labelsize=7, colors=MUTED, length=2)
    axes.spines[["top", "right"]].set_visible(False)


def _strip(axes: "Axes", audit: Audit, disturbance: str) -> None:
    """One image at all strengths, each below its tick."""
    pictures = audit.examples[disturbance]
    for strength, picture in enumerate(pictures):
        axes.imshow(picture, extent=(strength - 0.45, strength + 0.45, 0, 0.9), interpolation="nearest")
    axes.set_xlim(-0.4, STRENGTHS - 0.6)
    axes.set_ylim(0, 0.9)
    axes.axis("off")
