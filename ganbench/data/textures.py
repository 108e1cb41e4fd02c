"""Colour textures in ten kinds, made by formula: images to try things on, without a download.

Clouds (noise whose amplitude falls with frequency f as f^-2, and as f^-1), waves, checks, spots, wood, bricks, rings,
weave and gradients, each of random colours, scale and direction. The dataset is this project's own.
"""

import math
from hashlib import sha256
from typing import Literal

import torch
from torch import Generator, Tensor

from ganbench.data import Dataset, Split, Use
from ganbench.data.domains import IMAGES
from ganbench.data.images import Other
from ganbench.plugins.spec import Samples
from ganbench.variant import Batch, DataSpec

KINDS = 10
REFERENCE = 10_000
_SEEDS: dict[tuple[Use, str], int] = {
    ("train", "train"): 501,
    ("reference", "validation"): 502,
    ("reference", "test"): 503,
    ("fresh", "validation"): 504,
    ("fresh", "test"): 505,
}


class Textures(Dataset):
    """Images of textures, (channels, size, size) in [-1, 1]; the classes are the ten kinds, all alike frequent."""

    judge = "random"

    def __init__(
        self,
        *,
        size: Literal[8, 16, 32, 64, 128, 256] = 32,  # pixels in a row
        channels: Literal[1, 3] = 3,  # 1: grey
        images: Samples = 20_000,  # in the training split
        other: Other = "negative",  # second domain; rotated: by 90 degrees
    ):
        self.images = images
        self.spec = DataSpec((channels, size, size), KINDS)
        self.prior = torch.full((KINDS,), 1 / KINDS, dtype=torch.float64)
        self.other = IMAGES[other]
        self.fingerprint = sha256(f"textures 1, {images} images, seeds {sorted(_SEEDS.values())}".encode()).hexdigest()
        self.preprocessing = f"drawn in {size} x {size} pixels of {channels} channel(s)"

    def train(self) -> Batch:
        return self._draw(_SEEDS["train", "train"], self.images)

    def fresh(self, split: Split, n: int) -> Batch:
        return self._draw(_SEEDS["fresh", split], n)

    def reference(self, split: Split) -> Batch:
        return self._draw(_SEEDS["reference", split], REFERENCE)

    def _draw(self, seed: int, n: int) -> Batch:
        """The first `n` of a stream of images, drawn a hundred at a time, so that they are the same for any `n`."""
        pieces = [draw(self.spec.shape, Generator().manual_seed(1000 * seed + i)) for i in range(-(-n // 100))]
        x, y = (torch.cat(part)[:n] for part in zip(*pieces, strict=True))
        return Batch(x, y)


def draw(shape: tuple[int, ...], g: Generator) -> tuple[Tensor, Tensor]:
    """A hundred textures (100, *shape) and their kinds, ten of each."""
    channels, side, _ = shape
    heights = torch.cat([pattern(kind, side, g) for kind in range(KINDS)]).unsqueeze(1)  # (100, 1, side, side)
    one, other = (torch.rand((100, channels, 1, 1), generator=g) * 2 - 1 for _ in range(2))
    order = torch.randperm(100, generator=g)
    return torch.lerp(one, other, heights)[order], (torch.arange(100) // 10)[order]


def pattern(kind: int, side: int, g: Generator) -> Tensor:
    """Ten patterns of a kind, (10, side, side) in [0, 1]."""
    axis = (torch.arange(side) + 0.5) / side - 0.5
    v, u = torch.meshgrid(axis, axis, indexing="ij")
    angle, phase, pace = (torch.rand((10, 1, 1), generator=g) for _ in range(3))
    pace, turn = 4 + 8 * pace, angle * 2 * math.pi
    along, across = u * turn.cos() + v * turn.sin(), v * turn.cos() - u * turn.sin()
    cycles = 2 * math.pi * pace

    def wave(x: Tensor) -> Tensor:
        return (cycles * x + 2 * math.pi * phase).sin()

    def clouds(power: float) -> Tensor:
        fy, fx = torch.meshgrid(torch.fft.fftfreq(side), torch.fft.rfftfreq(side), indexing="ij")
        fall = torch.hypot(fx, fy).clamp(min=1 / side) ** -power
        noise = torch.fft.irfft2(torch.fft.rfft2(torch.randn((10, side, side), generator=g)) * fall, s=(side, side))
        heights: Tensor = 0.5 + noise / noise.std((1, 2), keepdim=True) / 4
        return heights.clamp(0, 1)

    row = (along * pace).floor()
    make = (
        lambda: clouds(2),
        lambda: clouds(1),
        lambda: (wave(along) + 1) / 2,
        lambda: ((along * pace + phase).floor() + (across * pace).floor()) % 2,
        lambda: (wave(along) * (cycles * across).sin() > 0.5).float(),
        lambda: (wave(along + 0.1 * clouds(2)) + 1) / 2,
        lambda: (((along * pace) % 1 > 0.2) & ((across * pace / 2 + 0.5 * (row % 2)) % 1 > 0.1)).float(),
        lambda: (wave(torch.hypot(u - angle / 4, v - phase / 4)) + 1) / 2,
        lambda: (wave(along) * (row % 2) + (cycles * across).sin() * (1 - row % 2) + 1) / 2,
        lambda: (along + 0.5 + (phase - 0.5) / 2).clamp(0, 1),
    )  # fmt: skip
    heights: Tensor = make[kind]()
    return heights.expand(10, side, side)
