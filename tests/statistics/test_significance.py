"""Tests agree with scipy, and corrections with their definitions."""

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.statistics import holm, t_tail
from ganbench.statistics.significance import fisher_test, shaffer, shaffer_counts

NAN, INF = math.nan, math.inf
A, B = [3.1, 2.7, 3.9, 3.3], [4.2, 3.8, 5.9]


@pytest.mark.parametrize("t", [0.0, 0.01, 1.0, 3.0, 40.0])
@pytest.mark.parametrize("df", [1, 1.7, 4, 25.4, 3000])
def test_the_tail_of_t_is_scipys(t: float, df: float) -> None:
    assert t_tail(t, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-9)


@pytest.mark.parametrize("table", [(0, 4, 4, 4), (1, 5, 4, 9), (2, 10, 2, 10), (0, 3, 0, 7)])
def test_fishers_test_is_scipys(table: tuple[int, int, int, int]) -> None:
    a, n, b, m = table
    assert fisher_test(a, n, b, m) == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]])[1])


def test_shaffers_counts_are_those_of_his_table() -> None:
    """Of four means 6 pairs may be equal, 3 once one is known to differ, then 2, 2, 1 never above what is left."""
    assert shaffer_counts(3).tolist() == [3, 1, 1]
    assert shaffer_counts(4).tolist() == [6, 3, 3, 3, 2, 1]
    assert shaffer_counts(10)[:2].tolist() == [45, 36]


def test_shaffers_steps_are_never_above_holms() -> None:
    p = np.random.default_rng(0).random((50, 10)) ** 4
    for row, found in zip(p, shaffer(p, 5), strict=True):
        assert (row <= found).all() and (found <= holm(row) + 1e-12).all()
    assert shaffer([0.01, 0.02, 0.04], 3).tolist() == pytest.approx([0.03, 0.03, 0.04])


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []


def test_holm_counts_only_what_was_tested() -> None:
    found = holm([0.01, NAN, 0.02])
    assert found[[0, 2]] == pytest.approx([0.02, 0.02]) and math.isnan(found[1])


def test_holm_rejects_what_bonferroni_does_and_no_more_than_no_correction() -> None:
    p = np.random.default_rng(0).random((50, 7)) ** 3
    for row in p:
        found = holm(row)
        assert (row <= found).all() and (found <= np.minimum(7 * row, 1)).all()
        assert (np.argsort(row) == np.argsort(found, kind="stable")).all() or len(set(found)) < 7


def test_equal_weights_are_no_weights() -> None:
    p = np.random.default_rng(0).random(20) ** 3
    assert holm(p, np.full(20, 7.0)) == pytest.approx(holm(p))


def test_weighted_holm_by_hand() -> None:
    """p / w: 0.004, 0.02, 0.01; so 0.02 * 7 / 5, then 0.01 * 2 / 1, then 0.02 * 1 / 1, and never less than before."""
    assert holm([0.02, 0.02, 0.01], [5, 1, 1]) == pytest.approx([0.028, 0.028, 0.028])
    assert holm([0.5, 0.9], [1, 1]).tolist() == [1.0, 1.0]
    assert holm([], []).tolist() == []


# What this project's own continued fraction gave before scipy took its place.


@pytest.mark.parametrize(
    ("t", "df", "p"),
    [
        (0.01, 1, 0.993634014470183), (1, 1.7, 0.43810287230064193), (2.5, 4, 0.06676654481198815),
        (3, 25.4, 0.005975420163808002), (40, 3, 3.438068078915852e-05),
    ],
)  # fmt: skip
def test_tails_stay_what_they_were(t: float, df: float, p: float) -> None:
    assert t_tail(t, df) == pytest.approx(p, rel=1e-12)
