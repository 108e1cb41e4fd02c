"""How many seeds a gap needs; the spreads of few seeds are rough, and so is what follows from them."""

import numpy as np
from scipy.special import ndtri

from ganbench.statistics.intervals import Floats

MOST_SEEDS = 10_000  # what needs more is out of reach


def seeds_to_decide(gap: Floats, a: Floats, b: Floats, level: float, wanted: float = 0.8) -> Floats:
    """(pairs,) gaps and variances of one run of each side -> the seeds a side with which a two-sided test at `level`
    finds so large a gap with probability `wanted`; NaN where there is no gap, or beyond `MOST_SEEDS`.

    (z_level + z_wanted)^2 (a + b) / gap^2 and Guenther's z_level^2 / 4 for the unknown spread: "Sample Size Formulas
    for Normal Theory T Tests", The American Statistician 35, 1981.
    """
    z = -float(ndtri(level / 2))
    return _whole((z + float(ndtri(wanted))) ** 2 * (a + b) / np.where(gap == 0, np.nan, gap) ** 2 + z**2 / 4)


def seeds_by_ranks(wins: Floats, level: float, wanted: float = 0.8) -> Floats:
    """(pairs,) shares of the pairings of two runs that the better side wins -> the same for a test of ranks; NaN where
    it wins no more than half.

    Noether, "Sample Size Determination for Some Common Nonparametric Tests", Journal of the American Statistical
    Association 82, 1987.
    """
    z = -float(ndtri(level / 2)) + float(ndtri(wanted))
    return _whole(z**2 / (6 * np.where(wins > 0.5, wins - 0.5, np.nan) ** 2))


def _whole(n: Floats) -> Floats:
    return np.asarray(np.where(n <= MOST_SEEDS, np.maximum(np.ceil(n), 2), np.nan))
