"""Simulated raters of known skill: how often the intervals hold what is true of them.

They differ from one another, and so do pictures of one row: both are in the truth, and in the interval.
"""

import numpy as np
from numpy.typing import NDArray

from ganbench.statistics.crossed import clustered_share
from ganbench.statistics.pairs import bradley_terry

SIMULATIONS = 500
NODES = np.polynomial.hermite_e.hermegauss(40)


def chance(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def average_chance(mean: float, spread: float) -> float:
    """Of a logistic with a normal argument."""
    return float((NODES[1] * chance(mean + spread * NODES[0])).sum() / NODES[1].sum())


def test_error_rates_are_in_their_intervals() -> None:
    """Twelve raters, 40 pictures, four of them each; rates of 4, 18 and 45 %."""
    rng, raters, pictures, each = np.random.default_rng(1), 12, 40, 8
    for level in (-4.0, -2.0, -0.25):
        truth, held = average_chance(level, np.hypot(0.8, 0.6)), 0
        for _ in range(SIMULATIONS):
            rater = np.repeat(np.arange(raters), each)
            picture = np.concatenate([rng.permutation(pictures)[:each] for _ in range(raters)])
            skill, difficulty = 0.8 * rng.normal(size=raters), 0.6 * rng.normal(size=pictures)
            wrong = rng.random(len(rater)) < chance(level + skill[rater] + difficulty[picture])
            found = clustered_share(wrong, np.ones(len(rater)), [rater, picture])
            held += found.low <= truth <= found.high
        assert held >= 0.92 * SIMULATIONS, (level, truth, held)


def test_the_order_of_strengths_is_never_contradicted() -> None:
    """Ten raters, 45 pairs each, six rows half a step apart: no row is surely above one that is better than it.

    The interval of a difference is wider than either's, so intervals that lie apart are the stronger claim.
    """
    rng, raters, rows = np.random.default_rng(2), 10, 6
    strengths, good, held = 0.5 * np.arange(rows) - 1.25, 0, np.zeros(rows)
    for _ in range(SIMULATIONS):
        rater = np.repeat(np.arange(raters), 45)
        first = rng.integers(rows, size=len(rater))
        second = (first + rng.integers(1, rows, size=len(rater))) % rows
        won = rng.random(len(rater)) < chance(strengths[first] - strengths[second])
        found = bradley_terry(first, second, won, [rater, np.arange(len(rater))])
        contradicted = any(found[i].low > found[j].high for i in range(rows) for j in range(i + 1, rows))
        good += not contradicted
        held += [found[i].low <= strengths[i] <= found[i].high for i in range(rows)]
    assert good >= 0.92 * SIMULATIONS
    assert (held >= 0.92 * SIMULATIONS).all(), held
