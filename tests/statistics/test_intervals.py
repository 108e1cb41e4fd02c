"""Intervals agree with scipy and with textbooks, and cover what they promise."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from ganbench.statistics import (
    Interval,
    mean_interval,
    probability_of_improvement,
    stratified_interval,
    t_quantile,
)

NAN, INF = math.nan, math.inf
A, B = [3.1, 2.7, 3.9, 3.3], [4.2, 3.8, 5.9]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99, 0.9999])
@pytest.mark.parametrize("df", [1, 1.3, 2, 2.5, 3, 4, 5, 9, 30, 101, 500])
def test_t_quantile_is_scipys(level: float, df: float) -> None:
    assert t_quantile(level, df) == pytest.approx(stats.t.isf((1 - level) / 2, df), rel=1e-10)


def test_t_quantile_is_the_textbooks() -> None:
    assert t_quantile(0.95, 1) == pytest.approx(12.7062, abs=1e-4)
    assert t_quantile(0.95, 2) == pytest.approx(4.30265, abs=1e-5)


@pytest.mark.parametrize(("level", "df"), [(0.0, 3), (1.0, 3), (0.95, 0), (0.95, NAN), (NAN, 3)])
def test_t_quantile_refuses_what_has_no_answer(level: float, df: float) -> None:
    with pytest.raises(ValueError, match="need"):
        t_quantile(level, df)


def test_mean_interval_of_three_known_values() -> None:
    assert mean_interval([1, 2, 3]) == pytest.approx(
        (2, 2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)), abs=1e-6
    )


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = mean_interval([5.0]), mean_interval([])
    assert one.mean == 5 and math.isnan(one.low) and math.isnan(one.high)
    assert all(math.isnan(v) for v in none)


@pytest.mark.parametrize("bad", [NAN, INF])
def test_values_that_are_not_finite_leave_no_interval(bad: float) -> None:
    assert math.isnan(mean_interval([1.0, 2.0, bad]).low)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_mean_interval_covers_the_mean_of_normal_values(n: int) -> None:
    """4,000 intervals: the share that covers has a standard error of 0.0034."""
    values = np.random.default_rng(0).normal(size=(4000, n))
    covered = np.mean([found.low <= 0 <= found.high for found in map(mean_interval, values)])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_strata_are_resampled_within_themselves() -> None:
    """Seeds that agree leave no doubt, however far apart the datasets are."""
    assert stratified_interval([[0.2] * 3, [0.9] * 3]) == pytest.approx((0.55, 0.55, 0.55))


def test_the_spread_of_stratified_draws_is_that_of_the_mean() -> None:
    """Of many datasets with two seeds each: the interval is as wide as normal theory has it, not 0.7 times as wide."""
    x = np.random.default_rng(0).normal(size=(200, 2))
    found = stratified_interval([*x])
    error = math.sqrt(np.var(x, axis=1, ddof=1).mean() / x.size)
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.05)


def test_strata_may_be_uneven_or_empty() -> None:
    found = stratified_interval([[1.0, 2.0], [], [5.0]])
    assert found == pytest.approx((8 / 3, 7 / 2 - 1 / 2, 7 / 2))
    assert math.isnan(stratified_interval([[1.0], [2.0]]).low), "nothing to draw anew"
    assert all(math.isnan(v) for v in stratified_interval([]))


def test_interval_unpacks() -> None:
    mean, low, high = Interval(1, 0, 2)
    assert (mean, low, high) == (1, 0, 2)


def test_the_probability_of_improvement_counts_pairs() -> None:
    a, b = [1, 2, 3], [2, 4]
    assert probability_of_improvement(a, b, lower_is_better=False).mean == pytest.approx((1.5 + 3) / 6)
    assert probability_of_improvement(a, b, lower_is_better=True).mean == pytest.approx(1.5 / 6)


def test_its_limits_solve_newcombes_equation() -> None:
    found = probability_of_improvement(A, B, lower_is_better=False)
    m, n = len(A), len(B)

    def excess(theta: float) -> float:
        q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)  # Hanley and McNeil's, with (m + n) / 2 - 1 for both
        k = (m + n) / 2 - 1
        variance = (theta * (1 - theta) + k * (q1 - theta**2) + k * (q2 - theta**2)) / (m * n)
        return (theta - found.mean) ** 2 - 1.959963985**2 * variance

    assert found.low == pytest.approx(optimize.brentq(excess, 1e-9, found.mean), abs=1e-7)
    assert found.high == pytest.approx(optimize.brentq(excess, found.mean, 1 - 1e-9), abs=1e-7)


def test_full_separation_of_few_seeds_is_no_certainty() -> None:
    found = probability_of_improvement([1, 2, 3], [4, 5, 6], lower_is_better=False)
    assert found.mean == found.high == 1 and 0.4 < found.low < 0.6
    many = probability_of_improvement(range(30), range(30, 60), lower_is_better=False)
    assert many.low > 0.85


def test_swapping_sides_mirrors_the_probability() -> None:
    one, other = probability_of_improvement(A, B, True), probability_of_improvement(B, A, True)
    assert (one.mean, one.low, one.high) == pytest.approx((1 - other.mean, 1 - other.high, 1 - other.low))


def test_a_failed_run_is_the_worst() -> None:
    assert probability_of_improvement([INF, 2], [1, 1], lower_is_better=True).mean == 1
    assert probability_of_improvement([INF], [INF], lower_is_better=True).mean == 0.5
    assert all(math.isnan(v) for v in probability_of_improvement([NAN, 1], [1, 1], True))
    assert all(math.isnan(v) for v in probability_of_improvement([], [1, 1], True))
    assert math.isnan(probability_of_improvement([1], [2, 3], True).low)


# What this project's own series and continued fractions gave before scipy took their place.


@pytest.mark.parametrize(
    ("level", "df", "t"),
    [
        (0.5, 1, 0.9999999999999994), (0.8, 2.5, 1.7302509288071761), (0.95, 1, 12.706204736174696),
        (0.95, 2, 4.302652729749461), (0.95, 3.7, 2.8675207071911872), (0.95, 30, 2.042272456301235),
        (0.99, 9, 3.249835541592125), (0.9973, 4, 6.6200715511883645),
    ],
)  # fmt: skip
def test_quantiles_stay_what_they_were(level: float, df: float, t: float) -> None:
    assert t_quantile(level, df) == pytest.approx(t, rel=1e-12)


def test_intervals_stay_what_they_were() -> None:
    assert mean_interval([1, 2, 4.5]) == pytest.approx((2.5, -1.9783429475147978, 6.978342947514798), rel=1e-12)
