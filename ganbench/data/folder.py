"""Images in a folder of one's own, of any size and format, with or without classes.

`ganbench.data.pictures` says how they are read, `ganbench.data.dealing` which of them train, validate and test.
An image is cropped to the square in its middle, and resized by Pillow's bicubic filter, which is antialiased. Parmar,
Zhang and Zhu, "On Aliased Resizing and Surprising Subtleties in GAN Evaluation", 2022,
https://arxiv.org/abs/2104.11222, show what filters that are not do to FID.
"""

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from ganbench.data import Dataset, Part, Split, dealing, pictures
from ganbench.data.domains import IMAGES
from ganbench.data.files import data_roots
from ganbench.data.images import Other
from ganbench.errors import DataMissing
from ganbench.plugins.spec import Side
from ganbench.store.whole import written_whole
from ganbench.variant import Batch, DataSpec

IN_MEMORY = 0.25  # of the machine's memory; what is larger stays on disk


class Folder(Dataset):
    """Images in a folder and all folders in it; `folder:PATH` in a suite is short for the option `path`.

    If all images lie exactly one folder down, and in more than one, these folders are the classes, in the order of
    their names. Of all images 80 % train, 10 % validate and 10 % test, by a hash of their place in the folder, so that
    images which come later change nothing for the old ones; of a class of which this would leave none to train, one
    trains. If all lie in the folders `train`, `valid` and `test`, or in the first and one of the others, these are the
    splits, and classes are looked for in each of them. Fresh images for "test" are those that validate and the other
    way round. Names that begin with a dot, and links to folders, are passed over.

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
        self.path = path
        self.listing = pictures.list_pictures(path)
        self.spec = DataSpec((channels, size, size))
        contents = hashes(path, self.listing.names)
        self.fingerprint = fingerprint(contents)
        self.copies = len(contents) - len({*contents.values()})  # files that hold what another one holds
        self.preprocessing = (
            f"{'grey' if channels == 1 else 'RGB'}, middle square, antialiased bicubic to {size}, on white"
        )
        dealt = dealing.deal(path, self.listing.names, self.listing.others)
        self._images, left_out = self._load(dealt.names, skip_corrupt)
        if left_out:
            self.preprocessing += f"; {len(left_out)} unreadable images left out"
            left = [name for i, name in enumerate(dealt.names) if i not in left_out]
            dealt = dealing.deal(path, left)
            if dealt.names != left:  # a class had to find another image to train on
                self._images = self._images[[left.index(name) for name in dealt.names]]
        if dealt.note:
            self.preprocessing += f"; {dealt.note}"
        self._dealt, (self._labels, self.prior) = dealt, dealing.labels(dealt)
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

    def picture(self, image: Image.Image) -> Tensor:
        return pictures.to_tensor(pictures.squared(image, self.spec.side))

    def fit(self, x: Tensor) -> Tensor:
        """Crop and resize images of any height and width, as the folder's own were: in 256 levels, unless they fit."""
        if x.shape[1:] == self.spec.shape or x.shape[1] != self.spec.channels:
            return super().fit(x)
        return torch.stack([self.picture(pictures.to_image(one)) for one in x])

    def found(self) -> str:
        found = dealing.in_words(self.path, self.listing, self._dealt)
        return found + (f" Copies of others: {self.copies:,}, so that some train and test." if self.copies else "")

    def _batch(self, part: Part) -> Batch:
        rows = self._dealt.rows[part]
        return Batch(self._images[rows], None if self._labels is None else self._labels[rows])

    def _load(self, names: list[str], skip: bool) -> tuple[Tensor, set[int]]:
        """The images that can be read, (n, *shape), and which of the names are left out."""
        shape = self.spec.shape
        read = pictures.read_pictures(self.path, names, self.spec.channels, skip)
        images = (None if image is None else self.picture(image) for image in read)
        if 4 * len(names) * prod(shape) <= IN_MEMORY * machine_memory():
            return in_memory(images, len(names), shape)
        order = sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()
        key = sha256(f"{self.fingerprint} {self.preprocessing} {skip} {order}".encode()).hexdigest()
        return on_disk(images, len(names), shape, data_roots()[-1] / "folders" / key)


def hashes(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The sha256 of the content at each place, in the order of the places."""
    found = {}
    for name in sorted(names):
        try:
            content = (folder / name).read_bytes() if (folder / name).is_file() else b""  # a pipe may never end
        except OSError as error:
            pictures.refuse(error)
        found[name] = sha256(content).digest()
    return found


def fingerprint(contents: dict[str, bytes]) -> str:
    """sha256 over places and the hashes of what they hold."""
    whole = sha256()
    for name, content in contents.items():
        whole.update(sha256(os.fsencode(name)).digest() + content)
    return whole.hexdigest()


# Pixels


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
