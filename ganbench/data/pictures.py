"""Image files of anybody's, read alike wherever pictures come from: to train on them, and to judge them.

They are opened as one of the formats that are meant, and measured before they are decoded: Pillow knows formats whose
readers start programs, as Ghostscript for EPS, and goes by a file's content, not its name. A picture is turned as its
camera says; its colours become 8-bit RGB, or grey; where it is transparent it lies on white; of a moving one the first
picture counts.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ganbench.errors import DataMissing

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 2**26  # 8,192 x 8,192, decoded in 0.3 GB
MOST_BYTES = 2**29  # of a file
NAMED = 5  # unreadable pictures in a message, which counts the others


# A folder


class Listing(NamedTuple):
    """What lies in a folder and below it."""

    names: list[str]  # places of the pictures, with slashes, sorted
    passed_over: Counter[str]  # other files, by the ending of their names
    links: list[str]  # to folders, which are not followed: they may lead in a circle

    @property
    def others(self) -> str:
        """`Passed over: 3 .txt, 1 .pdf.`, or nothing."""
        usual_first = sorted(self.passed_over.items(), key=lambda counted: (-counted[1], counted[0]))
        counted = [f"{n:,} {suffix or 'without an ending'}" for suffix, n in usual_first[:10]]
        if self.links:
            counted.append(f"{len(self.links):,} linked folder{'s' * (len(self.links) > 1)} ({self.links[0]})")
        return f"Passed over: {', '.join(counted)}." if counted else ""


def list_pictures(folder: Path) -> Listing:
    """Find all pictures below a folder. Names that begin with a dot are passed over unsaid.

    Raises DataMissing if there is no such folder, or if a part of it cannot be read.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise DataMissing(f"The folder of images {folder} {what}. Name one that holds images, or folders of them.")
    every, links = list[Path](), list[Path]()
    for place, folders, files in os.walk(folder, onerror=refuse):
        inside = Path(place).relative_to(folder)
        every += [inside / file for file in files]
        links += [inside / name for name in folders if (Path(place) / name).is_symlink()]
    visible = [name for name in every if not _hidden(name)]
    meant = sorted(name.as_posix() for name in visible if name.suffix.lower() in SUFFIXES)
    others = Counter(name.suffix.lower() for name in visible if name.suffix.lower() not in SUFFIXES)
    return Listing(meant, others, sorted(name.as_posix() for name in links if not _hidden(name)))


def _hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


def refuse(error: OSError) -> NoReturn:
    """Say that the system will not read something of the user's."""
    raise DataMissing(f"{error.filename} cannot be read: {error.strerror}. Mend that, or move it away.") from error


def read_pictures(folder: Path, names: list[str], channels: int, skip_corrupt: bool) -> Iterator[Image.Image | None]:
    """Every picture in turn, as `read_picture` gives it, or None where that fails.

    Raises DataMissing in the end, naming those that failed, unless they may be skipped.
    """
    failed = {}
    for name in names:
        try:
            picture = read_picture(folder / name, channels)
        except Exception as error:  # Pillow raises whatever its decoders stumble over
            failed[name], picture = " ".join(str(error).split()), None
        yield picture
    if failed and not skip_corrupt:
        some = "".join(f"\n  {name}: {reason}" for name, reason in [*failed.items()][:NAMED])
        more = f"\n  and {len(failed) - NAMED:,} more" if len(failed) > NAMED else ""
        raise DataMissing(
            f"Of {len(names):,} images in {folder} {len(failed):,} cannot be read:{some}{more}\n"
            "Mend them or move them away; or leave them out, by the dataset's option skip_corrupt = true, or by "
            "`evaluate --skip-corrupt`."
        )


def sizes_in_words(folder: Path, names: list[str]) -> str:
    """`40 x 60 pixels`, or the sizes between which most of them lie; those that cannot be opened have none."""
    found: Counter[tuple[int, int]] = Counter()
    for name in names:
        try:
            with opened(folder / name) as picture:
                found[_upright_size(picture)] += 1
        except Exception:  # who reads them says why
            continue
    if len(found) < 2:
        return "".join(f"{w} x {h} pixels" for w, h in found)
    (w, h), usual = found.most_common(1)[0]
    small, large = min(found, key=np.prod), max(found, key=np.prod)
    between = f"from {small[0]} x {small[1]} to {large[0]} x {large[1]} pixels"
    return f"{len(found)} sizes {between}, most often {w} x {h} ({usual:,} times)"


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (picture.height, picture.width) if turned else picture.size


# A picture


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


def read_picture(path: Path, channels: int) -> Image.Image:
    """Read a picture upright, in 8 bits, grey or RGB by `channels`. Raises an exception of any kind if that fails."""
    with opened(path) as stored:
        upright = ImageOps.exif_transpose(stored)
        # Pillow stretches the levels of a PPM that has more than 256 to 65,536.
        return eight_bit(upright, deep=stored.format == "PPM").convert("L" if channels == 1 else "RGB")


def eight_bit(image: Image.Image, deep: bool = False) -> Image.Image:
    """The image in 8 bits per channel, without transparency: on white. Raises ValueError where white is not known.

    `deep` says that 32-bit numbers in it have 16 bits.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and deep):  # of which `convert` would cut off all above 255
        return Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are 32-bit numbers, mode {image.mode}, of which none is known to be white")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", with_alpha.size, "white"), with_alpha)
    return image


def squared(image: Image.Image, side: int) -> Image.Image:
    """The square in the middle, resized by Pillow's bicubic filter, which is antialiased."""
    return ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC)


def to_tensor(image: Image.Image) -> Tensor:
    """A grey or RGB image -> (channels, h, w) float32 in [-1, 1]."""
    pixels = torch.from_numpy(np.array(image)).view(image.height, image.width, -1)
    return pixels.permute(2, 0, 1) / 127.5 - 1


def to_image(x: Tensor) -> Image.Image:
    """The image of (channels, h, w) in [-1, 1]: of one or three channels, in the 256 levels that a file has."""
    pixels = ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[..., 0] if len(x) == 1 else np.ascontiguousarray(pixels))
