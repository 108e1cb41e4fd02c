"""A share of answers that raters gave to pictures: an interval that knows of both.

Two answers of one rater are alike, and so are two answers to one picture. The variance of a mean whose terms are
clustered both ways is that over raters, plus that over pictures, minus that over their crossings: Cameron, Gelbach and
Miller, "Robust Inference with Multiway Clustering", Journal of Business & Economic Statistics 29, 2011.
`tests/rating/test_simulated.py` measures how often the intervals hold the truth.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.statistics.intervals import LEVEL, Floats, Interval, t_quantile

Clusters = Sequence[NDArray[Any]]  # (n,) each: to which rater, to which picture an answer belongs


def clustered_variance(terms: Floats, clusters: Clusters) -> float:
    """The variance of the sum of (n,) terms, whose mean is 0, with one or two ways of clustering.

    Never below that of either way alone: the estimate itself can be, even below 0.
    """
    ways = [_variance_one_way(terms, cluster) for cluster in clusters]
    if len(clusters) == 1:
        return ways[0]
    return max(*ways, sum(ways) - _variance_one_way(terms, np.arange(len(terms))))


def clustered_share(true: Sequence[bool] | NDArray[Any], weights: Floats, clusters: Clusters) -> Interval:
    """The weighted share of answers that are true, in [0, 1], with 95 % limits; NaN where one cluster is all there is.

    `weights` (n,) are scaled to a sum of 1. The limits are Wilson's, with the number of independent answers that
    explains the clustered variance in the place of n, and Student's t, with the smaller number of clusters, in the
    place of the normal quantile. Agresti and Coull's two answers more each way give none at all a variance too.
    """
    answers = np.asarray(true, dtype=np.float64)
    n = len(answers)
    weights = weights / weights.sum()
    share = min(1.0, float(weights @ answers))
    least = min(len(np.unique(cluster)) for cluster in clusters)
    if least < 2:
        return Interval(share, math.nan, math.nan)
    independent = 1 / float((weights**2).sum())
    shrunk = (share * independent + 2) / (independent + 4)
    spread = shrunk * (1 - shrunk)
    variance = max(clustered_variance(weights * (answers - _group_means(answers, weights)), clusters), spread / n)
    return _wilson(share, spread / variance, t_quantile(LEVEL, least - 1))


def _group_means(answers: Floats, weights: Floats) -> Floats:
    """(n,) the mean of the answers that weigh alike: fakes and reals are two groups with a weight each."""
    means = np.empty_like(answers)
    for weight in np.unique(weights):
        means[weights == weight] = answers[weights == weight].mean()
    return means


def _wilson(share: float, n: float, quantile: float) -> Interval:
    grown = quantile**2 / n
    centre = (share + grown / 2) / (1 + grown)
    reach = quantile / (1 + grown) * math.sqrt(share * (1 - share) / n + grown / (4 * n))
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach))


def _variance_one_way(terms: Floats, cluster: NDArray[Any]) -> float:
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, terms)
    return float((sums**2).sum() * len(sums) / max(len(sums) - 1, 1))
