import math

import numpy as np
import pytest
import torch
from scipy import integrate
from torch import Generator, Tensor

from ganbench.data.density import Mixture
from ganbench.data.mixtures import Grid25, Ring8
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Belief, Evidence
from ganbench.metrics.theory import K, d_error, game_value, game_value_optimal, jsd

RING, GRID = Ring8().mixture, Grid25().mixture
ONE = Mixture(torch.zeros(1, 2, dtype=torch.float64), 1.0, torch.ones(1, dtype=torch.float64))


def moved(by: float) -> Mixture:
    return Mixture(torch.tensor([[by, 0.0]], dtype=torch.float64), 1.0, ONE.weights)


def judged(x: Tensor, p: Mixture, belief: Belief | None = None) -> Evidence:
    seen = Judged(x.float(), p.log_posterior(x).float())
    return Evidence(seen, seen, p.weights, p, belief=belief)


def drawn(q: Mixture, p: Mixture, n: int = 10_000, seed: int = 0, belief: Belief | None = None) -> Evidence:
    return judged(q.sample(n, Generator().manual_seed(seed)).x, p, belief)


def best(p: Mixture, q: Mixture) -> Belief:
    """Proposition 1."""
    return lambda x: (p.log_density(x) - q.log_density(x)).sigmoid().float()


