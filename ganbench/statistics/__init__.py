"""Intervals over training seeds, tests of differences, and how many seeds a gap needs. numpy and scipy.

A score is a sample from the distribution over training seeds, and a board has few of them: two to ten. The percentile
bootstrap of so few values is far too narrow: three seeds have ten distinct resamples, and their nominal 95 % covers
about 75 %. So a mean over seeds carries Student's interval.

    intervals.py     means over seeds and of datasets, the probability of improvement
    significance.py  tails of t, Fisher's test, and Holm's and Shaffer's corrections
    moderated.py     variances that few seeds estimate, drawn towards what is usual among many rows
    changepoint.py   where a sequence of samples steps
    planning.py      the seeds that a gap needs
    verdicts.py      which of several labels are better: the one rule; with cells.py, scale.py, permutation.py, tiers.py
    looks.py         levels of tests that are repeated while seeds are added
    best_of.py       the expected best of so many trials

Two samples are (n,) values `a` and (m,) values `b`, each of its own seeds; their difference is b - a.
"""

from ganbench.statistics.intervals import (
    Interval,
    mean_interval,
    probability_of_improvement,
    stratified_interval,
    t_quantile,
)
from ganbench.statistics.significance import holm, t_tail
from ganbench.statistics.verdicts import Verdicts, decide

__all__ = [
    "Interval",
    "Verdicts",
    "decide",
    "holm",
    "mean_interval",
    "probability_of_improvement",
    "stratified_interval",
    "t_quantile",
    "t_tail",
]
