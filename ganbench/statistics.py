"""Intervals over training seeds, and ranks that respect them. numpy only.

A score is a sample from the distribution over training seeds, and a board has few of them: two to ten. The percentile
bootstrap of so few values is far too narrow (three seeds can give ten distinct resamples, and its nominal 95 % covers
about 75 %), so a mean over seeds carries Student's interval. The bootstrap is for many values.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Statistic = Callable[..., NDArray[np.float64]]  # called as statistic(values, axis=-1), as np.mean and np.median are


class Interval(NamedTuple):
    """An estimate and its confidence limits; the limits are NaN where there is nothing to base them on."""

    mean: float
    low: float
    high: float


def t_probability(t: float, df: int) -> float:
    """P(|T| <= t) for Student's t with `df` whole degrees of freedom.

    The finite sums of Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 (odd) and 26.7.4
    (even), with theta = arctan(t / sqrt(df)): exact, and free of special functions.
    """
    theta = math.atan2(t, math.sqrt(df))
    sine, cosine = math.sin(theta), math.cos(theta)
    term = cosine if df % 2 else 1.0
    total = 0.0
    for k in range(2 + df % 2, df + 1, 2):  # term: (2.4...)/(3.5...) cos^(k-2), or (1.3...)/(2.4...) cos^(k-2)
        total += term
        term *= (k - 1) / k * cosine**2
    return 2 / math.pi * (theta + sine * total) if df % 2 else sine * total


@lru_cache(maxsize=1024)
def t_quantile(level: float, df: int) -> float:
    """The t with P(|T| <= t) = `level`: 12.706 for 0.95 and one degree of freedom.

    Bisection on the angle, which is bounded where t is not.
    """
    if not 0 < level < 1 or df < 1:
        raise ValueError(f"Found level {level} and {df} degrees of freedom, but need 0 < level < 1 and at least 1.")
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # pi/2 halved 60 times is below the spacing of doubles
        middle = (low + high) / 2
        below = t_probability(math.sqrt(df) * math.tan(middle), df) < level
        low, high = (middle, high) if below else (low, middle)
    return math.sqrt(df) * math.tan((low + high) / 2)


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """(n,) values, one per seed -> their mean and Student's interval, mean +- t_{n-1} s / sqrt(n).

    Student, "The Probable Error of a Mean", 1908. Exact for normal values, for any n >= 2. One value has no interval:
    its limits are NaN, as they are when a value is infinite or NaN. No value at all: everything is NaN.
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    if len(x) == 0:
        return Interval(math.nan, math.nan, math.nan)
    if len(x) == 1 or not np.isfinite(x).all():
        return Interval(float(np.mean(x)), math.nan, math.nan)
    mean = float(np.mean(x))
    reach = t_quantile(level, len(x) - 1) * float(np.std(x, ddof=1)) / math.sqrt(len(x))
    return Interval(mean, mean - reach, mean + reach)


def bootstrap_interval(
    values: ArrayLike,
    level: float = 0.95,
    statistic: Statistic = np.mean,
    resamples: int = 10_000,
    seed: int = 0,  # the same seed gives the same limits
) -> Interval:
    """(n,) values -> `statistic` of them and its percentile bootstrap interval; for n of about 20 and more.

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    if len(x) == 0:
        return Interval(math.nan, math.nan, math.nan)
    estimate = float(statistic(x, axis=-1))
    if len(x) == 1 or not np.isfinite(x).all():
        return Interval(estimate, math.nan, math.nan)
    rng = np.random.default_rng(seed)
    chunk = max(1, 4_000_000 // len(x))  # at most 32 MB of resampled values at a time
    counts = [min(chunk, resamples - start) for start in range(0, resamples, chunk)]
    drawn = np.concatenate([statistic(x[rng.integers(len(x), size=(n, len(x)))], axis=-1) for n in counts])
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high))


def ranks(low: ArrayLike, high: ArrayLike, lower_is_better: bool) -> NDArray[np.int64]:
    """(n,) and (n,) limits -> (n,) ranks from 1: one more than the number of rows that are surely better.

    Surely better: its whole interval lies on the better side. Rows with equal rank are tied; a row without an interval
    is never surely better or worse. Non-overlap is stricter than a test of the difference (two 95 % intervals that
    just touch differ at about p = 0.006), so this calls too few rows different rather than too many.
    """
    a, b = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    better = b[None, :] < a[:, None] if lower_is_better else a[None, :] > b[:, None]  # (i, j): j surely beats i
    return np.asarray(1 + better.sum(axis=1), dtype=np.int64)
