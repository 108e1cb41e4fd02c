"""Second domains: what two-domain variants learn to pair with the data, though they never see a pair.

Each is the data's own samples under a known transform, so that what a variant pairs can be held against the truth.
`negative` and `edges` are those of Liu and Tuzel, "Coupled Generative Adversarial Networks", 2016,
https://arxiv.org/abs/1606.07536.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d


@dataclass(frozen=True)
class Domain:
    """A second domain."""

    name: str
    transform: Callable[[Tensor], Tensor]  # samples (n, *shape) of the first domain -> their partners
    undo: Callable[[Tensor], Tensor] | None = None  # and back, where nothing is lost


# Images: (n, channels, side, side) in [-1, 1], and so are their partners


def edges(x: Tensor) -> Tensor:
    """Outline bright strokes: what a dilation by 3 x 3 pixels adds is bright, all else dark. Flat images become -1."""
    # In terms of ink, (x + 1) / 2 in [0, 1], this is the dilated image less the image.
    return max_pool2d(x, 3, stride=1, padding=1) - x - 1


def quarter_turn(x: Tensor, times: int = 1) -> Tensor:
    """Turn images by 90 degrees, anticlockwise, `times` times; no pixel changes its value."""
    return x.rot90(times, (-2, -1)).contiguous()


IMAGES = {
    domain.name: domain
    for domain in (
        Domain("negative", torch.neg, torch.neg),
        Domain("edges", edges),
        Domain("rotated", quarter_turn, lambda x: quarter_turn(x, -1)),
    )
}


# Points: (n, 2), on any device


def rotation(degrees: float) -> Domain:
    """The domain `rotated`: points turned about the origin, anticlockwise; there and back is exact but for rounding."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64)  # for rows

    def turn(x: Tensor, by: Tensor) -> Tensor:
        return (x.double() @ by.to(x.device)).to(x.dtype)

    return Domain("rotated", lambda x: turn(x, matrix), lambda x: turn(x, matrix.T))


def relocation(name: str, means: Tensor, places: Tensor) -> Domain:
    """A domain of modes with `means` (k, 2) moved to `places` (k, 2), one by one, each with its points.

    A point goes with the mode whose mean is nearest. It comes back if it is nearer to its mode than half
    the way to the next, before the move and after.
    """

    def move(x: Tensor, start: Tensor, end: Tensor) -> Tensor:
        start, end = start.to(x.device), end.to(x.device)
        mode = torch.cdist(x.double(), start, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
        return (x.double() + (end - start)[mode]).to(x.dtype)

    return Domain(name, lambda x: move(x, means, places), lambda x: move(x, places, means))


def grid_places(means: Tensor) -> Tensor:
    """A place of its own for each mode in a square grid around the origin -> (k, 2) float64.

    The grid is the smallest that holds all k modes, and reaches as far from the axes as `means` (k, 2) do. Of more
    places than modes those nearest the origin stay empty: eight modes take a 3 x 3 grid without its centre. Modes and
    places are matched in the order of their angles, so that neighbours on a ring stay neighbours.
    """
    k = len(means)
    side = math.isqrt(k - 1) + 1
    line = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    places = torch.cartesian_prod(line, line) * (2 * means.abs().max() / max(side - 1, 1))
    outermost = sorted(places.tolist(), key=lambda place: (-_radius(place), _turn(place)))[:k]
    modes = sorted(range(k), key=lambda mode: _angle_first(means[mode].tolist()))
    matched = torch.empty(k, 2, dtype=torch.float64)
    matched[modes] = torch.tensor(sorted(outermost, key=_angle_first), dtype=torch.float64)
    return matched


def _angle_first(point: list[float]) -> tuple[float, float]:
    return _turn(point), _radius(point)


# Rounded, since machines differ in the last bit, and the order must not.


def _turn(point: list[float]) -> float:
    """The angle of (x, y) in turns, from 0 to less than 1."""
    return round(math.atan2(point[1], point[0]) / (2 * math.pi), 9) % 1


def _radius(point: list[float]) -> float:
    return round(math.hypot(*point), 9)
