"""How often nominal 95 % intervals cover the truth, against the figures that docstrings give.

pytest tests/bench/test_statistics.py --benchmark-only -s
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from ganbench.statistics import (
    Interval,
    mean_interval,
    probability_of_improvement,
    stratified_interval,
)

REPEATS = 4_000  # the standard error of a coverage of 0.95 is 0.0034
SEEDS = (3, 5, 10)
Draw = Callable[..., NDArray[np.float64]]


class Population(NamedTuple):
    """Scores over seeds, and what is true of them."""

    draw: Callable[[np.random.Generator], Draw]
    mean: float


POPULATIONS = {
    "normal": Population(lambda rng: rng.standard_normal, 0.0),
    "lognormal": Population(lambda rng: lambda size: rng.lognormal(size=size), math.exp(0.5)),
}


def of_datasets(draw: Draw, datasets: int, n: int) -> Interval:
    return stratified_interval([*draw((datasets, n))], resamples=1_000)


# What the docstring of ganbench/statistics/intervals.py says: 3, 5 and 10 normal values, 3, 5 and 10 lognormal ones.
INTERVALS = {
    "mean": (lambda draw, n: mean_interval(draw(n)), lambda p: p.mean, (0.95, 0.95, 0.95, 0.84, 0.83, 0.85)),
    "stratified, 3 datasets": (
        lambda draw, n: of_datasets(draw, 3, n),
        lambda p: p.mean,
        (0.90, 0.93, 0.94, 0.80, 0.84, 0.88),
    ),
    "stratified, 10 datasets": (
        lambda draw, n: of_datasets(draw, 10, n),
        lambda p: p.mean,
        (0.93, 0.94, 0.95, 0.87, 0.90, 0.93),
    ),
}


@pytest.mark.parametrize("column", range(6), ids=[f"{n} {name}" for name in POPULATIONS for n in SEEDS])
@pytest.mark.parametrize("name", INTERVALS)
def test_intervals_cover_what_their_docstrings_say(benchmark, name, column):
    interval, truth, said = INTERVALS[name]
    population, n = [*POPULATIONS.values()][column // 3], SEEDS[column % 3]
    draw = population.draw(np.random.default_rng(column))

    def coverage() -> float:
        found = (interval(draw, n) for _ in range(REPEATS))
        return float(np.mean([one.low <= truth(population) <= one.high for one in found]))

    found = benchmark.pedantic(coverage, rounds=1)
    print(f"{name}: {found:.3f}, said to be {said[column]}")
    assert found == pytest.approx(said[column], abs=0.016)


# Of one distribution and another with the mean moved by 0, 1 and 2 standard deviations; 3, 5 and 10 seeds.
IMPROVEMENT = {0.0: (0.90, 0.95, 0.95), 1.0: (0.94, 0.95, 0.95), 2.0: (0.97, 0.95, 0.96)}


@pytest.mark.parametrize("n", SEEDS)
@pytest.mark.parametrize("shift", IMPROVEMENT)
def test_probabilities_of_improvement_cover_what_the_docstring_says(benchmark, shift, n):
    """Only ranks count, so that the shape of the distribution does not."""
    rng, truth = np.random.default_rng(n), 0.5 * (1 + math.erf(shift / 2))

    def coverage() -> float:
        pairs = ((rng.normal(size=n), rng.normal(shift, size=n)) for _ in range(REPEATS))
        found = [probability_of_improvement(a, b, lower_is_better=False) for a, b in pairs]
        return float(np.mean([one.low <= truth <= one.high for one in found]))

    found, said = benchmark.pedantic(coverage, rounds=1), IMPROVEMENT[shift][SEEDS.index(n)]
    print(f"shift {shift}, {n} seeds: {found:.3f}, said to be {said}")
    assert found == pytest.approx(said, abs=0.016)
