"""Mixtures of Gaussians in the plane: data whose density is known exactly, so that modes can be counted.

Ring and grid are those of Lin, Khetan, Fanti and Oh, "PacGAN: The power of two samples in generative
adversarial networks", 2018, https://arxiv.org/abs/1712.04086, with the constants of the authors' code
(`synthetic_data_experiments`): 100,000 fixed training points, ring of radius 1 with sigma 0.01, grid
{-4, -2, 0, 2, 4}^2 with sigma 0.05. Variants see the raw coordinates.
"""

import json
import math
from functools import cached_property
from hashlib import sha256
from typing import Literal

import torch
from torch import Generator, Tensor

from ganbench.data import Dataset, Split, Use
from ganbench.data.density import Mixture
from ganbench.data.domains import Domain, grid_places, relocation, rotation
from ganbench.errors import BadSuite
from ganbench.plugins.spec import Few, Length, Natural, Samples
from ganbench.variant import Batch, DataSpec

REFERENCE_POINTS = 10_000
DEGREES = 15.0  # by which the second domain `rotated` is turned
APART = 6.0  # sigmas between the closest means, at least: the discs of 3 sigma, which metrics count in, stay disjoint

# One stream of random numbers for each use, so that no two of them share a point.
_SEEDS = {
    ("train", ""): 101,
    ("reference", "validation"): 102,
    ("reference", "test"): 103,
    ("fresh", "validation"): 104,
    ("fresh", "test"): 105,
}


class MixtureDataset(Dataset):
    """Points of a mixture; a fixed training set, and as much fresh data as is asked for."""

    preprocessing = "none"
    judge = "truth"
    mixture: Mixture

    def __init__(self, means: Tensor, sigma: float, points: int, other: Domain, cure: str):
        """Weigh all `means` (k, 2) equally; `other` is the second domain.

        Raises BadSuite with `cure` if two of them are so close that their modes would merge.
        """
        check_apart(means, sigma, cure)
        k = len(means)
        self.mixture = Mixture(means, float(sigma), torch.full((k,), 1 / k, dtype=torch.float64))
        self.points = points
        self.other = other
        self.spec = DataSpec((2,), classes=k)
        self.prior = self.mixture.weights
        self.fingerprint = _fingerprint(self.mixture, points)

    def train(self) -> Batch:
        return self._train

    @cached_property
    def _train(self) -> Batch:
        return self._draw("train", "", self.points)

    def fresh(self, split: Split, n: int) -> Batch:
        return self._draw("fresh", split, n)

    def reference(self, split: Split) -> Batch:
        return self._draw("reference", split, REFERENCE_POINTS)

    def _draw(self, use: Use, split: Split | Literal[""], n: int) -> Batch:
        return self.mixture.sample(n, Generator().manual_seed(_SEEDS[use, split]))


def rotated(means: Tensor, sigma: float, cure: str) -> Domain:
    """Build the second domain of points turned by 15 degrees."""
    return rotation(DEGREES)


def on_grid(means: Tensor, sigma: float, cure: str) -> Domain:
    """Build the second domain where each mode, with its points, has a place on a square grid.

    Raises BadSuite with `cure` if two modes would merge there.
    """
    places = grid_places(means)
    check_apart(places, sigma, f"That is on the grid, the second domain. {cure}")
    return relocation("grid", means, places)


POINTS = {"rotated": rotated, "grid": on_grid}


class Ring8(MixtureDataset):
    """Modes at equal angles on a circle.

    `np.linspace(0, 2 * pi, 8)`, found in several published experiments, puts two of the eight means on
    one point and so makes seven modes; here the end point is left out. The default sigma is PacGAN's;
    other papers stretch both (WGAN-GP: radius 1.414, sigma 0.0141, which is the same shape).

    The second domain `grid` has the modes on a square grid as wide as the ring: eight on 3 x 3 without the centre,
    where half of them keep their places. `rotated` is the ring itself if `modes` is a multiple of 24.

    Raises BadSuite if neighbours would merge.
    """

    def __init__(
        self,
        *,
        modes: Few = 8,
        radius: Length = 1.0,
        sigma: Length = 0.01,  # of each mode, in the units of the radius
        points: Samples = 100_000,  # in the training split
        other: Literal["rotated", "grid"] = "rotated",  # second domain: turned by 15 degrees, or modes on a grid
    ):
        means, cure = ring(modes, radius), "Use fewer modes, more radius or less sigma."
        super().__init__(means, sigma, points, POINTS[other](means, sigma, cure), cure)


