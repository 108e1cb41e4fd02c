"""Power is the tail of the noncentral t, and the seeds needed follow from it."""

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.statistics import power, seeds_needed, welch_test

NAN = math.nan


@pytest.mark.parametrize(("effect", "n"), [(0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_needed_are_cohens(effect: float, n: int) -> None:
    """Cohen, "A Power Primer", 1992, table 2: 64 and 26 a side for a medium and a large effect."""
    assert seeds_needed(effect, 1, 1) == seeds_needed(-effect, 1, 1) == n


@pytest.mark.parametrize("n", [2, 3, 10, 400, 9_000])
@pytest.mark.parametrize("b_std", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("level", [0.95, 0.999])
def test_power_is_the_tail_of_the_noncentral_t(n: int, b_std: float, level: float) -> None:
    gap = 3 * math.sqrt((1 + b_std**2) / n)
    df = (1 + b_std**2) ** 2 * (n - 1) / (1 + b_std**4)
    assert power(gap, 1, b_std, n, level) == pytest.approx(
        stats.nct.sf(stats.t.ppf((1 + level) / 2, df), df, 3), abs=1e-4
    )


def test_power_is_how_often_the_test_succeeds() -> None:
    """1,500 tests: a standard error of 0.013."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, size=(1500, 5)), rng.normal(2.5, 1.5, size=(1500, 5))
    assert np.mean([welch_test(*both) <= 0.05 for both in zip(a, b, strict=True)]) == pytest.approx(
        power(2.5, 1, 1.5, 5), abs=0.04
    )


def test_some_gaps_no_number_of_seeds_can_tell() -> None:
    assert seeds_needed(0, 1, 1) is None
    assert seeds_needed(1e-9, 1, 1) is None
    assert seeds_needed(NAN, 1, 1) is None


def test_seeds_that_do_not_vary_must_be_enough_for_the_permutation_test() -> None:
    assert seeds_needed(1, 0, 0) == 4  # 2 / 70
    assert seeds_needed(1, 0, 0, level=0.999) == 7  # 2 / 3432


def test_seeds_needed_are_the_fewest_with_the_power() -> None:
    for gap in (1.2, 2.0, 3.5):
        n = seeds_needed(gap, 1.2, 0.7)
        assert n is not None
        assert power(gap, 1.2, 0.7, n - 1) < 0.8 <= power(gap, 1.2, 0.7, n)


def test_power_stays_what_it_was() -> None:
    """With this project's own quantile of t, before scipy's took its place."""
    assert power(2.5, 1, 1.5, 5) == pytest.approx(0.7573081328413828, rel=1e-12)
    assert power(1, 1, 0, 12, 0.999) == pytest.approx(0.26418909532324064, rel=1e-12)
