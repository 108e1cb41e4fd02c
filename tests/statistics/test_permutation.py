"""Permutation tests agree with scipy, of one pair and of many."""

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.statistics.permutation import DRAWN, least_p, permutation_test, permutation_tests, rank_test


def test_the_permutation_test_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for n, m in ((2, 3), (4, 4), (3, 6)):
        a, b = rng.normal(size=n), rng.normal(1, size=m)
        scipys = stats.permutation_test(
            (a, b), lambda x, y, axis: np.abs(x.mean(axis) - y.mean(axis)), n_resamples=np.inf, alternative="greater"
        )
        assert permutation_test(a, b) == pytest.approx(scipys.pvalue)


def test_few_seeds_cannot_be_significant_by_permutation() -> None:
    assert permutation_test([1, 2, 3], [40, 50, 60]) == pytest.approx(2 / 20)
    assert permutation_test([1, 2, 3, 4], [40, 50, 60, 70]) == pytest.approx(2 / 70)
    assert permutation_test([0.1, 0.1, 0.1], [0.1, 0.1]) == 1, "rounding makes no difference"


def test_many_seeds_are_split_at_random() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=40), rng.normal(0.5, size=40)
    found = permutation_test(a, b)
    assert found == permutation_test(a, b), "the same every time"
    assert found == pytest.approx(stats.ttest_ind(a, b).pvalue, abs=0.01)
    assert permutation_test(a, b + 1) >= 1 / (1 + DRAWN), "never zero"


def test_many_pairs_are_tested_like_each() -> None:
    rng = np.random.default_rng(1)
    for n, m in ((4, 4), (3, 5)):
        a, b = rng.normal(size=(6, n)), rng.normal(0.7, size=(6, m))
        assert permutation_tests(a, b).tolist() == [permutation_test(x, y) for x, y in zip(a, b, strict=True)]


def test_samples_that_lie_apart_have_the_smallest_p_value() -> None:
    assert least_p(4, 4) == pytest.approx(2 / 70)
    assert permutation_test(np.arange(10), np.arange(20, 30)) == least_p(10, 10) == 2 / math.comb(20, 10)


def test_the_rank_test_is_scipys_and_takes_failed_runs() -> None:
    a, b = [1.0, 2.0, 4.5, 3.0], [2.5, 5.0, 6.0, 7.0]
    exact = stats.mannwhitneyu(a, b, method="exact").pvalue
    assert rank_test(a, b) == pytest.approx(exact)
    assert rank_test([*a[:3], math.inf], b) == rank_test([*a[:3], 99.0], b)
