"""Images that are stored as bytes, shown in one size."""

import math
from abc import abstractmethod
from hashlib import sha256
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate, pad

from ganbench.data import Dataset, Split
from ganbench.data.domains import IMAGES
from ganbench.errors import BadSuite
from ganbench.variant import Batch, DataSpec

Other = Literal["negative", "edges", "rotated"]

CHUNK = 5000  # images made at once


class PixelDataset(Dataset):
    """Images of one size: float32 (n, channels, size, size) in [-1, 1], made of the bytes that are stored.

    Fresh images for "test" are those that validate and the other way round: no variant trains on either.
    """

    classes = 10
    rim = 0  # black pixels around a stored image, in all sizes but its own

    def __init__(self, size: int, other: Other, pixels: Tensor, labels: Tensor):
        """Train on `pixels`, (n, [channels,] side, side) uint8, with `labels` (n,) int64.

        `other` names the second domain.
        """
        channels = pixels.shape[1] if pixels.dim() == 4 else 1
        self.size = size
        self.spec = DataSpec((channels, size, size), self.classes)
        self.fingerprint = sha256(pixels.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
        self.preprocessing = describe(pixels.shape[-1], size, self.rim)
        self._side = pixels.shape[-1]
        self.prior = torch.bincount(labels, minlength=self.classes).double() / len(labels)
        self.other = IMAGES[other]
        self._training = pixels, labels

    @abstractmethod
    def stored(self, split: Split) -> tuple[Tensor, Tensor]:
        """Read the images of a split, as `__init__` takes them."""

    def train(self) -> Batch:
        return self._batch(*self._training)

    def fresh(self, split: Split, n: int) -> Batch:
        return self._first(n, *self.stored("test" if split == "validation" else "validation"))

    def reference(self, split: Split) -> Batch:
        return self._batch(*self.stored(split))

    def fit(self, x: Tensor) -> Tensor:
        """Bring images of the stored side to this dataset's, as its own were. Raises BadResults if neither fits."""
        stored = x.shape[1:] == (self.spec.channels, self._side, self._side)
        return super().fit(to_size(x, self.size, self.rim) if stored else x)

    def _batch(self, pixels: Tensor, labels: Tensor) -> Batch:
        return Batch(to_images(pixels, self.size, self.rim), labels)

    def _first(self, n: int, pixels: Tensor, labels: Tensor) -> Batch:
        """Take `n` of them in one fixed shuffled order, again from the start if there are fewer."""
        order = torch.randperm(len(labels), generator=Generator().manual_seed(201))
        order = order.repeat(math.ceil(n / len(labels)))[:n]
        return self._batch(pixels[order], labels[order])


def check_size(size: int, sizes: tuple[int, ...], what: str) -> None:
    """Raise BadSuite unless images can be had in `size` x `size` pixels; `what` they show, in the plural."""
    if size not in sizes or not isinstance(size, int):
        allowed = ", ".join(map(str, sizes))
        raise BadSuite(f"Found size = {size!r}, but {what} come in {allowed} pixels. Use one of these.")


def describe(side: int, size: int, rim: int = 0) -> str:
    """Say in words what `to_images` does to images of that side."""
    if size == side:
        return f"{side} as stored"
    steps = [f"padded to {side + 2 * rim}"] if rim else []
    steps += [f"antialiased to {size}"] if size != side + 2 * rim else []
    return f"{side} {', '.join(steps)}"


def to_images(pixels: Tensor, size: int, rim: int = 0) -> Tensor:
    """Turn (n, [channels,] side, side) uint8 into (n, channels, size, size) float32 in [-1, 1]; 0 becomes -1.

    If another size is asked for than that stored, `rim` pixels of -1 are put around each image, and if that is not
    the size yet, an antialiased bilinear filter makes it so.
    """
    pixels = pixels if pixels.dim() == 4 else pixels.unsqueeze(1)
    images = torch.empty(*pixels.shape[:2], size, size)
    # In pieces, so that the larger sizes need no second copy of everything.
    for piece, few in zip(torch.split(images, CHUNK), torch.split(pixels, CHUNK), strict=True):
        piece.copy_(to_size(few / 127.5 - 1, size, rim))
    return images


def to_size(images: Tensor, size: int, rim: int = 0) -> Tensor:
    """Do the same to images (n, channels, side, side) in [-1, 1]."""
    if images.shape[-1] == size:
        return images
    images = pad(images, (rim,) * 4, value=-1.0)
    if images.shape[-1] == size:
        return images
    # A mean of pixels can leave [-1, 1] by a rounding error only.
    return interpolate(images, (size, size), mode="bilinear", antialias=True).clamp(-1, 1)
