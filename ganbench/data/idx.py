"""Datasets in the four files of MNIST: images and labels for training and for testing, in the IDX format.

LeCun, Cortes and Burges, "The MNIST database of handwritten digits", http://yann.lecun.com/exdb/mnist/. Of the 60,000
training images the first 50,000 train and the last 10,000 validate; the 10,000 of the test file test.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganbench.data import Part, Split
from ganbench.data.files import Files, first_good, is_whole
from ganbench.data.images import Other, PixelDataset, check_size
from ganbench.errors import DataMissing
from ganbench.store.whole import write_bytes

SIZES = (8, 16, 28, 32, 64)
SIDE = 28  # of a stored image
RIM = 2  # black pixels around an image of 28, so that its side is a power of two
VALIDATION = 10_000  # images, the last of the training file

STEMS = {"train": 60_000, "t10k": 10_000}  # of the files' names, and how many images they hold


def pair_names(stem: str) -> tuple[str, str]:
    """Of the files of images and of labels of "train" or "t10k"."""
    return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"


@dataclass(frozen=True)
class IdxFiles(Files):
    """The four files; `title` is also the name of torchvision's class, which knows addresses and checksums."""

    names: tuple[str, ...] = (*pair_names("train"), *pair_names("t10k"))

    def part(self, part: Part, data_dir: Path | None = None, *, download: bool = True) -> tuple[Tensor, Tensor]:
        """Read the images of a part, (n, 28, 28) uint8, and their labels, (n,) int64.

        Looks in the `data_roots` and, if no file is in any of them and `download` is true, downloads to the user's
        cache. Raises DataMissing if there are no files, or if they are damaged.
        """
        stem = "t10k" if part == "test" else "train"
        images, labels = self.locate(pair_names(stem), data_dir, download=download)
        pixels, classes = self._read_pair(images, labels, STEMS[stem])
        rows = {"train": slice(None, -VALIDATION), "validation": slice(-VALIDATION, None), "test": slice(None)}[part]
        return pixels[rows], classes[rows]

    def read_idx(self, path: Path) -> Tensor:
        """Read an IDX file of bytes, plain or gzipped (`.gz`) -> uint8 of the shape that its header gives.

        Raises DataMissing if it is no such file, or longer or shorter than its header says.
        """
        raw = self.read(path)
        if len(raw) < 4 or raw[:3] != b"\0\0\x08":
            raise DataMissing(f"{path} begins with {raw[:4].hex()}, an IDX file of bytes with 000008. {self.repair}")
        offset = 4 + 4 * raw[3]
        if len(raw) < offset:
            raise DataMissing(f"{path} has {len(raw):,} bytes, its header alone needs {offset:,}. {self.repair}")
        shape = struct.unpack(f">{raw[3]}I", raw[4:offset])
        needed = offset + math.prod(shape)
        if len(raw) != needed:
            raise DataMissing(f"{path} has {len(raw):,} bytes, its header promises {needed:,}. {self.repair}")
        # Through a bytearray, since a tensor must not write to bytes.
        return torch.frombuffer(bytearray(raw), dtype=torch.uint8)[offset:].view(shape)

    def download(self, folder: Path) -> None:
        from torchvision import datasets  # two seconds, which those who have the files need not wait

        source = getattr(datasets, self.title)
        for name, checksum in source.resources:
            if not is_whole(folder / name, checksum):
                write_bytes(folder / name, first_good([mirror + name for mirror in source.mirrors], checksum))

    def _read_pair(self, image_path: Path, label_path: Path, count: int) -> tuple[Tensor, Tensor]:
        """Read a file of images and one of labels, and check that they are `count` images of ten classes."""
        images, labels = self.read_idx(image_path), self.read_idx(label_path)
        for path, tensor, needed in [(image_path, images, (count, SIDE, SIDE)), (label_path, labels, (count,))]:
            if tensor.shape != needed:
                raise DataMissing(f"{path} has shape {tuple(tensor.shape)}, {self.title} has {needed}. {self.repair}")
        if labels.max() > 9:
            raise DataMissing(f"{label_path} has a label {labels.max()}, {self.title} has 0 to 9. {self.repair}")
        return images, labels.long()


class IdxDataset(PixelDataset):
    """Grey images as they are in four IDX files."""

    files: IdxFiles
    rim = RIM
    show = "images"  # what they show, in the plural

    def __init__(
        self,
        *,
        size: int = 32,  # 28: as stored; 32: with a black border; 8, 16, 64: the bordered image, resized
        other: Other = "negative",  # second domain; rotated: by 90 degrees
    ):
        check_size(size, SIZES, self.show)
        super().__init__(size, other, *self.files.part("train"))

    def stored(self, split: Split) -> tuple[Tensor, Tensor]:
        return self.files.part(split)
