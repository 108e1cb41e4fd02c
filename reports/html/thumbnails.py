"""Samples small enough for a cell: six images as one strip, points as one path."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganbench.reports.figures.points2d import Truth, window_of
from ganbench.reports.html import image_grid
from ganbench.reports.html.exhibits import are_images

MOST_IMAGES, SIDE = 6, 32  # images of a strip, and pixels that one of them has at most
MOST_POINTS, GRID = 220, 96  # points of a cloud, and the places that a side has for them


class Strip(NamedTuple):
    """Images in a row."""

    source: str  # data URI
    width: int  # pixels
    height: int


class Cloud(NamedTuple):
    """Points over the true modes, on a square of `GRID` places."""

    path: str  # of an SVG: a dot each
    modes: list[tuple[int, int]]
    radius: float  # of a mode: three standard deviations


def thumbnail(samples: NDArray[Any], truth: Truth) -> Strip | Cloud:
    """The first of the samples, never chosen."""
    return _strip(samples[:MOST_IMAGES]) if are_images(samples) else _cloud(samples[:MOST_POINTS], truth)


def _strip(images: NDArray[Any]) -> Strip:
    pixels = image_grid.grid(np.stack([_small(image) for image in images]), len(images)).pixels
    return Strip(image_grid.data_uri(pixels), pixels.shape[1], pixels.shape[0])


def _small(image: NDArray[Any]) -> NDArray[Any]:
    """(h, w, c) -> at most `SIDE` pixels a side."""
    if max(image.shape[:2]) <= SIDE:
        return image
    channels = [
        Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BOX) for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], -1)


def _cloud(points: NDArray[Any], truth: Truth) -> Cloud:
    window = window_of(truth, points)

    def placed(at: NDArray[Any]) -> NDArray[Any]:
        return GRID * (1 + (at - window.centre) / window.reach * (1, -1)) / 2

    at = placed(points)
    at = np.rint(at[(np.abs(at - GRID / 2) <= GRID / 2).all(axis=1)]).astype(int)  # so that NaN is outside
    means = np.rint(placed(np.asarray(truth["means"], dtype=float))).astype(int) if truth else np.empty((0, 2), int)
    radius = 3 * float(truth["sigma"]) / window.reach * GRID / 2 if truth else 0.0
    return Cloud("".join(f"M{x} {y}h0" for x, y in at), [(int(x), int(y)) for x, y in means], radius)
