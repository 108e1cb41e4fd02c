"""Samples small enough for a cell: six images as one strip, points as one path."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganbench.reports.figures.points2d import Truth, window_of
from ganbench.reports.html import image_grid
from ganbench.reports.html.exhibits import are_images
from ganbench.store import Results
from ganbench.store.files import damaged

MOST_IMAGES, SIDE = 6, 32  # images of a strip, and pixels that one of them has at most
MOST_POINTS, GRID = 220, 96  # points of a cloud, and the places that a side has for them


class Strip(NamedTuple):
    """Images in a row."""

    pixels: NDArray[np.uint8]  # (height, width, c)

    @property
    def source(self) -> str:
        """Data URI."""
        return image_grid.data_uri(self.pixels)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


class Cloud(NamedTuple):
    """Points over the true modes, on a square of `GRID` places."""

    points: NDArray[np.intp]  # (n, 2): from the left, and from above
    modes: list[tuple[int, int]]
    radius: float  # of a mode: three standard deviations

    @property
    def path(self) -> str:
        """Of an SVG: a dot each."""
        return "".join(f"M{x} {y}h0" for x, y in self.points)


def thumbnail_of(results: Results, dataset: str, run: str) -> Strip | Cloud | None:
    """What a run made at its end; None where there is nothing to see."""
    if not run:
        return None
    exhibits, truth = results.exhibits(run), results.truth(dataset)
    samples = exhibits["frames"][-1] if len(exhibits.get("frames", ())) else results.samples(run)
    try:
        return None if samples is None or not len(samples) else thumbnail(samples, truth)
    except Exception as error:  # whatever drawing stumbles over in arrays of other shapes
        results.leave_out(str(damaged(results.path / run / "exhibits.npz", error)))
        return None


def thumbnail(samples: NDArray[Any], truth: Truth) -> Strip | Cloud:
    """The first of the samples, never chosen."""
    return _strip(samples[:MOST_IMAGES]) if are_images(samples) else _cloud(samples[:MOST_POINTS], truth)


def _strip(images: NDArray[Any]) -> Strip:
    return Strip(image_grid.grid(np.stack([_small(image) for image in images]), len(images)).pixels)


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
    return Cloud(at, [(int(x), int(y)) for x, y in means], radius)
