"""Intervals over training seeds, tests of differences, and how many seeds a gap needs. numpy and scipy.

A score is a sample from the distribution over training seeds, and a board has few of them: two to ten. The percentile
bootstrap of so few values is far too narrow: three seeds have ten distinct resamples, and their nominal 95 % covers
about 75 %. So a mean over seeds carries Student's interval, and a difference of two means carries Welch's.

    intervals.py     means over seeds and of datasets, the difference of two samples, the probability of improvement
    significance.py  tests of two samples, and Holm's correction for a table of them
    moderated.py     variances that few seeds estimate, drawn towards what is usual among many rows
    changepoint.py   where a sequence of samples steps
    planning.py      power, and the seeds that a gap needs
    verdicts.py      which of several labels are better: the one rule; with cells.py, scale.py, permutation.py, tiers.py
    looks.py         levels of tests that are repeated while seeds are added
    best_of.py       the expected best of so many trials

Two samples are (n,) values `a` and (m,) values `b`, each of its own seeds; their difference is b - a.
"""

from ganbench.statistics.intervals import (
    Interval,
    difference_interval,
    mean_interval,
    probability_of_improvement,
    stratified_interval,
    t_quantile,
)
from ganbench.statistics.planning import power, seeds_needed
from ganbench.statistics.significance import equivalence_test, holm, t_tail, welch_test
from ganbench.statistics.verdicts import Verdicts, decide

__all__ = [
    "Interval",
    "Verdicts",
    "decide",
    "difference_interval",
    "equivalence_test",
    "holm",
    "mean_interval",
    "power",
    "probability_of_improvement",
    "seeds_needed",
    "stratified_interval",
    "t_quantile",
    "t_tail",
    "welch_test",
]
