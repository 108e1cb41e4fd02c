"""Means over seeds and their intervals.

How often a nominal 95 % interval holds the true value, for 3, 5 and 10 seeds, whose scores are normal or lognormal
(sigma 1, so a skewness of 6.2); measured by `tests/bench/test_statistics.py`:

                                                     normal             lognormal
    mean_interval                                 .95  .95  .95      .84  .83  .85
    stratified_interval, 3 datasets               .90  .93  .94      .80  .84  .88
      10 datasets                                 .93  .94  .95      .87  .90  .93
    probability_of_improvement of 0.5             .90  .95  .95      the same: only
      of 0.76                                     .94  .95  .95      ranks count
      of 0.92                                     .97  .95  .96

A mean of so few, very skewed scores is in doubt; whether two samples are of one kind is not. Three seeds a side cannot
show with 95 % confidence that b is better than a, whatever they are: by chance all three are the better ones in one of
ten cases.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
LEVEL = 0.95  # of all intervals, each by itself


class Interval(NamedTuple):
    """An estimate and its confidence limits; the limits are NaN where there is nothing to base them on."""

    mean: float
    low: float
    high: float


def floats(values: ArrayLike) -> Floats:
    """Any values as (n,) float64."""
    return np.asarray(values, dtype=np.float64).ravel()


def t_quantile(level: float, df: float) -> float:
    """The t with P(|T| <= t) = `level` for Student's T with `df` degrees of freedom: 12.706 for 0.95 and 1.

    `df` may be a fraction. Raises ValueError unless 0 < level < 1 and df >= 1.
    """
    if not 0 < level < 1 or not df >= 1:
        raise ValueError(f"Found level {level} and {df} degrees of freedom, but need 0 < level < 1 and at least 1.")
    return -float(stdtrit(df, (1 - level) / 2))


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """(n,) values, one per seed -> their mean and Student's interval, mean +- t_{n-1} s / sqrt(n).

    Student, "The Probable Error of a Mean", 1908. Exact for normal values, for any n >= 2. One value has no interval:
    its limits are NaN, as they are when a value is infinite or NaN. No value at all: everything is NaN.
    """
    x = floats(values)
    if len(x) == 0:
        return Interval(math.nan, math.nan, math.nan)
    if len(x) == 1 or not np.isfinite(x).all():
        return Interval(float(np.mean(x)), math.nan, math.nan)
    mean = float(np.mean(x))
    reach = t_quantile(level, len(x) - 1) * float(np.std(x, ddof=1)) / math.sqrt(len(x))
    return Interval(mean, mean - reach, mean + reach)


def stratified_interval(
    strata: Sequence[ArrayLike],
    level: float = LEVEL,
    resamples: int = 10_000,
    seed: int = 0,  # the same seed gives the same limits
) -> Interval:
    """Strata of (n_i,) values -> the mean of all together and its percentile interval, resampled within strata.

    Strata are datasets, and values are their seeds' scores, brought to one scale: Agarwal et al., "Deep Reinforcement
    Learning at the Edge of the Statistical Precipice", 2021, https://arxiv.org/abs/2108.13264, section 4.2. Each draw
    takes n_i - 1 values of a stratum, where their library rliable takes n_i: then the variance of the drawn means is
    right, and not a share of 1 / n_i too small. McCarthy and Snowden, "The Bootstrap and Finite Population Sampling",
    1985. The limits are NaN if no stratum has two values, or if a value is not finite.
    """
    samples = [floats(values) for values in strata]
    pooled = np.concatenate([np.empty(0), *samples])
    if len(pooled) == 0:
        return Interval(math.nan, math.nan, math.nan)
    estimate = float(pooled.mean())
    if max(map(len, samples)) < 2 or not np.isfinite(pooled).all():
        return Interval(estimate, math.nan, math.nan)
    means = [np.concatenate(drawn, axis=1).mean(axis=-1) for drawn in _resampled(samples, resamples, seed)]
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high))


def _resampled(samples: Sequence[Floats], resamples: int, seed: int) -> Iterator[list[Floats]]:
    """Samples of (n_i,) values -> chunks of (rows, n_i - 1) values drawn from each with replacement.

    There are `resamples` rows in all. A sample gives at least one value, unless it is empty.
    """
    rng = np.random.default_rng(seed)
    kept = [x for x in samples if len(x)]
    for n in chunks(resamples, sum(map(len, kept))):
        yield [x[rng.integers(len(x), size=(n, max(1, len(x) - 1)))] for x in kept]


def chunks(rows: int, width: int) -> Iterator[int]:
    """`rows` in parts of at most 32 MB of float64, if a row has so many."""
    most = max(1, 4_000_000 // max(1, width))
    yield from (min(most, rows - start) for start in range(0, rows, most))


def probability_of_improvement(a: ArrayLike, b: ArrayLike, lower_is_better: bool, level: float = LEVEL) -> Interval:
    """(n,) and (m,) values -> P(a new value of b is better than a new one of a), ties counting half, and its interval.

    U / (n m) of Mann and Whitney, the probability of improvement of Agarwal et al. (see `stratified_interval`),
    section 4.3. The interval is method 5 of Newcombe, "Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic. Part 2", Statistics in Medicine 25, 2006: all theta within z sqrt(V(theta)) of the estimate,
    V(theta) = theta (1 - theta) (1 + k (1 - theta) / (2 - theta) + k theta / (1 + theta)) / (n m), k = (n + m) / 2 - 1.
    Unlike the bootstrap's it has a width where b is better in every pair. Values may be infinite: a run that failed is
    worse than any that ended. NaN if a side is empty or has a NaN; no limits if a side has one value.
    """
    x, y = floats(a), floats(b)
    if not (len(x) and len(y)) or np.isnan(x).any() or np.isnan(y).any():
        return Interval(math.nan, math.nan, math.nan)
    wins = float(np.mean((y[:, None] > x) + 0.5 * (y[:, None] == x)))
    share = 1 - wins if lower_is_better else wins
    if min(len(x), len(y)) < 2:
        return Interval(share, math.nan, math.nan)
    z, pairs, k = NormalDist().inv_cdf((1 + level) / 2), len(x) * len(y), (len(x) + len(y)) / 2 - 1

    def limit(end: float) -> float:
        near, far = share, end
        for _ in range(50):
            theta = (near + far) / 2
            variance = theta * (1 - theta) * (1 + k * (1 - theta) / (2 - theta) + k * theta / (1 + theta)) / pairs
            near, far = (near, theta) if abs(theta - share) > z * math.sqrt(variance) else (theta, far)
        return (near + far) / 2

    return Interval(share, limit(0.0), limit(1.0))
