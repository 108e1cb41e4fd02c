"""The kinds of exhibits that the gallery shows of a run, and how each is drawn: images as pixels, points as figures."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ganbench.reports.figures import Look, points2d
from ganbench.reports.figures.points2d import Truth
from ganbench.reports.html import image_grid
from ganbench.reports.html.image_grid import ImageGrid

Exhibits = Mapping[str, NDArray[Any]]  # by name; see `ganbench.runs.exhibits`


class ExhibitKind(NamedTuple):
    """One kind of exhibit."""

    title: str
    note: str  # what is seen, and how to read it
    needs: str  # the exhibit without which there is nothing to draw
    drawn: Callable[[Exhibits, Truth, Look], ImageGrid | go.Figure]


def _class_columns(exhibits: Exhibits, *_: object) -> ImageGrid:
    return image_grid.grid_of(exhibits["by_class"].swapaxes(0, 1), [str(k) for k in range(len(exhibits["by_class"]))])


def _truncation_columns(exhibits: Exhibits, *_: object) -> ImageGrid:
    settings = [f"{setting:g}" for setting in exhibits["truncations"]]
    return image_grid.grid_of(exhibits["truncation"].swapaxes(0, 1), settings)


def _pair_columns(exhibits: Exhibits, *_: object) -> ImageGrid:
    heads = {"sample": "pair_x", "partner": "pair_other", "true": "pair_truth", "back": "pair_returned"}
    columns = {head: exhibits[exhibit] for head, exhibit in heads.items() if exhibit in exhibits}
    return image_grid.grid_of(np.stack(list(columns.values()), 1), list(columns), image_grid.LARGE)


IMAGES = (
    ExhibitKind(
        "Walks between latents",
        "Each row leads from one latent to another. Shapes that change smoothly were learnt; jumps between finished "
        "pictures hint at learning by heart.",
        "interpolation",
        lambda exhibits, *_: image_grid.grid_of(exhibits["interpolation"]),
    ),
    ExhibitKind(
        "Class by class",
        "A column per class that was asked for, a row per latent.",
        "by_class",
        _class_columns,
    ),
    ExhibitKind(
        "Truncation",
        "A row per latent, a column per setting, from none to much: variety is given away for quality.",
        "truncation",
        _truncation_columns,
    ),
    ExhibitKind(
        "Pairs of two domains",
        "A row per pair: a sample, its partner in the second domain, and the partner that the known transform gives "
        "it. A variant that translates made the sample of the partner; the last column is the way back, to be held "
        "against the partner.",
        "pair_other",
        _pair_columns,
    ),
    ExhibitKind(
        "Nearest training samples",
        "Rows in twos: samples, and below each the training sample that the judge finds most like it: are they copies?",
        "neighbour",
        lambda exhibits, *_: image_grid.twos(exhibits["neighbour_x"], exhibits["neighbour"]),
    ),
)
POINTS = (
    ExhibitKind(
        "Walks between latents",
        "Ways from one latent to another, a dot per step. Where two steps lie far apart, G jumps.",
        "interpolation",
        lambda exhibits, truth, look: points2d.walks(exhibits["interpolation"], truth, look),
    ),
    ExhibitKind(
        "Where G takes a grid of latents",
        "A square grid, four standard deviations wide, in a random plane where latents have more dimensions than two. "
        "Samples are dense where its lines crowd and rare where they are stretched.",
        "transport",
        lambda exhibits, truth, look: points2d.transport(exhibits["transport"], truth, look),
    ),
    ExhibitKind(
        "What D believes",
        "Orange: real; blue: made; bare: D cannot tell, as everywhere if G were perfect. Lines at beliefs of 0.1, 0.3, "
        "0.5, 0.7 and 0.9. Only a D that speaks of probabilities is shown.",
        "surface",
        lambda exhibits, truth, _: points2d.belief(exhibits["surface"], exhibits["surface_edges"], truth),
    ),
    ExhibitKind(
        "Class by class",
        "A colour per mode that was asked for; after ten the colours come round again.",
        "by_class",
        lambda exhibits, truth, _: points2d.classes(exhibits["by_class"], truth),
    ),
    ExhibitKind(
        "Truncation",
        "The same latents at each setting, from none, in grey, to much, in colour: variety is given away for quality.",
        "truncation",
        lambda exhibits, truth, look: points2d.truncation(exhibits["truncation"], truth, look),
    ),
    ExhibitKind(
        "Pairs of two domains",
        "A dot is a sample's partner in the second domain. A line in colour leads to the partner that the known "
        "transform gives the sample; a grey one, where a variant translates, to what came back of the partner.",
        "pair_other",
        lambda exhibits, truth, look: points2d.pairs(
            exhibits["pair_other"], exhibits["pair_truth"], exhibits.get("pair_returned"), truth, look
        ),
    ),
)


def kinds_of(exhibits: Exhibits) -> list[ExhibitKind]:
    """What can be drawn of a run's exhibits."""
    kinds = IMAGES if "frames" in exhibits and are_images(exhibits["frames"]) else POINTS
    return [kind for kind in kinds if kind.needs in exhibits]


def are_images(samples: NDArray[Any]) -> bool:
    """Whether samples are images, as bytes; else they are points."""
    return bool(samples.dtype == np.uint8)
