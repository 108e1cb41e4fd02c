"""Colours, dashes and symbols: how each row is drawn in every figure, and what else is coloured.

A label has one look everywhere, if every figure gets the same `looks`.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd
from pandas import DataFrame

# At least 3:1 against white and against the dark page, so that thin lines can be seen on both (WCAG 1.4.11; a test
# computes it).
COLOURS = (
    *("#3f7fd9", "#d9722a", "#2f9a5f", "#c2559e", "#8a6ad6", "#a8841a", "#14979e", "#d9534f", "#7a8f2a", "#a86f4c"),
)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = (
    *("circle", "square", "triangle-up", "diamond", "cross", "star", "hexagon", "triangle-down", "pentagon", "bowtie"),
)
GREY = "#808791"

# Words and lines where the ground is known: in a picture, or on the pale colours of a map.
INK, MUTED, RULE = "#1b1d20", "#5b6169", "#e3e3de"
# Pale enough for dark words, whatever the page's theme, and told apart with any colour vision.
INK_ON_PALE = "#15181b"
PALE_GREY, PALER_GREY, PALE_ORANGE, PALE_PINK = "#dfe2e5", "#e4e7ea", "#eda225", "#d9a3c4"
BLUES = ("#d6e8f6", "#b9d7ef", "#98c3e6", "#77aedb", "#569acf")  # from pale to strong


class Look(NamedTuple):
    """How a label is drawn."""

    colour: str
    dash: str
    symbol: str


FIRST = Look(COLOURS[0], "solid", "circle")


def looks(labels: Mapping[str, bool] | Iterable[str]) -> dict[str, Look]:
    """Labels (-> is it a control?) -> how to draw them: colours for variants, grey dashes for controls."""
    control = labels if isinstance(labels, Mapping) else dict.fromkeys(labels, False)
    variants = [label for label in control if not control[label]]
    others = [label for label in control if control[label]]
    n, m = len(COLOURS), len(DASHES)
    turned = [(i % n, i // n) for i in range(len(variants))]  # colours come round again, with another dash and symbol
    styles = {
        label: Look(COLOURS[i], DASHES[turn % m], SYMBOLS[(i + turn) % n])
        for label, (i, turn) in zip(variants, turned, strict=True)
    }
    return styles | {label: Look(GREY, DASHES[1 + i % (m - 1)], "line-ns-open") for i, label in enumerate(others)}


def styled(frame: DataFrame, styles: Mapping[str, Look] | None) -> Mapping[str, Look]:
    """The looks that a figure was given, or else those of the labels in its frame."""
    if styles is not None:
        return styles
    control = frame["control"].astype(bool) if "control" in frame else pd.Series(False, index=frame.index)
    return looks(dict(zip(frame["label"], control, strict=True)))


def faded(colour: str, alpha: float) -> str:
    """#rrggbb, and how much of it is seen."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


GRID = faded(GREY, 0.22)
