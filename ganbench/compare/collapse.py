"""What a comparison of means does not show: a collapse, and single seeds that fell out of the usual.

Both hold the new seeds against the scatter of the baseline's alone. Where a few of the new ones have collapsed, they
scatter so much among themselves that no test of means finds anything.

*Collapse*: the mean is worse by more than COLLAPSE standard deviations of the baseline, however the new seeds scatter.
Two or three seeds may lie so close that ten of their deviations are nothing. There it takes as many more as a t of the
baseline's few degrees of freedom reaches with the probability `chance`.

*The worst seed*: how probable is a seed so far from the baseline's mean, if nothing changed? The p-value is that of a t
of one new value, times the number of new seeds, of which it is the worst.

A few seeds may happen to lie close. So the baseline's variance is drawn towards what is usual among the variants
(`ganbench.statistics.moderated`), and never less than half their mean variance, the metric's own noise, or the rounding
error of whole numbers. A variant that scatters more than is usual gains no degrees of freedom from the others.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganbench.compare.contrast import Samples, absolute, relative, scaled, squares
from ganbench.statistics import t_quantile, t_tail
from ganbench.statistics.moderated import moderated, prior

COLLAPSE = 10.0  # standard deviations
ROUNDING = 1 / math.sqrt(12)  # standard deviation of what rounding to a whole number leaves


class Fall(NamedTuple):
    """How far the new seeds of one row lie from the baseline's, on the scale of the test."""

    mean: float  # of the new seeds minus that of the baseline's
    low: float  # the lowest new seed, likewise
    high: float
    seeds: tuple[int, int]  # in the baseline and now
    deviation: float  # standard deviation of the baseline
    df: float  # degrees of freedom of that
    predicted: float  # standard error of one new seed minus the baseline's mean
    start: float
    logarithmic: bool

    def collapsed(self, sign: float, chance: float) -> bool:
        """`sign` is that of a change for the worse."""
        before, after = self.seeds
        surprising = t_quantile(1 - 2 * chance, self.df) * math.sqrt(1 / before + 1 / after)
        return sign * self.mean > max(COLLAPSE, surprising) * self.deviation

    def worst(self, sign: float) -> float:
        return self.high if sign > 0 else self.low

    def p(self, sign: float) -> float:
        """Of so bad a worst seed; 1 where no scale measures it."""
        if sign * self.worst(sign) <= 0 or not self.predicted:
            return 1.0
        return min(1.0, self.seeds[1] * t_tail(self.worst(sign) / self.predicted, self.df) / 2)

    def change(self, sign: float) -> tuple[float, float]:
        """The worst seed's change, as a share of the baseline's mean and in the metric's unit."""
        worst = self.worst(sign)
        return relative(worst, self.start, self.logarithmic), absolute(worst, self.start, self.logarithmic)


def falls(variants: Sequence[Samples]) -> list[Fall]:
    """How far the new seeds of one metric of several variants on one dataset lie from each variant's baseline."""
    if not variants:
        return []
    sides = scaled(variants)
    df = np.array([len(s.before) - 1 for s in sides], dtype=float)
    own = np.array([squares(s.before) for s in sides]) / df
    drawn, drawn_df = moderated(own, df, prior(own, df))
    drawn_df = np.where(own > drawn, df, drawn_df)
    least = [max(s.noise, _rounding(samples, s.logarithmic)) ** 2 for s, samples in zip(sides, variants, strict=True)]
    variances = np.maximum.reduce([own, drawn, np.full_like(own, own.mean() / 2), least])
    return [
        Fall(
            mean=float(s.after.mean() - s.before.mean()),
            low=float(s.after.min() - s.before.mean()),
            high=float(s.after.max() - s.before.mean()),
            seeds=(len(s.before), len(s.after)),
            deviation=math.sqrt(variance),
            df=float(d),
            predicted=math.sqrt(variance * (1 + 1 / len(s.before))),
            start=s.start,
            logarithmic=s.logarithmic,
        )
        for s, variance, d in zip(sides, variances, drawn_df, strict=True)
    ]


def _rounding(samples: Samples, logarithmic: bool) -> float:
    """Of counts, on the scale of the test; other values are as good as exact."""
    values = np.concatenate([samples.before, samples.after])
    if values.max() <= 1 or not (values == np.round(values)).all():
        return 0.0
    return ROUNDING / float(values.mean()) if logarithmic else ROUNDING