class Grid25(MixtureDataset):
    """Modes on a square grid around the origin, by default PacGAN's {-4, -2, 0, 2, 4}^2 with sigma 0.05.

    There is no second domain `grid` here: it would be the data themselves.

    Raises BadSuite if neighbours would merge.
    """

    def __init__(
        self,
        *,
        side: Few = 5,  # modes in a row: there are side * side
        spacing: Length = 2.0,  # between neighbours
        sigma: Length = 0.05,  # of each mode, in the units of the spacing
        points: Samples = 100_000,  # in the training split
        other: Literal["rotated"] = "rotated",  # second domain: turned by 15 degrees
    ):
        line = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * spacing
        means, cure = torch.cartesian_prod(line, line), "Use more spacing or less sigma."
        super().__init__(means, sigma, points, POINTS[other](means, sigma, cure), cure)


class Random(MixtureDataset):
    """Modes at random places in a square, none closer to another than 6 sigma.

    Raises BadSuite if the modes do not fit.
    """

    def __init__(
        self,
        *,
        modes: Few = 20,
        spread: Length = 4.0,  # means lie in [-spread, spread]^2
        sigma: Length = 0.05,  # of each mode, in the units of the spread
        seed: Natural = 0,  # of the places, not of the points
        points: Samples = 100_000,  # in the training split
        other: Literal["rotated", "grid"] = "rotated",  # second domain: turned by 15 degrees, or modes on a grid
    ):
        means = scatter(modes, spread, APART * sigma, Generator().manual_seed(seed))
        cure = "Use fewer modes, more spread or less sigma."
        super().__init__(means, sigma, points, POINTS[other](means, sigma, cure), cure)


def ring(modes: int, radius: float) -> Tensor:
    """Place `modes` at equal angles on a circle around the origin, from (radius, 0) on -> (modes, 2) float64."""
    angles = [2 * math.pi * k / modes for k in range(modes)]
    return torch.tensor([[radius * math.cos(a), radius * math.sin(a)] for a in angles], dtype=torch.float64)


def scatter(n: int, spread: float, apart: float, generator: Generator, darts: int = 1000) -> Tensor:
    """Place `n` points in [-spread, spread]^2, each at least `apart` from all others -> (n, 2) float64.

    Raises BadSuite if `darts` random places for the next point are all too close to others.
    """
    means = torch.empty(0, 2, dtype=torch.float64)
    while len(means) < n:
        places = (2 * torch.rand(darts, 2, dtype=torch.float64, generator=generator) - 1) * spread
        free = (torch.cdist(places, means, compute_mode="donot_use_mm_for_euclid_dist") >= apart).all(1)
        if not free.any():
            raise BadSuite(
                f"Found room for {len(means)} of {n} modes in [-{spread:g}, {spread:g}]^2; each needs {apart:g} "
                f"({APART:g} sigma) to the next. Use fewer modes, more spread or less sigma."
            )
        means = torch.cat([means, places[free][:1]])
    return means


def check_apart(means: Tensor, sigma: float, cure: str) -> None:
    """Raise BadSuite if the discs of 3 sigma around two of the `means` (k, 2) overlap."""
    closest = torch.pdist(means).amin().item() if len(means) > 1 else math.inf
    # Room for rounding, not for overlap.
    if closest < APART * sigma * (1 - 1e-9):
        raise BadSuite(
            f"Found {len(means)} modes of which two are {closest:.3g} apart; with sigma {sigma:g} they merge, unless "
            f"{APART * sigma:.3g} ({APART:g} sigma) lie between them. {cure}"
        )


def _fingerprint(mixture: Mixture, points: int) -> str:
    def rounded(values: Tensor) -> list[float]:
        # Machines differ in the last bit of a cosine, and in the sign of zero; boards must not.
        return [round(value, 9) + 0.0 for value in values.flatten().tolist()]

    recipe = {
        "means": rounded(mixture.means),
        "sigma": mixture.sigma,
        "weights": rounded(mixture.weights),
        "points": points,
        "reference": REFERENCE_POINTS,
        "seeds": [[*use, seed] for use, seed in _SEEDS.items()],
    }
    return sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
