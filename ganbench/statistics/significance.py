"""Tests of differences: how probable is so large a difference if there is none? And Holm's correction for many."""

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from ganbench.statistics.intervals import Floats, floats


def t_tail(t: float, df: float) -> float:
    """P(|T| > |t|) for Student's T with `df` degrees of freedom, which may be a fraction."""
    return 2 * float(stdtr(df, -abs(t)))


def fisher_test(failed_a: int, n: int, failed_b: int, m: int) -> float:
    """Of n and m runs so many failed -> two-sided p-value of both failing alike often.

    Fisher's exact test: all tables with these margins that are no more probable than this one.
    """
    failed = failed_a + failed_b
    ways = [math.comb(n, i) * math.comb(m, failed - i) for i in range(max(0, failed - m), min(n, failed) + 1)]
    own = math.comb(n, failed_a) * math.comb(m, failed_b)
    return sum(way for way in ways if way <= own) / math.comb(n + m, failed)


@cache
def shaffer_counts(k: int) -> Floats:
    """How many of all pairs of k means may be equal when 0, 1, 2, ... are known to differ: (k (k - 1) / 2,).

    If one pair of ten differs, at most 36 of the 44 others can be equal: Shaffer, "Modified Sequentially Rejective
    Multiple Test Procedures", Journal of the American Statistical Association 81, 1986, section 3.
    """
    equal: list[set[int]] = [{0}]  # how many pairs can be equal among so many means, whichever groups they form
    for n in range(1, k + 1):
        equal.append({size * (size - 1) // 2 + rest for size in range(1, n + 1) for rest in equal[n - size]})
    pairs, possible = k * (k - 1) // 2, np.array(sorted(equal[k]))
    left = pairs - np.arange(pairs)
    return np.asarray(np.maximum(possible[np.searchsorted(possible, left, side="right") - 1], 1), dtype=np.float64)


def shaffer(p: ArrayLike, k: int) -> Floats:
    """(..., k (k - 1) / 2) p-values of all pairs of k means -> adjusted p-values, as `holm` makes them.

    Holm's steps, each with as many hypotheses as can still be true at once.
    """
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw, axis=-1, kind="stable")
    steps = np.take_along_axis(raw, order, axis=-1) * shaffer_counts(k)
    adjusted = np.empty_like(raw)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0), axis=-1)
    return adjusted


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