def jsd_of_two_gaussians(apart: float) -> float:
    """Of unit variance in the plane: the axis along which they lie apart says all."""

    def density(x: np.ndarray, mean: float) -> np.ndarray:
        return np.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi)

    def term(x: float) -> float:
        p, q = density(np.array(x), 0), density(np.array(x), apart)
        return float(p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / 2

    return integrate.quad(term, -8, 8 + apart, limit=200)[0]


# The divergence


@pytest.mark.parametrize("apart", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize(("n", "bias"), [(2_000, 0.025), (10_000, 0.012)])
def test_two_gaussians_are_as_far_apart_as_their_integral_says(apart, n, bias):
    value, stderr = jsd(drawn(moved(apart), ONE, n))
    assert -bias - 3 * stderr - 0.01 < value - jsd_of_two_gaussians(apart) < 3 * stderr + 0.01


@pytest.mark.parametrize(
    ("mixture", "n", "bias"),
    [(RING, 10_000, -0.009), (RING, 2_000, -0.020), (GRID, 10_000, -0.014), (GRID, 2_000, -0.032)],
)
def test_perfect_samples_score_the_bias_that_is_stated(mixture, n, bias):
    values = [jsd(drawn(mixture, mixture, n, seed)).value for seed in range(2)]
    assert np.mean(values) == pytest.approx(bias, abs=0.003)
    optimal = game_value_optimal(drawn(mixture, mixture, n)).value
    assert optimal == pytest.approx(-math.log(4) + 2 * values[0], rel=1e-9)


def test_half_of_the_modes_missing_costs_what_it_should():
    """p = q / 2 where q is, so 2 JSD = log 4 + (log 1/3 + 0) / 2 + log 2/3."""
    half = Mixture(RING.means[:4], RING.sigma, torch.full((4,), 0.25, dtype=torch.float64))
    expected = (math.log(4) + math.log(1 / 3) / 2 + math.log(2 / 3)) / 2
    assert jsd(drawn(half, RING)).value == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "x",
    [torch.full((1000, 2), 50.0), torch.full((1000, 2), 1e30), RING.means.repeat(125, 1) + 0.5],
    ids=["far", "further", "beside"],
)
def test_a_generator_that_shares_no_ground_with_the_data_is_ln_2_away(x):
    found = jsd(judged(x, RING))
    assert found.value == pytest.approx(math.log(2), abs=1e-3)
    assert game_value_optimal(judged(x, RING)).value == pytest.approx(0, abs=2e-3)


def test_samples_that_coincide_are_nearly_as_far():
    assert jsd(judged(RING.means.repeat(1250, 1), RING)).value == pytest.approx(0.64, abs=0.01)
    assert jsd(judged(GRID.means.repeat(400, 1), GRID)).value == pytest.approx(0.56, abs=0.01)


@pytest.mark.parametrize(("n", "enough"), [(K, False), (K + 1, True)])
def test_a_density_needs_more_samples_than_neighbours(n, enough):
    if enough:
        jsd(drawn(RING, RING, n))
    else:
        with pytest.raises(BenchError, match=f"needs at least {K + 1}"):
            jsd(drawn(RING, RING, n))


def test_an_order_changes_nothing():
    x = RING.sample(500, Generator().manual_seed(0)).x
    shuffled = x[torch.randperm(500, generator=Generator().manual_seed(1))]
    assert jsd(judged(shuffled, RING)).value == pytest.approx(jsd(judged(x, RING)).value, rel=1e-9)


# The trained D


@pytest.mark.parametrize("q", [ONE, moved(1.0), moved(3.0)], ids=["same", "near", "far"])
def test_the_best_d_has_the_best_value_and_little_error(q):
    evidence = drawn(q, ONE, belief=best(ONE, q))
    gap = game_value(evidence).value - game_value_optimal(evidence).value
    assert -0.005 < gap < 0.025, "the estimated optimum is low by its bias"
    assert d_error(evidence).value < 0.055
    assert game_value(evidence).value == pytest.approx(
        -math.log(4) + 2 * jsd_of_two_gaussians(float(q.means[0, 0])), abs=0.03
    )


def test_perfect_samples_and_a_d_that_cannot_tell_make_minus_log_4():
    evidence = drawn(RING, RING, belief=lambda x: torch.full((len(x),), 0.5))
    assert game_value(evidence) == (pytest.approx(-math.log(4)), 0)
    assert d_error(evidence).value == pytest.approx(0.050, abs=0.003)
    assert d_error(drawn(GRID, GRID, belief=evidence.belief)).value == pytest.approx(0.056, abs=0.003)


@pytest.mark.parametrize("d", [lambda x: torch.full((len(x),), 0.3), lambda x: (x[:, 0] > 1).float()])
def test_no_other_d_has_a_better_value(d):
    evidence = drawn(moved(1.0), ONE, belief=d)
    assert game_value(evidence).value < game_value_optimal(evidence).value
    assert d_error(evidence).value > d_error(evidence._replace(belief=best(ONE, moved(1.0)))).value


def test_a_d_that_is_surely_wrong_has_a_finite_value():
    far = torch.full((1000, 2), 50.0)
    wrong, right = (judged(far, RING, lambda x, sign=s: (sign * (x[:, 0] - 10)).sign().relu()) for s in (1, -1))
    assert game_value(wrong).value == pytest.approx(2 * math.log(1e-7))
    assert d_error(wrong).value == pytest.approx(1)
    assert game_value(right).value == pytest.approx(0, abs=1e-6)
    assert d_error(right).value == pytest.approx(0, abs=1e-6)
    assert d_error(judged(far, RING, lambda x: torch.full((len(x),), 0.5))).value == pytest.approx(0.5)


def test_without_a_belief_the_divergence_remains():
    evidence = drawn(RING, RING, 100)
    assert [m.name for m in (jsd, game_value_optimal, game_value, d_error) if m.applies(evidence)] == [
        "jsd", "game_value_optimal",
    ]  # fmt: skip
    assert jsd.of_any_variant and not d_error.of_any_variant


@pytest.mark.parametrize("metric", [jsd, game_value], ids=lambda metric: metric.name)
@pytest.mark.parametrize("apart", [0.7, 2.0])
def test_stated_errors_are_those_of_redrawn_samples(metric, apart):
    q = moved(apart)
    draws = [drawn(q, ONE, 1000, seed, best(ONE, moved(0.9 * apart))) for seed in range(50)]
    estimates = torch.tensor([metric(evidence) for evidence in draws], dtype=torch.float64)
    assert estimates[:, 1].mean().item() == pytest.approx(estimates[:, 0].std().item(), rel=0.3)
