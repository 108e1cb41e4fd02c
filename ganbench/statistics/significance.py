"""Tests of differences: how probable is so large a difference if there is none? And Holm's correction for many."""

import math
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from ganbench.statistics.intervals import Floats, chunks, floats, welch_difference

ALL_SPLITS = 200_000  # so many ways to split two samples are all tried; 10 and 10 values have 184,756


def t_tail(t: float, df: float) -> float:
    """P(|T| > |t|) for Student's T with `df` degrees of freedom, which may be a fraction."""
    return 2 * float(stdtr(df, -abs(t)))


def welch_test(a: ArrayLike, b: ArrayLike) -> float:
    """(n,) and (m,) values -> two-sided p-value of mean(b) = mean(a).

    Welch's test, see `difference_interval`. Where neither side varies, no scale measures a difference, and the p-value
    is that of the permutation test: three runs with 8 modes against three with 7 have p = 0.1. NaN if a side has fewer
    than two values, or one that is not finite.
    """
    x, y = floats(a), floats(b)
    difference = welch_difference(x, y)
    if difference is None:
        return math.nan
    if not difference.error:
        return permutation_test(x, y)
    return t_tail(difference.mean / difference.error, difference.df)


def equivalence_test(a: ArrayLike, b: ArrayLike, margin: float) -> float:
    """(n,) and (m,) values -> p-value of |mean(b) - mean(a)| >= `margin`; a small one says that they are the same.

    Two one-sided Welch tests: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability", 1987. Two sides that do not vary are surely within the margin
    or not. NaN if a side has fewer than two values, or one that is not finite.
    """
    difference = welch_difference(floats(a), floats(b))
    if difference is None:
        return math.nan
    room = margin - abs(difference.mean)  # to the nearer limit, whose test is the weaker one
    if not difference.error:
        return 0.0 if room > 0 else 1.0
    tail = t_tail(abs(room) / difference.error, difference.df) / 2
    return tail if room > 0 else 1 - tail


def permutation_test(a: ArrayLike, b: ArrayLike, resamples: int = 100_000, seed: int = 0) -> float:
    """(n,) and (m,) values -> two-sided p-value: how often a random split has means as far apart as these.

    Fisher, "The Design of Experiments", 1935, section 21, and Pitman, "Significance Tests Which May be Applied to
    Samples From any Populations", 1937. Exact, over all splits, up to `ALL_SPLITS` of them; above, `resamples` random
    ones and this one: Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010. Three seeds a side cannot
    get below p = 0.1, four not below 0.029. NaN if a side is empty or has a value that is not finite.
    """
    x, y = floats(a), floats(b)
    pooled = np.concatenate([x, y])
    if len(x) == 0 or len(y) == 0 or not np.isfinite(pooled).all():
        return math.nan
    pooled = pooled - pooled.mean()  # then a sum far from zero is a mean far from the other
    reached = abs(pooled[: len(x)].sum()) - 1e-9 * np.abs(pooled).max()  # rounding makes no difference
    if math.comb(len(pooled), len(x)) <= ALL_SPLITS:
        splits = np.fromiter(combinations(range(len(pooled)), len(x)), dtype=(np.intp, len(x)))
        return float(np.mean(np.abs(pooled[splits].sum(axis=1)) >= reached))
    rng = np.random.default_rng(seed)
    sums = (
        rng.permuted(pooled[None].repeat(n, axis=0), axis=1)[:, : len(x)].sum(axis=1)
        for n in chunks(resamples, len(pooled))
    )
    return (1 + sum(int(np.sum(np.abs(some) >= reached)) for some in sums)) / (1 + resamples)


def holm(p: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """(k,) p-values of one table and (k,) positive weights, 1 by default -> (k,) adjusted p-values.

    Reject where they are at most alpha: then the chance of any false rejection among the k is at most alpha, however
    they depend on one another. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979,
    https://www.jstor.org/stable/4615733, with weights as in its section 5: in the order of p / weight, each is that
    times the weight of all that are not yet rejected, and never less than the one before. NaN stays NaN and is not
    counted.
    """
    raw = floats(p)
    w = np.ones_like(raw) if weights is None else floats(weights)
    order = np.argsort(raw / w, kind="stable")[: int(np.sum(~np.isnan(raw)))]  # NaN is sorted last
    left = np.cumsum(w[order][::-1])[::-1]
    adjusted = np.full_like(raw, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(raw[order] / w[order] * left), 1.0)
    return adjusted
