"""Images side by side as one small PNG, which a page carries inside itself: pure functions on bytes (n, h, w, c).

Levels of a channel are cut from 256 to 32, which at this size no eye tells apart and which takes away nearly half of
the file. What lies between the images is transparent, so that a page shows through, light or dark.
"""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]

LEVELS = 32
GAP = 1  # pixels right of and below each image
CLEAR = 4  # stands for transparent; lies between two levels
CUT = np.rint(np.rint(np.arange(256) / 255 * (LEVELS - 1)) * 255 / (LEVELS - 1)).astype(np.uint8)  # byte -> its level
USUAL, LARGE = 36, 52  # CSS pixels that an image shall be wide, about


class ImageGrid(NamedTuple):
    """A picture of several images, and how it wants to be shown."""

    pixels: Bytes  # (height, width, c)
    zoom: int  # CSS pixels per pixel: whole, so that all pixels look alike
    heads: tuple[str, ...] = ()  # over columns of equal width

    @property
    def width(self) -> int:
        """In CSS pixels."""
        return int(self.zoom * self.pixels.shape[1])


def grid(images: NDArray[Any], columns: int, heads: Sequence[str] = (), aim: int = USUAL) -> ImageGrid:
    """Images (n, h, w, c), row by row."""
    return ImageGrid(_tiled(images, columns), max(1, round(aim / images.shape[2])), tuple(heads))


def grid_of(images: NDArray[Any], heads: Sequence[str] = (), aim: int = USUAL) -> ImageGrid:
    """Images (rows, columns, h, w, c), as they stand."""
    return grid(images.reshape(-1, *images.shape[2:]), images.shape[1], heads, aim)


def film(frames: NDArray[Any]) -> ImageGrid:
    """(frames, n, h, w, c): each frame as square as its n allow, below the one before."""
    columns = int(np.ceil(np.sqrt(frames.shape[1])))
    tall = np.concatenate([_tiled(images, columns) for images in frames])
    return grid(frames[-1], columns)._replace(pixels=tall)


def twos(above: NDArray[Any], below: NDArray[Any], columns: int = 8) -> ImageGrid:
    """(n, h, w, c) each: rows of the one over rows of the other, with some room after every two."""
    parts = [slice(i, i + columns) for i in range(0, len(above), columns)]
    room = np.full((3, columns * (above.shape[2] + GAP), above.shape[3]), CLEAR, np.uint8)
    rows = [(_tiled(above[part], columns), _tiled(below[part], columns), room) for part in parts]
    pixels = np.concatenate([row for band in rows for row in band][:-1])
    return grid(above, columns)._replace(pixels=pixels)


def data_uri(pixels: Bytes) -> str:
    """(height, width, c) -> a data URI. Of more than three channels the first three are shown, of two the first."""
    grey = pixels.shape[2] < 3
    file = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels[..., :3]))
    image.save(file, "png", transparency=CLEAR if grey else (CLEAR,) * 3)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode('ascii')}"


def _tiled(images: NDArray[Any], columns: int) -> Bytes:
    """(n, h, w, c) -> (height, width, c), row by row, clear where there is no image."""
    n, h, w, c = images.shape
    rows = -(-n // columns)
    tiles = np.full((rows * columns, h + GAP, w + GAP, c), CLEAR, np.uint8)
    tiles[:n, :h, :w] = CUT[images]
    return tiles.reshape(rows, columns, h + GAP, w + GAP, c).swapaxes(1, 2).reshape(rows * (h + GAP), -1, c)
