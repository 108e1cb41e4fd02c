"""Images in a folder of one's own, of any size and format, with or without classes.

An image is turned as its camera says, cropped to the square in its middle, and resized by Pillow's bicubic filter,
which is antialiased. Parmar, Zhang and Zhu, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation", 2022,
https://arxiv.org/abs/2104.11222, show what filters that are not do to FID.
"""

import json
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ganbench.data import Dataset, Part, Split, pictures
from ganbench.data.domains import IMAGES
from ganbench.data.files import data_roots
from ganbench.data.images import Other
from ganbench.data.pictures import SUFFIXES
from ganbench.errors import DataMissing
from ganbench.plugins.spec import Side
from ganbench.store.whole import written_whole
from ganbench.variant import Batch, DataSpec

TRAINS, VALIDATES = 0.8, 0.1  # shares of the images; the rest tests
FEWEST = 2  # images in a split
IN_MEMORY = 0.25  # of the machine's memory; what is larger stays on disk
NAMED = 5  # unreadable images in a message, which counts the others


class Folder(Dataset):
    """Images in a folder and all folders in it; `folder:PATH` in a suite is short for the option `path`.

    If all images lie exactly one folder down, and in more than one, these folders are the classes, in the order of
    their names. Of all images 80 % train, 10 % validate and 10 % test, by a hash of their place in the folder, so that
    images which come later change nothing for the old ones. Fresh images for "test" are those that validate and the
    other way round. Names that begin with a dot, and links to folders, are passed over.

    Colours become 8-bit RGB, or grey; transparent images lie on white; of moving ones the first picture counts. What
    would fill more than a quarter of the machine's memory as float32 is written to the user's cache once, and read from
    there as needed; a GPU still has to hold all of the training split.

    Raises DataMissing if there is no such folder, if it holds too few images, or if some cannot be read and
    `skip_corrupt` is false; BadSuite if `size` is below 1.
    """

    judge = "inception"
    stand_in = "random"

    def __init__(
        self,
        *,
        path: Path,  # of the folder; a relative one begins at the suite's folder, ~ is your own
        size: Side = 64,  # pixels in a row and in a column
        channels: Literal[1, 3] = 3,  # 1: grey
        other: Other = "negative",  # second domain; rotated: by 90 degrees
        skip_corrupt: bool = False,  # leave out images that cannot be read, instead of refusing them all
    ):
        names = list_images(path)
        check_enough(path, names)
        self.fingerprint = fingerprint(path, names)
        self.preprocessing = (
            f"{'grey' if channels == 1 else 'RGB'}, middle square, antialiased bicubic to {size}, on white"
        )
        self._images, left_out = self._load(path, names, (channels, size, size), skip_corrupt)
        if left_out:
            self.preprocessing += f"; {len(left_out)} unreadable images left out"
            names = [name for i, name in enumerate(names) if i not in left_out]
            check_enough(path, names)
        self._rows = rows_of_parts(names)
        self._labels, self.prior = classes_of(names)
        self.spec = DataSpec((channels, size, size), classes=len(self.prior))
        self.other = IMAGES[other]

    def train(self) -> Batch:
        return self._batch("train")

    def fresh(self, split: Split, n: int) -> Batch:
        x, y, _ = self._batch("test" if split == "validation" else "validation")
        again = torch.arange(n) % len(x)
        return Batch(x[again], None if y is None else y[again])

    def reference(self, split: Split) -> Batch:
        return self._batch(split)

    def _batch(self, part: Part) -> Batch:
        rows = self._rows[part]
        return Batch(self._images[rows], None if self._labels is None else self._labels[rows])

    def _load(self, path: Path, names: list[str], shape: tuple[int, ...], skip: bool) -> tuple[Tensor, set[int]]:
        """The images that can be read, (n, *shape), and which of the names are left out."""
        images = read_images(path, names, shape, skip)
        if 4 * len(names) * prod(shape) <= IN_MEMORY * machine_memory():
            return in_memory(images, len(names), shape)
        key = sha256(f"{self.fingerprint} {self.preprocessing} {skip}".encode()).hexdigest()
        return on_disk(images, len(names), shape, data_roots()[-1] / "folders" / key)


# Names


def list_images(folder: Path) -> list[str]:
    """Places of all images below `folder`, with slashes, in the order of their hashes, which is that of the splits.

    Raises DataMissing if there is no such folder, or if a part of it cannot be read.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise DataMissing(f"The folder of images {folder} {what}. Name one that holds images, or folders of them.")
    places = os.walk(folder, onerror=_refuse)
    names = [(Path(place) / file).relative_to(folder) for place, _, files in places for file in files]
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    images = (name.as_posix() for name in visible if name.suffix.lower() in SUFFIXES)
    return sorted(images, key=lambda name: (_hashed(name), name))


def _refuse(error: OSError) -> NoReturn:
    raise DataMissing(f"{error.filename} cannot be read: {error.strerror}. Mend that, or move it away.") from error


def _hashed(name: str) -> float:
    """A share, from 0 to 1, that is a name's own."""
    return int.from_bytes(_digest(os.fsencode(name))[:8]) / 2**64


def _digest(raw: bytes) -> bytes:
    return sha256(raw).digest()


def rows_of_parts(names: list[str]) -> dict[Part, slice]:
    """Where the splits begin and end among names in the order of their hashes."""
    first, second = (bisect_left(names, end, key=_hashed) for end in (TRAINS, TRAINS + VALIDATES))
    return {"train": slice(0, first), "validation": slice(first, second), "test": slice(second, len(names))}


