"""Levels for scores that are looked at several times while seeds are added until it is decided who leads.

Whoever tests at 5 % after four, eight and twelve seeds, and stops as soon as a test passes, has three chances to be
wrong. So each look has a level of its own. With seeds the error is spent in proportion, a third of it at the first of
three looks: Lan and DeMets, "Discrete Sequential Boundaries for Clinical Trials", Biometrika 70, 1983, and for the
linear spending Kim and DeMets, "Design and Analysis of Group Sequential Tests Based on the Type I Error Spending Rate
Function", Biometrika 74, 1987. A level that holds for normal means is used for p-values of any test: Jennison and
Turnbull, "Group Sequential Methods with Applications to Clinical Trials", 1999, section 3.3.

Seeds go only to rows that can still lead, and a pair is tested at a look only if both its rows got the seeds of it.
Whether they did depends on the scores, but the looks that a pair has are then some of those that it would have had with
seeds for all, so that it is wrong in no more cases. `docs/log.md` has the schemes that were tried.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtr, ndtri

from ganbench.statistics.intervals import Floats

PLANNED = 3  # looks, where scores say only at which they were added
POINTS = 801  # of the grid on which sums are followed
STEPS = 60  # of bisection
FARTHEST = 12.0  # standard deviations


@dataclass(frozen=True)
class Look:
    """Where a seed belongs in such a scheme."""

    number: int  # from 1
    of: int  # how many there may be
    level: float  # of each test at it, for a whole that is wrong in 5 %


@cache
def levels(looks: int, error: float) -> tuple[float, ...]:
    """How many looks there may be, each after equally many more seeds -> the level of each test at each of them.

    The chance that a normal mean of 0 passes its two-sided test at any of the first l looks is l / looks of `error`.
    """
    found, spent = [float(error / looks)], error / looks
    reach = float(-ndtri(spent / 2))
    sums = np.linspace(-reach, reach, POINTS)  # of the increments so far, where no look has passed
    density = np.exp(-(sums**2) / 2) / np.sqrt(2 * np.pi)
    for look in range(2, looks + 1):
        weight = _weights(sums) * density
        low, high = 0.0, FARTHEST
        for _ in range(STEPS):
            bound = (low + high) / 2
            edge = bound * np.sqrt(look)
            passes = float((weight * (ndtr(-edge - sums) + ndtr(sums - edge))).sum())
            low, high = (bound, high) if passes > spent else (low, bound)
        found.append(float(2 * ndtr(-bound)))
        after = np.linspace(-edge, edge, POINTS)
        density = np.exp(-((after[:, None] - sums) ** 2) / 2) / np.sqrt(2 * np.pi) @ weight
        sums = after
    return tuple(found)


def _weights(grid: Floats) -> Floats:
    """Of the trapezoidal rule."""
    weights = np.full(len(grid), grid[1] - grid[0])
    weights[[0, -1]] /= 2
    return weights


def schedule(first: int, most: int, error: float) -> list[Look]:
    """The look to which each of `most` seeds belongs: one after every `first` of them."""
    of = most // first
    return [Look(1 + seed // first, of, levels(of, error)[seed // first]) for seed in range(of * first)]
