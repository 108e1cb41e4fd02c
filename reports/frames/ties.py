"""Ties: which rows are surely better than which, and which are not."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pandas import Series

from ganbench.statistics import ranks

Floats = NDArray[np.float64]

SEEDS_TO_COUNT = 4  # a side; three that all win would do so by chance in one of ten cases


def wins(a: Floats, b: Floats, lower: bool) -> float:
    """(n,) and (m,) runs -> how often one of b is better than one of a, ties counting half; NaN if a side is empty."""
    if not (len(a) and len(b)):
        return float("nan")
    x, y = (a, b) if lower else (-a, -b)
    return float(np.mean((y < x[:, None]) + 0.5 * (y == x[:, None])))


def surely_wins(a: Floats, b: Floats, lower: bool, level: float = 0.95) -> bool:
    """Whether b beats a with a probability significantly over one half, from `SEEDS_TO_COUNT` runs a side on.

    That is, whether one half lies below the interval of `ganbench.statistics.probability_of_improvement`: Newcombe's
    condition, solved for a probability of one half.
    """
    n, m = len(a), len(b)
    if min(n, m) < SEEDS_TO_COUNT:
        return False
    variance = (1 + 2 / 3 * ((n + m) / 2 - 1)) / (4 * n * m)
    return wins(a, b, lower) - 0.5 > NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance)


def ranks_with_ties(low: Floats, high: Floats, runs: Sequence[Floats], lower: bool) -> NDArray[np.int64]:
    """(k,) limits of means and k variants' runs -> (k,) ranks: one more than the number of those surely better.

    Surely better: the intervals lie apart (see `ganbench.statistics.ranks`), or its runs surely win; and the other's
    runs do not surely win over its own, which may be where many of its runs failed.
    """
    k = len(runs)
    won = np.array([[i != j and surely_wins(runs[i], runs[j], lower) for j in range(k)] for i in range(k)], dtype=bool)
    if not won.any():
        return ranks(low, high, lower)
    apart = high[None, :] < low[:, None] if lower else low[None, :] > high[:, None]  # (i, j): j surely beats i
    return np.asarray(1 + ((apart | won) & ~won.T).sum(axis=1), dtype=np.int64)


def tied(ranks: Series) -> Series:
    """(k,) ranks, <NA> where there is none -> (k,) whether another row has the same rank: no test tells them apart."""
    return ranks.notna() & ranks.duplicated(keep=False)