def check_enough(folder: Path, names: list[str]) -> None:
    """Raise DataMissing if a split has too few images."""
    counts = [len(names[rows]) for rows in rows_of_parts(names).values()]
    if not names:
        raise DataMissing(f"No images in {folder}: no file's name ends in {', '.join(SUFFIXES)}. Name another folder.")
    if min(counts) < FEWEST:
        train, validation, test = counts
        raise DataMissing(
            f"Found {len(names)} images in {folder}, of which {train} train, {validation} validate and {test} test, "
            f"but each split needs at least {FEWEST}. Add some: a hash of their names deals them out, 100 are enough."
        )


def classes_of(names: list[str]) -> tuple[Tensor | None, Tensor]:
    """The class of each image, (n,) int64, and the shares of the classes; None and no shares, if there are none."""
    folders = [name.rpartition("/")[0] for name in names]
    classes = sorted({*folders})
    if len(classes) < 2 or any(name.count("/") != 1 for name in names):
        return None, torch.empty(0, dtype=torch.float64)
    number = {folder: i for i, folder in enumerate(classes)}
    labels = torch.tensor([number[folder] for folder in folders])
    return labels, torch.bincount(labels).double() / len(labels)


def fingerprint(folder: Path, names: Iterable[str]) -> str:
    """sha256 over places and contents, in the order of the places."""
    whole = sha256()
    for name in sorted(names):
        try:
            content = (folder / name).read_bytes() if (folder / name).is_file() else b""  # a pipe may never end
        except OSError as error:
            _refuse(error)
        whole.update(_digest(os.fsencode(name)) + _digest(content))
    return whole.hexdigest()


# Pixels


def read_images(folder: Path, names: list[str], shape: tuple[int, ...], skip_corrupt: bool) -> Iterator[Tensor | None]:
    """Every image in turn, as `read_image` gives it, or None where that fails.

    Raises DataMissing in the end, naming those that failed, unless they may be skipped.
    """
    failed = {}
    for name in names:
        try:
            yield read_image(folder / name, shape)
        except Exception as error:  # Pillow raises whatever its decoders stumble over
            failed[name] = " ".join(str(error).split())
            yield None
    if failed and not skip_corrupt:
        some = "".join(f"\n  {name}: {reason}" for name, reason in [*failed.items()][:NAMED])
        more = f"\n  and {len(failed) - NAMED:,} more" if len(failed) > NAMED else ""
        raise DataMissing(
            f"Of {len(names):,} images in {folder} {len(failed):,} cannot be read:{some}{more}\n"
            "Mend them or move them away, or set the option skip_corrupt = true to leave them out."
        )


def read_image(path: Path, shape: tuple[int, ...]) -> Tensor:
    """Read an image as (channels, size, size) float32 in [-1, 1]. Raises an exception of any kind if that fails."""
    channels, size, _ = shape
    with pictures.opened(path) as stored:
        upright = ImageOps.exif_transpose(stored)
        plain = eight_bit(upright).convert("L" if channels == 1 else "RGB")
        resized = ImageOps.fit(plain, (size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).view(size, size, channels).permute(2, 0, 1) / 127.5 - 1


def eight_bit(image: Image.Image) -> Image.Image:
    """The image in 8 bits per channel, without transparency: on white. Raises ValueError where white is not known."""
    if image.mode.startswith("I;16"):  # Pillow's own conversion would cut off all that is brighter than 255
        return Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels are 32-bit numbers, mode {image.mode}, of which none is known to be white")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", with_alpha.size, "white"), with_alpha)
    return image


def in_memory(images: Iterable[Tensor | None], n: int, shape: tuple[int, ...]) -> tuple[Tensor, set[int]]:
    """Images as one tensor, (at most n, *shape), and which of them are missing."""
    held, left_out = torch.empty(n, *shape), set()
    for i, image in enumerate(images):
        if image is None:
            left_out.add(i)
        else:
            held[i - len(left_out)] = image
    return held[: n - len(left_out)], left_out


def on_disk(images: Iterable[Tensor | None], n: int, shape: tuple[int, ...], place: Path) -> tuple[Tensor, set[int]]:
    """The same, on disk in the folder `place`, from where the system takes what is needed; if it is there, unread.

    Raises DataMissing if it cannot be written.
    """
    if not place.exists():
        try:
            _write(images, place)
        except OSError as error:
            raise DataMissing(
                f"{place} cannot be written: {error.strerror}. It takes {4e-9 * n * prod(shape):.1f} GB. Set "
                "XDG_CACHE_HOME to a folder with as much space, or choose a smaller size."
            ) from error
    left_out = set(json.loads((place / "left_out.json").read_text()))
    rows = n - len(left_out)
    # Private, so that nobody can change the file by changing the tensor.
    held = torch.from_file(str(place / "images"), shared=False, size=rows * prod(shape), dtype=torch.float32)
    return held.view(rows, *shape), left_out


def _write(images: Iterable[Tensor | None], place: Path) -> None:
    """Write `place`, whole or not at all. Several runs may do so at once."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with written_whole(place) as draft:
            draft.mkdir()
            _write_images(images, draft)
    except OSError:
        if not place.exists():  # else another run was first, with the same
            raise


def _write_images(images: Iterable[Tensor | None], place: Path) -> None:
    """All images in one file, and the numbers of those that are left out in another."""
    left_out = []
    with (place / "images").open("wb") as file:
        for i, image in enumerate(images):
            if image is None:
                left_out.append(i)
            else:
                file.write(image.numpy().tobytes())
    (place / "left_out.json").write_text(json.dumps(left_out))


def machine_memory() -> int:
    """Bytes of the machine's memory; 0 where the system does not say, as Windows."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return 0
