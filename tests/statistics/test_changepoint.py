"""Where a sequence steps, and how often one that does not is said to."""

import math
from itertools import permutations

import numpy as np
import pytest

from ganbench.statistics.changepoint import step_test


def test_a_clear_step_is_found_where_it_is() -> None:
    found = step_test([[1.0, 1.1], [0.9, 1.0], [1.05, 0.95], [2.0, 2.1], [1.9, 2.05]])
    assert found is not None
    assert found.place == 3
    assert found.p < 0.02


def test_the_p_value_is_the_share_of_permutations_with_so_large_a_step() -> None:
    """All 720 orders of six values, by a statistic written anew: the largest F of all splits."""
    values = [3.0, 1.0, 2.0, 5.0, 7.0, 6.5]
    samples = [values[:2], values[2:3], values[3:]]

    def largest(x: tuple[float, ...]) -> float:
        statistics = []
        for cut in (2, 3):
            a, b = np.array(x[:cut]), np.array(x[cut:])
            within = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
            statistics.append((b.mean() - a.mean()) ** 2 / (within * (1 / len(a) + 1 / len(b))))
        return max(statistics)

    exact = np.mean([largest(order) >= largest(tuple(values)) - 1e-9 for order in permutations(values)])
    found = step_test(samples, resamples=20_000)
    assert found is not None
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 20_000) + 1e-4)


def test_without_a_step_p_is_below_five_percent_in_five_percent() -> None:
    """Of 400 skewed sequences 35 or more have a probability of 0.2 %, 8 or fewer of 0.1 %."""
    rng = np.random.default_rng(0)
    found = [step_test(rng.lognormal(size=(6, 3)), resamples=400, seed=i) for i in range(400)]
    assert 8 < sum(step is not None and step.p <= 0.05 for step in found) < 35


def test_the_place_is_the_same_whatever_the_scale_and_level() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(8, 2)) + np.repeat([0.0, 2.0], 4)[:, None]
    steps = [step_test(y) for y in (x, 1e6 * x, 1e6 + x, -x)]
    assert len({(step.place, step.p) for step in steps if step}) == 1 and None not in steps


@pytest.mark.parametrize("samples", [[], [[1.0, 2.0]], [[1.0], []], [[], []], [[3.0, 3.0], [3.0]]])
def test_where_nothing_can_step_there_is_no_step(samples: list[list[float]]) -> None:
    assert step_test(samples) is None


def test_a_result_without_a_value_is_passed_over() -> None:
    found = step_test([[1.0, 1.1, 0.9], [], [2.0, 2.1, 1.9], [2.05, 1.95, 2.0]])
    assert found is not None
    assert found.place in (1, 2)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        step_test([[1.0, value], [2.0]])
