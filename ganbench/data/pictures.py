"""Image files of anybody's: opened as one of the formats that are meant, and measured before they are decoded.

Pillow knows formats whose readers start programs, as Ghostscript for EPS, and goes by a file's content, not its name.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 2**26  # 8,192 x 8,192, decoded in 0.3 GB
MOST_BYTES = 2**29  # of a file


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image that is not decoded yet; of a moving one the first picture.

    Raises ValueError if it is no file, or too large, and whatever Pillow stumbles over.
    """
    if not os.path.isfile(path):
        raise ValueError("it is no file, but a pipe or a device" if os.path.exists(path) else "it is not there")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"it has {size:,} bytes, of which at most {MOST_BYTES:,} are read")
    with Image.open(path, formats=FORMATS) as image:
        if (pixels := image.width * image.height) > MOST_PIXELS:
            raise ValueError(f"it has {pixels:,} pixels, of which at most {MOST_PIXELS:,} are read")
        yield image
