"""On which scale scores are tested: logarithms where a metric is a distance, the values themselves elsewhere.

A distance such as FID scatters by a share of itself, so that a good row and a bad one have one spread in logarithms.
Shares and counts of which more is better have a ceiling, and spreads that the logarithm would not make equal.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganbench.statistics.intervals import Floats

COUNTED = 1e12  # numbers as large are not counted, whole as they may be
COARSE = 1 / 12  # the variance of what is lost by rounding to steps of one


class Scale(NamedTuple):
    """How the values of one cell are tested."""

    log: bool
    step: float  # the smallest difference between two values of the cell, 1 of whole numbers; 0: all are equal
    zero: float  # what a value of 0 counts as: half the smallest above it
    whole: bool  # values are whole numbers

    def to(self, values: Floats) -> Floats:
        """Values on the scale of the test."""
        return np.log(np.where(values > 0, values, self.zero)) if self.log else values

    def back(self, tested: Floats) -> Floats:
        """What was tested, in the metric's unit."""
        return np.exp(np.minimum(tested, 700.0)) if self.log else tested

    def least_variance(self, mean: Floats, noise: Floats) -> Floats:
        """Means on the scale of the test and standard errors of single values -> below what no variance is believed.

        Equal counts may have been unlike before they were counted.
        """
        unit = self._unit(mean)
        return np.asarray(np.maximum(COARSE * (self.step / unit) ** 2, (noise / unit) ** 2))

    def one_off(self, mean: Floats, n: NDArray[np.int64]) -> Floats:
        """Means of n whole numbers on the scale of the test -> the variance that they have if one is a step off.

        Of 8, 8, 8 and 8 modes the next may well be 7. Without it a row that has 8 or 6 by chance is told from nine rows
        of 7 on one board of nine, four seeds each.
        """
        return np.asarray((self.step / self._unit(mean)) ** 2 / np.maximum(n, 1) if self.whole else np.zeros_like(mean))

    def _unit(self, mean: Floats) -> Floats:
        """A metric's unit on the scale of the test, at these means."""
        return np.maximum(self.back(mean), self.step or 1.0) if self.log else np.ones_like(mean)

    def difference(self, a: Floats, b: Floats, gap: Floats) -> Floats:
        """Means of a and b and a gap b - a, on the scale of the test -> the gap in the metric's unit.

        Of a logarithm it is that around the geometric mean of both: exact for b - a itself, and of its sign elsewhere.
        """
        return np.asarray(2 * np.exp((a + b) / 2) * np.sinh(np.clip(gap, -300, 300) / 2)) if self.log else gap


def scale_of(values: Floats, lower_is_better: bool) -> Scale:
    """Finite values of one cell -> their scale.

    Logarithms, if nothing is negative and something is not 0; but not where more is better and the values are whole
    numbers or at most 1.
    """
    distinct = np.unique(values)
    whole = bool((distinct == np.round(distinct)).all()) and bool((np.abs(distinct) < COUNTED).all())
    step = float(np.diff(distinct).min()) if len(distinct) > 1 else 0.0
    capped = not lower_is_better and (whole or (len(distinct) > 0 and distinct[-1] <= 1))
    positive = distinct[distinct > 0]
    log = bool(len(positive) > 0 and distinct[0] >= 0 and not capped)
    return Scale(log, min(step, 1.0) if whole else step, float(positive[0]) / 2 if log else 0.0, whole)
