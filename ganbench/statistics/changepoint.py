"""Where a sequence of samples steps from one mean to another, and how probable so large a step is by chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ganbench.statistics.intervals import Floats, chunks, floats

CHUNK = 1_000  # permutations between two looks at how many reached the step
ENOUGH = 20  # that did: p is then known well enough to be called large


class LevelStep(NamedTuple):
    """The most probable place of a step."""

    place: int  # of the first sample after it
    p: float  # of so large a step, anywhere, if there is none


def step_test(samples: Sequence[ArrayLike], resamples: int = 20_000, seed: int = 0) -> LevelStep | None:
    """k samples of (n_i,) values, in order -> where their mean steps, if it does, and the p-value of a step at all.

    The place is that of the largest sum of squares between what is before and what is after: the likelihood ratio test
    of a shift in the mean of normal values, Sen and Srivastava, "On Tests for Detecting Change in Mean", Annals of
    Statistics 3, 1975. Its p-value is that of permuting all values, so that it holds for other distributions too:
    Antoch and Huskova, "Permutation tests in change point analysis", Statistics & Probability Letters 53, 2001.
    Permuting ends early where p is surely large: Besag and Clifford, "Sequential Monte Carlo p-values", Biometrika 78,
    1991. None if fewer than two samples have a value, or if nothing varies. Values that are not finite are refused.
    """
    parts = [floats(sample) for sample in samples]
    values = np.concatenate([np.empty(0), *parts])
    if not np.isfinite(values).all():
        raise ValueError("Found a value that is not finite, but only numbers have a mean. Leave it out.")
    ends = np.cumsum([len(part) for part in parts])[:-1]
    splits = np.flatnonzero((ends > 0) & (ends < len(values)))
    if not len(splits) or np.ptp(values) <= 1e-12 * np.abs(values).max():
        return None
    values = values - values.mean()
    before = ends[splits]
    weight = len(values) / (before * (len(values) - before))

    def between(some: Floats) -> Floats:
        return np.asarray(np.cumsum(some, axis=-1)[..., before - 1] ** 2 * weight)

    squares = between(values)
    largest, rng = float(squares.max()), np.random.default_rng(seed)
    reached = drawn = 0
    while drawn < resamples and reached < ENOUGH:
        for n in chunks(min(CHUNK, resamples - drawn), len(values)):
            some = rng.permuted(np.broadcast_to(values, (n, len(values))), axis=1)
            reached += int((between(some).max(axis=1) >= largest * (1 - 1e-9)).sum())
            drawn += n
    return LevelStep(int(splits[squares.argmax()]) + 1, (1 + reached) / (1 + drawn))
