"""Two samples of scores -> the difference of their means and its standard error: what the gate tests.

The test is a two-sample t of the logarithms, or of the values where some of a metric are not positive. Its variance is
that of the row's own seeds. A few seeds may happen to lie close, so it is never less than what the other variants lead
to expect (`ganbench.statistics.moderated`), nor than the metric's own noise over redrawn samples. It is drawn upwards
only: a variant whose seeds scatter more than the others' would raise false alarms otherwise. Nor does such a variant
gain their degrees of freedom.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganbench.statistics import t_quantile, t_tail
from ganbench.statistics.intervals import LEVEL, Floats
from ganbench.statistics.moderated import moderated, prior

POWER = 0.8  # with which a change is called detectable


class Samples(NamedTuple):
    """Two or more values each, once and now."""

    before: Floats
    after: Floats
    noise: float  # standard error of a single value over redrawn samples
    floor: float = 0.0  # in the metric's unit; what is below it might as well be it


class Scaled(NamedTuple):
    """The same on the scale of the test, which all variants of a metric share."""

    before: Floats
    after: Floats
    noise: float
    start: float  # the mean before, in the metric's unit
    logarithmic: bool


def scaled(variants: Sequence[Samples]) -> list[Scaled]:
    """Logarithms where all values are positive. What is below the floor is lifted to it, or nothing would scatter more
    than the logarithms of nearly nothing."""
    logarithmic = all(float(side.min()) > 0 for s in variants for side in (s.before, s.after))
    return [_scaled(samples, logarithmic) for samples in variants]


def _scaled(samples: Samples, logarithmic: bool) -> Scaled:
    before, after, noise, floor = samples
    start = float(before.mean())
    if not logarithmic:
        return Scaled(before, after, noise, start, logarithmic)
    mean = float(np.concatenate([before, after]).mean())
    once, now = (np.log(np.maximum(side, floor)) for side in (before, after))
    return Scaled(once, now, noise / max(mean, floor), start, logarithmic)


def relative(difference: float, start: float, logarithmic: bool) -> float:
    """A difference on the scale of the test as a share of what was before."""
    if logarithmic:
        return math.expm1(min(difference, 700.0))
    if start:
        return difference / abs(start)
    return math.copysign(math.inf, difference) if difference else 0.0


def absolute(difference: float, start: float, logarithmic: bool) -> float:
    """A difference on the scale of the test in the metric's unit."""
    return start * math.expm1(min(difference, 700.0)) if logarithmic else difference


class Contrast(NamedTuple):
    """The difference of two means on the scale of the test, its standard error, and the degrees of freedom of that."""

    difference: float
    error: float
    df: float
    start: float  # the mean before, in the metric's unit
    logarithmic: bool
    splits: float  # in how many ways the seeds can be dealt to the two sides

    def change(self) -> tuple[float, float, float]:
        """Return the change as a share of what was before, and the limits of its interval."""
        change, low, high = (relative(step, self.start, self.logarithmic) for step in self._interval())
        return change, low, high

    def shift(self) -> tuple[float, float, float]:
        """Return the change in the metric's unit, and the limits of its interval."""
        shift, low, high = (absolute(step, self.start, self.logarithmic) for step in self._interval())
        return shift, low, high

    def _interval(self) -> tuple[float, float, float]:
        reach = t_quantile(LEVEL, self.df) * self.error
        return self.difference, self.difference - reach, self.difference + reach

    def p(self, sign: float) -> float:
        """One-sided p-value: how probable is so large a difference of this sign, if there is none?

        Where nothing varies, neither here nor in the other variants, no scale measures a difference. There the p-value
        is that of the permutation test.
        """
        up = sign * self.difference
        if not self.error:
            return 1 / self.splits if up > 0 else 1.0
        tail = t_tail(self.difference / self.error, self.df) / 2
        return tail if up > 0 else 1 - tail

    def detectable(self, sign: float, error: float) -> float:
        """The change of this sign that is found with probability POWER, if p must be at most `error`."""
        reach = t_quantile(1 - 2 * error, self.df) + t_quantile(2 * POWER - 1, self.df)
        return relative(sign * reach * self.error, self.start, self.logarithmic)


def contrasts(variants: Sequence[Samples]) -> list[Contrast]:
    """Contrast one metric of several variants on one dataset, each with its own before."""
    if not variants:
        return []
    sides = scaled(variants)
    df = np.array([len(s.before) + len(s.after) - 2 for s in sides], dtype=float)
    spread = np.array([squares(s.before) + squares(s.after) for s in sides])
    noise = np.array([s.noise for s in sides])
    own = np.maximum(spread / df, noise**2)
    drawn, drawn_df = moderated(own, df, prior(own, df))
    variances, df = np.maximum(own, drawn), np.where(own > drawn, df, drawn_df)
    return [
        Contrast(
            difference=float(s.after.mean() - s.before.mean()),
            error=math.sqrt(float(variance) * (1 / len(s.before) + 1 / len(s.after))),
            df=float(d),
            start=s.start,
            logarithmic=s.logarithmic,
            splits=math.comb(len(s.before) + len(s.after), len(s.before)),
        )
        for s, variance, d in zip(sides, variances, df, strict=True)
    ]


def squares(values: Floats) -> float:
    """The sum of squares around the mean."""
    return float(((values - values.mean()) ** 2).sum())


def mean_contrast(contrasts: Sequence[Contrast]) -> Contrast:
    """The mean of several variants' changes.

    Its degrees of freedom are Satterthwaite's, "An Approximate Distribution of Estimates of Variance Components", 1946.
    """
    squares = np.array([contrast.error**2 for contrast in contrasts])
    df = np.array([contrast.df for contrast in contrasts])
    return Contrast(
        difference=float(np.mean([contrast.difference for contrast in contrasts])),
        error=math.sqrt(float(squares.sum())) / len(contrasts),
        df=float(squares.sum() ** 2 / (squares**2 / df).sum()) if squares.any() else float(df.sum()),
        start=float(np.mean([contrast.start for contrast in contrasts])),
        logarithmic=contrasts[0].logarithmic,
        splits=float(np.prod([contrast.splits for contrast in contrasts])),
    )
