"""What a judge of digits learns from: distorted digits, and pictures that are no digits.

The non-digits are for outlier exposure: Hendrycks, Mazeika and Dietterich, "Deep Anomaly Detection with Outlier
Exposure", 2019, https://arxiv.org/abs/1812.04606. Deviation: they are drawn here, not taken from a data set.

All pictures are float32 (n, 1, 28, 28) in [-1, 1], ink 1 on a ground of -1; all randomness is the generator's.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from ganbench.judges.digit_reader import SIDE, resize


def through(x: Tensor, side: int) -> Tensor:
    """Digits as a judge gets them from a variant that works at `side`: padded to 32, shrunk, grown and cropped."""
    return resize(resize(F.pad(x, (2, 2, 2, 2), value=-1.0), side), 32)[..., 2:-2, 2:-2]


def between(n: int, low: float, high: float, g: Generator) -> Tensor:
    """(n,) uniform in [low, high)."""
    return torch.rand(n, generator=g) * (high - low) + low


def choice(low: int, high: int, g: Generator) -> int:
    """A whole number in [low, high)."""
    return int(torch.randint(low, high, (), generator=g))


def augment(x: Tensor, g: Generator) -> Tensor:
    """Move, turn, shear and scale most digits a little, blur about a third by going through a small side, and give
    half of them the paleness, grey ground and grain that a generator's digits have.
    """
    n = len(x)
    angle, zoom, shear = between(n, -0.2, 0.2, g), between(n, 0.88, 1.12, g), between(n, -0.15, 0.15, g)
    shift_x, shift_y = (between(n, -2.5, 2.5, g) * 2 / SIDE for _ in range(2))
    top = torch.stack([zoom * angle.cos(), -zoom * (angle.sin() + shear), shift_x], 1)
    bottom = torch.stack([zoom * angle.sin(), zoom * angle.cos(), shift_y], 1)
    grid = F.affine_grid(torch.stack([top, bottom], 1), [n, 1, SIDE, SIDE], align_corners=False)
    # What comes in from outside the picture is ground, -1; grid_sample fills with 0.
    moved = F.grid_sample(x + 1, grid, mode="bilinear", padding_mode="zeros", align_corners=False) - 1
    # Turning smooths: without some untouched digits, crisp pixels would be the mark of a non-digit.
    moved = torch.where(torch.rand((n, 1, 1, 1), generator=g) < 0.25, x, moved)
    few = torch.rand(n, generator=g) < 0.3
    moved[few] = through(moved[few], choice(8, 21, g))
    return torch.where(torch.rand((n, 1, 1, 1), generator=g) < 0.5, tone(moved, g), moved)


def tone(x: Tensor, g: Generator) -> Tensor:
    """Less contrast, a raised ground, and grain."""
    contrast, ground, grain = (
        between(len(x), *limits, g)[:, None, None, None] for limits in ((0.7, 1.0), (-1.0, -0.8), (0.0, 0.2))
    )
    return (x * contrast).maximum(ground).add(grain * torch.randn(x.shape, generator=g)).clamp(-1, 1)


def noise(x: Tensor, g: Generator) -> Tensor:
    """Every pixel for itself, uniform."""
    return torch.rand(x.shape, generator=g) * 2 - 1


def clouds(x: Tensor, g: Generator) -> Tensor:
    """Noise without high frequencies: a few random pixels, enlarged."""
    k = choice(2, 21, g)
    coarse = torch.randn((len(x), 1, k, k), generator=g)
    level = between(len(x), -1, 0.5, g)[:, None, None, None]
    return (resize(coarse, SIDE) + level).clamp(-1, 1)


def blank(x: Tensor, g: Generator) -> Tensor:
    """One grey all over, with a little grain."""
    grey = between(len(x), -1.05, 1.05, g)[:, None, None, None]
    grain = between(len(x), 0, 0.1, g)[:, None, None, None]
    return (grey + grain * torch.randn(x.shape, generator=g)).clamp(-1, 1)


def shuffled_patches(x: Tensor, g: Generator) -> Tensor:
    """Digits cut into sixteen squares that change places."""
    n, k = len(x), SIDE // 4
    patches = x.view(n, 4, k, 4, k).transpose(2, 3).reshape(n, 16, k * k)
    order = torch.rand((n, 16), generator=g).argsort(1)
    patches = patches.gather(1, order[..., None].expand_as(patches))
    return patches.view(n, 4, 4, k, k).transpose(2, 3).reshape(n, 1, SIDE, SIDE)


def stripes(x: Tensor, g: Generator) -> Tensor:
    """Waves in one direction, from soft to hard-edged."""
    n = len(x)
    v, u = coordinates()
    angle, pace, phase = between(n, 0, math.pi, g), between(n, 3, 25, g), between(n, 0, 2 * math.pi, g)
    sharpness = between(n, 0.5, 8, g)[:, None, None]
    along = angle.cos()[:, None, None] * u + angle.sin()[:, None, None] * v
    wave = (along * pace[:, None, None] + phase[:, None, None]).sin()
    return (wave * sharpness).clamp(-1, 1).unsqueeze(1)


def rectangles(x: Tensor, g: Generator) -> Tensor:
    """Up to four boxes of any grey, overlapping, on dark ground."""
    v, u = coordinates()
    picture = torch.full((len(x), SIDE, SIDE), -1.0)
    for _ in range(choice(1, 5, g)):
        middle_u, middle_v = (between(len(x), -0.7, 0.7, g)[:, None, None] for _ in range(2))
        half_u, half_v = (between(len(x), 0.1, 0.7, g)[:, None, None] for _ in range(2))
        inside = ((u - middle_u).abs() < half_u) & ((v - middle_v).abs() < half_v)
        picture = torch.where(inside, between(len(x), -0.5, 1, g)[:, None, None], picture)
    return picture.unsqueeze(1)


def ghosts(x: Tensor, g: Generator) -> Tensor:
    """Two digits over each other, each at half strength."""
    return (x + x.roll((1, choice(-3, 4, g)), (0, 3))) / 2


def clothing(x: Tensor, g: Generator) -> Tensor:
    """Woven and mottled patches with the outlines of a shirt, trousers, a bag or a shoe."""
    n = len(x)
    v, u = coordinates()
    shirt = (u.abs() < 0.45) & (v.abs() < 0.85) | (u.abs() < 0.9) & (v > -0.85) & (v < -0.3)
    trousers = (u.abs() < 0.5) & (v.abs() < 0.9) & ~((u.abs() < 0.12) & (v > -0.4))
    bag = (u.abs() < 0.8) & (v > -0.2) & (v < 0.7) | (((u**2 + (v + 0.2) ** 2).sqrt() - 0.5).abs() < 0.08)
    shoe = (u.abs() < 0.9) & (v > 0.1) & (v < 0.5) | (u > 0.2) & (u < 0.9) & (v > -0.5) & (v < 0.5)
    outline = torch.stack([shirt, trousers, bag, shoe])[torch.randint(4, (n,), generator=g)]
    pace = between(n, 8, 40, g)[:, None, None]
    weave = (pace * u).sin() * (pace * v).sin() * between(n, 0.05, 0.4, g)[:, None, None]
    mottle = resize(torch.randn((n, 1, 7, 7), generator=g), SIDE)[:, 0] * 0.25
    shade = between(n, -0.4, 0.8, g)[:, None, None]
    return torch.where(outline, (shade + weave + mottle).clamp(-1, 1), torch.tensor(-1.0)).unsqueeze(1)


def checkerboards(x: Tensor, g: Generator) -> Tensor:
    """Fields of 2 to 7 pixels, at any offset."""
    n = len(x)
    field = torch.randint(2, 8, (n, 1, 1), generator=g)
    offset = torch.randint(0, 7, (n, 2, 1, 1), generator=g)
    row, column = torch.arange(SIDE)[:, None], torch.arange(SIDE)[None, :]
    parity = ((row + offset[:, 0]) // field + (column + offset[:, 1]) // field) % 2
    return parity.float().mul(2).sub(1).unsqueeze(1)


def inverted(x: Tensor, g: Generator) -> Tensor:
    """Dark digits on bright ground."""
    return -x


def chimeras(x: Tensor, g: Generator) -> Tensor:
    """The left half of one digit and the right half of another."""
    return torch.cat([x[..., : SIDE // 2], x.roll(1, 0)[..., SIDE // 2 :]], -1)


def coordinates() -> tuple[Tensor, Tensor]:
    """Height and breadth of every pixel, each (28, 28) in (-1, 1), downwards and to the right."""
    centres = (torch.arange(SIDE) + 0.5) * 2 / SIDE - 1
    return tuple(torch.meshgrid(centres, centres, indexing="ij"))  # type: ignore[return-value]


NonDigits = Callable[[Tensor, Generator], Tensor]  # digits (n, 1, 28, 28) -> as many non-digits
TAUGHT: dict[str, NonDigits] = {
    "uniform noise": noise,
    "low-frequency noise": clouds,
    "blank, any grey": blank,
    "digits with shuffled patches": shuffled_patches,
    "stripes": stripes,
    "rectangles": rectangles,
    "two digits at half strength": ghosts,
}
UNTAUGHT: dict[str, NonDigits] = {
    "clothing-shaped textures": clothing,
    "checkerboards": checkerboards,
    "inverted digits": inverted,
    "halves of two digits": chimeras,
}


def outliers(digits: Tensor, each: int, g: Generator) -> Tensor:
    """`each` pictures of every kind in `TAUGHT`, made from as many of the digits."""
    return torch.cat([kind(digits[:each], g) for kind in TAUGHT.values()])
