"""Samples -> pictures that tell nothing but their pixels.

Every picture of a dataset is a PNG of the same size in pixels and in bytes: nothing is compressed, and there is no
metadata. A file's length would tell noise from digits otherwise.
"""

from base64 import b64encode
from hashlib import sha256
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]  # (h, w, 1 or 3)

SIDE = 192  # of a scatter plot, in pixels
DOTS = 250  # in a scatter plot
REACH = 0.25  # of the real points' width, around them
INK, PAPER = 30, 255


class Window(NamedTuple):
    """The part of the plane that all scatter plots of a dataset show."""

    low: NDArray[Any]  # (2,)
    high: NDArray[Any]


def window_around(real: NDArray[Any]) -> Window:
    """Real points (n, 2) -> the window that shows them with some room around."""
    low, high = real.min(0), real.max(0)
    return Window(low - REACH * (high - low), high + REACH * (high - low))


def scatter(points: NDArray[Any], window: Window) -> Pixels:
    """Points (n, 2) as dots of 3 x 3 pixels; those outside the window are not seen."""
    pixels = np.full((SIDE, SIDE, 1), PAPER, np.uint8)
    with np.errstate(invalid="ignore"):
        share = (points - window.low) / (window.high - window.low)
    inside = np.isfinite(share).all(1) & (share >= 0).all(1) & (share < 1).all(1)
    places = (share[inside] * SIDE).astype(int)
    for right in (-1, 0, 1):
        for down in (-1, 0, 1):
            x = np.clip(places[:, 0] + right, 0, SIDE - 1)
            y = np.clip(SIDE - 1 - places[:, 1] + down, 0, SIDE - 1)
            pixels[y, x] = INK
    return pixels


def image(sample: NDArray[Any]) -> Pixels:
    """Bytes (h, w, c) as grey or in three colours: of two channels the first, of more than three the first three."""
    channels = 3 if sample.shape[2] >= 3 else 1
    return np.ascontiguousarray(sample[..., :channels])


def digest(pixels: Pixels) -> str:
    """What tells a picture from all others: answers are joined to what was shown by it."""
    return sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]


def data_uri(pixels: Pixels) -> str:
    """A picture that a page shows without asking for a file."""
    file = BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "png", compress_level=0)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"
