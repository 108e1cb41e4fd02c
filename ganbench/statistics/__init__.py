"""Intervals over training seeds, tests of differences, how many seeds a gap needs, and ranks. numpy only.

A score is a sample from the distribution over training seeds, and a board has few of them: two to ten. The percentile
bootstrap of so few values is far too narrow (three seeds can give ten distinct resamples, and its nominal 95 % covers
about 75 %), so a mean over seeds carries Student's interval, and a difference of two means Welch's. The bootstrap is
for many values.

    student.py       the t distribution
    intervals.py     averages over seeds, of one sample and of the difference of two
    significance.py  tests of two samples, and Holm's correction for a table of them
    moderated.py     variances that few seeds estimate, drawn towards what is usual among many rows
    planning.py      power, detectable gaps, seeds needed
    ranking.py       ranks with ties, their intervals, critical differences over datasets

Two samples are (n,) values `a` and (m,) values `b`, each of its own seeds; their difference is b - a.
"""

from ganbench.statistics.intervals import (
    Interval,
    Statistic,
    bootstrap_interval,
    difference_interval,
    iqm,
    mean_interval,
    probability_of_improvement,
    stratified_interval,
)
from ganbench.statistics.planning import MOST_SEEDS, detectable_gap, power, seeds_needed
from ganbench.statistics.ranking import (
    CriticalDifference,
    average_ranks,
    critical_difference,
    friedman_test,
    rank_intervals,
    ranks,
)
from ganbench.statistics.significance import (
    equivalence_test,
    holm,
    mann_whitney_test,
    permutation_test,
    welch_test,
)
from ganbench.statistics.student import t_quantile, t_tail

__all__ = [
    "MOST_SEEDS",
    "CriticalDifference",
    "Interval",
    "Statistic",
    "average_ranks",
    "bootstrap_interval",
    "critical_difference",
    "detectable_gap",
    "difference_interval",
    "equivalence_test",
    "friedman_test",
    "holm",
    "iqm",
    "mann_whitney_test",
    "mean_interval",
    "permutation_test",
    "power",
    "probability_of_improvement",
    "rank_intervals",
    "ranks",
    "seeds_needed",
    "stratified_interval",
    "t_quantile",
    "t_tail",
    "welch_test",
]
