"""Variances of many small samples, each drawn towards what is usual among them.

Two seeds say next to nothing about the spread over seeds; ten variants with two seeds each say a good deal. Smyth,
"Linear Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray Experiments", 2004,
https://doi.org/10.2202/1544-6115.1027: the true variances are taken to scatter as s0^2 d0 / chi^2_d0, and both
constants are estimated from the samples. A variance s^2 of d degrees of freedom becomes (d0 s0^2 + d s^2) / (d0 + d),
and a t made of it has d0 + d of them.

All functions take leading axes, so that many tables are computed at once. NaN stands for a sample without a variance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, polygamma

from ganbench.statistics.intervals import Floats

# From ten samples or so d0 is often estimated far too large: a table of ten t's with 2 seeds a side, whose variances
# scatter with a true d0 of 4, then has false alarms in 10 % of cases where 5 % are meant. With this bound it has 4 %.
MOST_PRIOR = 4.0
# What a board is allowed, whose tests are of one row against another. With 4 a false verdict among ten equal variants,
# of which one scatters four times as much, comes in 13 % of boards with two seeds; with 1.25 in 6 %.
BOARD_PRIOR = 1.25
FLOOR = 0.75  # of the mean variance of the board: no row is believed to be much steadier than the others
FEWEST = 3  # samples that have something in common to estimate


class Prior(NamedTuple):
    """What the samples have in common."""

    variance: Floats  # s0^2
    df: Floats  # d0, the degrees of freedom that it is worth; 0: nothing in common


def prior(variances: ArrayLike, df: ArrayLike, most: float = MOST_PRIOR) -> Prior:
    """(..., k) variances and (..., k) degrees of freedom -> Smyth's (...) s0^2 and d0 (section 6.2), d0 at most `most`.

    By the mean and the variance of log s^2, whose distribution is Fisher's z. A variance far below the others would
    rule both, so none counts as less than a hundredth of the median. With fewer than three samples, or where half of
    them do not vary, they have nothing in common that could be estimated.
    """
    s2 = np.asarray(variances, dtype=np.float64)
    known = np.isfinite(s2)
    n = known.sum(axis=-1)
    common = n >= FEWEST
    s2 = np.where(known | common[..., None], s2, 1.0)  # rows that nothing is asked of: no warnings about them
    typical = np.nanmedian(np.where(common[..., None], s2, 1.0), axis=-1) if s2.size else np.zeros(s2.shape[:-1])
    common &= typical > 0
    half = np.where(known, np.asarray(df, dtype=np.float64), 1.0) / 2
    least = np.where(common, 0.01 * typical, 1.0)[..., None]
    e = np.where(known, np.log(np.fmax(s2, least)) - digamma(half) + np.log(half), 0.0)
    count = np.maximum(n, 2)
    mean = e.sum(axis=-1) / count
    scatter = np.where(known, (e - mean[..., None]) ** 2, 0.0).sum(axis=-1) / (count - 1)
    excess = scatter - np.where(known, polygamma(1, half), 0.0).sum(axis=-1) / count
    d0 = np.where(excess > 0, np.minimum(most, 2 * _inverse_trigamma(np.where(excess > 0, excess, 1.0))), most)
    s0 = np.exp(mean + digamma(d0 / 2) - np.log(d0 / 2))
    return Prior(np.where(common, s0, 0.0), np.where(common, d0, 0.0))


def moderated(variances: ArrayLike, df: ArrayLike, common: Prior) -> tuple[Floats, Floats]:
    """(..., k) variances and (..., k) degrees of freedom -> the same, drawn towards what is common."""
    s2, d = np.asarray(variances, dtype=np.float64), np.asarray(df, dtype=np.float64)
    s0, d0 = np.asarray(common.variance)[..., None], np.asarray(common.df)[..., None]
    return (d0 * s0 + d * s2) / (d0 + d), d0 + d


def spreads(variances: ArrayLike, df: ArrayLike, least: ArrayLike) -> tuple[Floats, Floats]:
    """(..., k) variances over seeds (NaN: fewer than two), their degrees of freedom, and below what none is believed
    -> the variances that verdicts use, and their degrees of freedom.

    Drawn towards what is usual on the board, and never below `FLOOR` of the board's mean.
    """
    s2 = np.fmax(np.asarray(variances, dtype=np.float64), np.where(np.isnan(variances), np.nan, least))
    drawn, d = moderated(s2, df, prior(s2, df, BOARD_PRIOR))
    known = np.isfinite(s2)
    mean = np.where(known, s2, 0.0).sum(axis=-1, keepdims=True) / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    return np.where(known, np.maximum(drawn, FLOOR * mean), np.nan), d


def _inverse_trigamma(value: Floats) -> Floats:
    """The x with trigamma(x) = `value`, by Newton's method as in Smyth's appendix."""
    x = 0.5 + 1 / np.maximum(value, 1e-9)
    for _ in range(20):
        there = polygamma(1, x)
        x = np.maximum(x + there * (1 - there / value) / polygamma(2, x), 1e-9)
    return np.asarray(x)
