"""Ranks tie where intervals overlap; critical differences are Demsar's."""

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.statistics import critical_difference, ranks
from ganbench.statistics.ranking import friedman_test

NAN = math.nan


def test_ranks_tie_where_intervals_overlap() -> None:
    low, high = [1, 2, 5, NAN], [3, 4, 6, NAN]
    assert ranks(low, high, lower_is_better=True).tolist() == [1, 1, 3, 1]
    assert ranks(low, high, lower_is_better=False).tolist() == [2, 2, 1, 1]


def test_ranks_of_nothing() -> None:
    assert ranks([], [], lower_is_better=True).tolist() == []


def test_the_critical_difference_of_demsars_example() -> None:
    """Section 3.2.4: four classifiers on 14 datasets, CD = 1.25 at 5 % and 1.12 at 10 %."""
    scores = np.random.default_rng(0).normal(size=(14, 4))
    assert critical_difference(scores, True).distance == pytest.approx(1.25, abs=0.005)
    assert critical_difference(scores, True, level=0.9).distance == pytest.approx(1.12, abs=0.005)


def test_friedmans_test_is_scipys_in_the_form_of_iman_and_davenport() -> None:
    n, k = 12, 4
    scores = np.random.default_rng(0).normal(loc=[0, 0, 0.5, 1], size=(n, k))
    chi2 = stats.friedmanchisquare(*scores.T).statistic
    wanted = stats.f.sf((n - 1) * chi2 / (n * (k - 1) - chi2), k - 1, (k - 1) * (n - 1))
    found = critical_difference(scores, lower_is_better=False)
    assert found.p == pytest.approx(wanted)
    assert found.mean_ranks.tolist() == pytest.approx((k + 1 - stats.rankdata(scores, axis=1)).mean(axis=0))


def test_friedmans_test_of_agreement_and_of_ties() -> None:
    assert friedman_test(np.array([[1.0, 2, 3]] * 4)) == 0
    assert friedman_test(np.full((4, 3), 2.0)) == 1


@pytest.mark.parametrize("scores", [[[1, 2, 3]], [[1], [2]], [1, 2, 3], [[1, NAN], [2, 3]]])
def test_critical_differences_refuse_what_has_no_answer(scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"need|NaN"):
        critical_difference(scores, True)


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_differences_grow_with_the_table_as_demsars(k: int, q: float) -> None:
    """Demsar, 2006, table 5 (a); he rounds 2.3437 down."""
    found = critical_difference(np.random.default_rng(0).normal(size=(6, k)), True)
    assert found.distance / math.sqrt(k * (k + 1) / 36) == pytest.approx(q, abs=1e-3)


def test_equal_scores_share_their_mean_rank() -> None:
    found = critical_difference([[1.0, 2.0, 2.0], [5.0, 5.0, 9.0]], lower_is_better=True)
    assert found.mean_ranks.tolist() == [1.25, 2.0, 2.75]


def test_critical_differences_stay_what_they_were() -> None:
    """With this project's own ranks, quantile of the range and beta function, before scipy's took their place."""
    scores = [[1.0, 2.5, 3.1], [0.7, 0.9, 4.0], [2.2, 2.2, 2.9], [1.5, 2.0, 1.8], [0.3, 1.1, 1.0]]
    found = critical_difference(scores, lower_is_better=True)
    assert found.mean_ranks.tolist() == [1.1, 2.3, 2.6]
    assert (found.distance, found.p) == pytest.approx((1.4822864012856949, 0.012873762478802344), rel=1e-12)
