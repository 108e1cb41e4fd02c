"""How many seeds a gap needs.

All about Welch's test of n seeds a side, whose scores scatter over seeds with standard deviations `a_std` and `b_std`;
one of which is above 0; `level` is 1 minus the chance of a false alarm. The standard deviations of few seeds are rough,
and so is what follows from them.
"""

import math
from functools import cache
from itertools import count
from statistics import NormalDist

import numpy as np
from scipy.special import ndtri

from ganbench.statistics.intervals import Floats, satterthwaite, t_quantile

MOST_SEEDS = 10_000  # what needs more is out of reach


def power(gap: float, a_std: float, b_std: float, n: int, level: float = 0.95) -> float:
    """The probability that the test finds a true `gap`, and on its right side.

    The tail of a noncentral t, as the mean of Phi(gap / error - t u) over u^2 ~ chi^2_df / df: Johnson and Welch,
    "Applications of the Non-Central t-Distribution", 1940.
    """
    a_error, b_error = a_std / math.sqrt(n), b_std / math.sqrt(n)
    df = satterthwaite(a_error, b_error, n, n)
    t, centre = t_quantile(level, df), abs(gap) / math.hypot(a_error, b_error)
    nodes, weights = _gauss_legendre()
    reach = 8 / math.sqrt(2 * df)  # no mass worth mentioning is beyond
    u = max(0.0, 1 - reach) + nodes * (min(1.0, reach) + reach)
    mass = weights * np.exp((df - 1) * np.log(u) - df * (u**2 - 1) / 2)
    normal = NormalDist()
    return float(mass @ [normal.cdf(centre - t * v) for v in u] / mass.sum())


@cache
def _gauss_legendre() -> tuple[Floats, Floats]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(100)
    return (nodes + 1) / 2, weights / 2


def seeds_to_decide(gap: Floats, a: Floats, b: Floats, level: float, wanted: float = 0.8) -> Floats:
    """(pairs,) gaps and variances of one run of each side -> the seeds a side with which a two-sided test at `level`
    finds so large a gap with probability `wanted`; NaN where there is no gap, or beyond `MOST_SEEDS`.

    (z_level + z_wanted)^2 (a + b) / gap^2 and Guenther's z_level^2 / 4 for the unknown spread: "Sample Size Formulas
    for Normal Theory T Tests", The American Statistician 35, 1981.
    """
    z = -float(ndtri(level / 2))
    n = (z + float(ndtri(wanted))) ** 2 * (a + b) / np.where(gap == 0, np.nan, gap) ** 2 + z**2 / 4
    return np.asarray(np.where(n <= MOST_SEEDS, np.maximum(np.ceil(n), 2), np.nan))


def seeds_needed(gap: float, a_std: float, b_std: float, level: float = 0.95, wanted: float = 0.8) -> int | None:
    """The fewest seeds a side with which the test finds a true `gap` with probability `wanted`.

    None if there is no gap, or if it takes more than `MOST_SEEDS`. If nothing varies, as many as the permutation test
    needs, which then speaks: 2 / C(2n, n) <= 1 - level.
    """
    if not (gap and math.isfinite(gap)):
        return None
    if not (a_std or b_std):
        return next(n for n in count(2) if 2 / math.comb(2 * n, n) <= 1 - level)
    z = NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(wanted)
    fewest = (z * math.hypot(a_std, b_std) / gap) ** 2  # would do if both were known exactly: slightly fewer
    if fewest > MOST_SEEDS:
        return None
    counts = range(max(2, math.ceil(fewest)), MOST_SEEDS + 1)
    return next((n for n in counts if power(gap, a_std, b_std, n, level) >= wanted), None)
