"""Intervals agree with scipy and cover what they promise."""

import math

import numpy as np
import pytest

from ganbench.statistics import Interval, bootstrap_interval, mean_interval, ranks, t_quantile


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 9, 30, 101, 500])
def test_t_quantile_is_scipys(level: float, df: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(level, df) == pytest.approx(stats.t.ppf((1 + level) / 2, df), rel=1e-10)


def test_t_quantile_is_the_textbooks() -> None:
    assert t_quantile(0.95, 1) == pytest.approx(12.7062, abs=1e-4)
    assert t_quantile(0.95, 2) == pytest.approx(4.30265, abs=1e-5)


@pytest.mark.parametrize(("level", "df"), [(0.0, 3), (1.0, 3), (0.95, 0)])
def test_t_quantile_refuses_what_has_no_answer(level: float, df: int) -> None:
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


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_leave_no_interval(bad: float) -> None:
    assert math.isnan(mean_interval([1.0, 2.0, bad]).low) and math.isnan(bootstrap_interval([1.0, bad]).low)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_mean_interval_covers_the_mean_of_normal_values(n: int) -> None:
    """4,000 intervals: the share that covers has a standard error of 0.0034."""
    values = np.random.default_rng(0).normal(size=(4000, n))
    covered = np.mean([found.low <= 0 <= found.high for found in map(mean_interval, values)])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_bootstrap_is_repeatable_and_near_students_interval_for_many_values() -> None:
    values = np.random.default_rng(0).normal(3, 1, size=400)
    found = bootstrap_interval(values, seed=1)
    assert found == bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)
    assert found == pytest.approx(mean_interval(values), abs=0.02)


def test_bootstrap_takes_other_statistics() -> None:
    assert bootstrap_interval([1, 2, 3, 4, 100], statistic=np.median).mean == 3


def test_ranks_tie_where_intervals_overlap() -> None:
    low, high = [1, 2, 5, math.nan], [3, 4, 6, math.nan]
    assert ranks(low, high, lower_is_better=True).tolist() == [1, 1, 3, 1]
    assert ranks(low, high, lower_is_better=False).tolist() == [2, 2, 1, 1]


def test_ranks_of_nothing() -> None:
    assert ranks([], [], lower_is_better=True).tolist() == []


def test_interval_unpacks() -> None:
    mean, low, high = Interval(1, 0, 2)
    assert (mean, low, high) == (1, 0, 2)
