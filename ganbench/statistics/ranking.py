"""Ranks that respect their intervals on one dataset, and critical differences of mean ranks over many."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from ganbench.statistics.intervals import Floats


class CriticalDifference(NamedTuple):
    """Mean ranks over datasets, and how far apart two must be."""

    mean_ranks: Floats  # (k,), from 1, the best
    distance: float  # two variants differ if their mean ranks are at least this far apart
    p: float  # of all variants being alike


def ranks(low: ArrayLike, high: ArrayLike, lower_is_better: bool) -> NDArray[np.int64]:
    """(n,) and (n,) limits -> (n,) ranks from 1: one more than the number of rows that are surely better.

    Surely better: its whole interval lies on the better side. Rows with equal rank are tied; a row without an interval
    is never surely better or worse. Non-overlap is stricter than a test of the difference (two 95 % intervals that
    just touch differ at about p = 0.006), so this calls too few rows different rather than too many.
    """
    a, b = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    better = b[None, :] < a[:, None] if lower_is_better else a[None, :] > b[:, None]  # (i, j): j surely beats i
    return np.asarray(1 + better.sum(axis=1), dtype=np.int64)


def critical_difference(scores: ArrayLike, lower_is_better: bool, level: float = 0.95) -> CriticalDifference:
    """(N, k) scores of k variants on N datasets -> mean ranks, Nemenyi's critical difference, and Friedman's test.

    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006, section 3.2: the distance is
    q sqrt(k (k + 1) / (6 N)), where q is the quantile of the range of k normal values over sqrt(2), and p is of
    Friedman's statistic in the form of Iman and Davenport. At a level of 0.95 the chance of any false difference is 5 %
    or less also on few datasets (measured: none on two, where nothing can differ, 1 to 3 % on three, 3 to 5 % on five
    and more); p is too small on fewer than five (of three variants on three datasets below 0.05 in 20 % of cases).

    Nemenyi's verdict on two variants depends on the others in the table, for which Benavoli et al., "Should We Really
    Use Post-Hoc Tests Based on Mean-Ranks?", JMLR 17, 2016, prefer Wilcoxon's test of each pair with Holm's correction.
    But that can find nothing among ten variants on fewer than 11 datasets (45 pairs, p at least 2 / 2^N), and a board
    has a handful. Raises ValueError for fewer than two variants or datasets, or a NaN.
    """
    from scipy.stats import rankdata, studentized_range  # takes a second to import

    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2:
        raise ValueError(f"Found scores of shape {x.shape}, but need (datasets, variants), at least two of each.")
    if np.isnan(x).any():
        raise ValueError("Found a NaN, but only numbers can be ranked. Leave it out, or say where it belongs.")
    n, k = x.shape
    ranked = rankdata(x if lower_is_better else -x, axis=1)
    q = float(studentized_range.ppf(level, k, np.inf)) / math.sqrt(2)
    return CriticalDifference(ranked.mean(axis=0), q * math.sqrt(k * (k + 1) / (6 * n)), friedman_test(ranked))


def friedman_test(ranked: Floats) -> float:
    """(N, k) ranks within N datasets -> p-value of k variants being alike.

    Friedman, 1937, in the form of Iman and Davenport, "Approximations of the Critical Region of the Friedman
    Statistic", 1980: a two-way analysis of variance of the ranks, whose F has k - 1 and (k - 1)(N - 1) degrees of
    freedom. 1 if all ranks are equal, 0 if all datasets agree.
    """
    n, k = ranked.shape
    between = n * float(((ranked.mean(axis=0) - (k + 1) / 2) ** 2).sum())
    within = float(((ranked - (k + 1) / 2) ** 2).sum()) - between
    if between == 0:
        return 1.0
    # P(F > f) = I_{d2 / (d2 + d1 f)}(d2 / 2, d1 / 2), and d1 f / d2 = between / within
    return float(betainc((k - 1) * (n - 1) / 2, (k - 1) / 2, max(within, 0.0) / (within + between)))
