"""Variances drawn towards what is usual among them."""

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.statistics.moderated import MOST_PRIOR, Prior, moderated, prior


def draws(k: int, df: int, d0: float, s0: float = 0.2, seed: int = 0) -> np.ndarray:
    """Variances of k samples whose true ones scatter as Smyth has it."""
    rng = np.random.default_rng(seed)
    true = np.full(k, s0**2) if math.isinf(d0) else s0**2 * d0 / rng.chisquare(d0, k)
    return true * rng.chisquare(df, k) / df


@pytest.mark.parametrize("d0", [1.0, 4.0, 20.0])
def test_the_constants_are_found_again_from_many_samples(d0: float) -> None:
    found = prior(draws(20_000, 4, d0), np.full(20_000, 4.0), most=math.inf)
    assert found.df == pytest.approx(d0, rel=0.15)
    assert found.variance == pytest.approx(0.04, rel=0.05)


def test_variances_that_do_not_differ_are_worth_as_much_as_is_allowed() -> None:
    assert prior([0.5, 0.5, 0.5], [2, 2, 2]).df == MOST_PRIOR
    assert prior(draws(1000, 4, math.inf), np.full(1000, 4.0)).df == MOST_PRIOR


def test_a_moderated_t_has_the_distribution_that_it_is_said_to_have() -> None:
    """For k samples whose variances scatter with d0, t of n + m values has d0 + n + m - 2 degrees of freedom."""
    rng = np.random.default_rng(1)
    d0, df, k = 4.0, 2, 50_000
    true = 0.04 * d0 / rng.chisquare(d0, k)
    s2, d = moderated(true * rng.chisquare(df, k) / df, np.full(k, float(df)), Prior(0.04, d0))
    t = rng.normal(size=k) * np.sqrt(true) / np.sqrt(s2)
    assert stats.kstest(t, stats.t(d[0]).cdf).pvalue > 0.01
    assert stats.kstest(t, stats.t(df).cdf).pvalue < 1e-6


@pytest.mark.parametrize("variances", [[], [0.1], [0.1, 0.2], [0.0, 0.0, 0.3]])
def test_where_nothing_is_in_common_nothing_is_drawn(variances: list[float]) -> None:
    common = prior(variances, [2.0] * len(variances))
    assert common == Prior(0.0, 0.0)
    s2, df = moderated(variances, [2.0] * len(variances), common)
    assert (s2.tolist(), df.tolist()) == (variances, [2.0] * len(variances))


def test_a_variance_by_accident_near_zero_does_not_rule_the_others() -> None:
    usual = draws(9, 4, 20.0)
    alone, beside = (prior(v, np.full(len(v), 4.0)) for v in (usual, np.append(usual, 1e-300)))
    assert beside.variance > alone.variance / 10
    s2, _ = moderated([1e-300, 1.0], [4.0, 4.0], Prior(0.04, 4.0))
    assert s2.tolist() == pytest.approx([0.02, 0.52])


def test_the_prior_stays_what_it_was() -> None:
    """With this project's own digamma and trigamma, before scipy's took their place; d0 is below its bound."""
    found = prior([0.2, 0.5, 0.01, 7.7, 0.3, 2.0], [2, 2, 4, 6, 3, 5])
    assert found == pytest.approx((0.1968361227371772, 1.139409182200019), rel=1e-12)
