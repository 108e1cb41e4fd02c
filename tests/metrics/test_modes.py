import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from torch import Generator, Tensor

from ganbench.data.density import Mixture
from ganbench.data.mixtures import Grid25, Ring8
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence
from ganbench.metrics.modes import (
    captured_mass,
    high_quality,
    modes,
    modes_third,
    reverse_kl,
    reverse_kl_third,
    wasserstein1,
    wasserstein2,
)

ALL = [modes, modes_third, captured_mass, high_quality, reverse_kl, reverse_kl_third]
MOVING = [wasserstein1, wasserstein2]
RING = Ring8().mixture
UNEVEN = Mixture(RING.means[:3], 0.01, torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64))
quick = settings(max_examples=25, deadline=None)


def judged(x: Tensor, mixture: Mixture = RING) -> Evidence:
    seen = Judged(x.float(), mixture.log_posterior(x).float())
    return Evidence(seen, seen, mixture.weights, mixture)


def perfect(mixture: Mixture = RING, n: int = 10_000, seed: int = 0) -> Evidence:
    return judged(mixture.sample(n, Generator().manual_seed(seed)).x, mixture)


def at_means(counts: list[int], elsewhere: int = 0, mixture: Mixture = RING) -> Evidence:
    """As many samples exactly at each mean as `counts` says, and some far from all."""
    x = mixture.means.repeat_interleave(torch.tensor(counts), 0)
    return judged(torch.cat([x, torch.full((elsewhere, 2), 50.0)]), mixture)


@pytest.mark.parametrize("mixture", [RING, Grid25().mixture, UNEVEN], ids=["ring", "grid", "uneven"])
def test_perfect_samples_find_all_modes_and_stay_at_the_ceiling_and_the_floor(mixture):
    evidence, k, n = perfect(mixture), len(mixture.means), 10_000
    assert modes(evidence).value == modes_third(evidence).value == k
    assert captured_mass(evidence).value == pytest.approx(1)
    # In the plane three standard deviations hold all but exp(-4.5) of a Gaussian.
    ceiling = 1 - math.exp(-4.5)
    assert high_quality(evidence).value == pytest.approx(ceiling, abs=3 * (ceiling * (1 - ceiling) / n) ** 0.5)
    # 2n KL is chi-squared with k - 1 degrees of freedom, whose standard deviation is the root of 2 (k - 1).
    assert 2 * n * reverse_kl(evidence).value == pytest.approx(k - 1, abs=3 * (2 * (k - 1)) ** 0.5)
    assert reverse_kl_third(evidence) == reverse_kl(evidence)


def test_half_of_the_modes_missing_costs_ln_2():
    evidence = at_means([500] * 4 + [0] * 4)
    assert modes(evidence).value == modes_third(evidence).value == 4
    assert high_quality(evidence).value == 1
    assert reverse_kl(evidence).value == pytest.approx(math.log(8 / 4))
    assert reverse_kl_third(evidence).value == pytest.approx(math.log(8 / 4))


def test_a_thin_trail_counts_as_a_mode_but_not_as_a_third_of_one():
    evidence = at_means([500, 500, 500, 500, 1, 1, 1, 1])
    assert modes(evidence).value == 8
    assert modes_third(evidence).value == 4
    assert reverse_kl(evidence).value < math.log(2)
    assert reverse_kl_third(evidence).value == pytest.approx(math.log(2))


@pytest.mark.parametrize(("count", "expected"), [(99, 7), (100, 8)])
def test_a_third_is_a_third_of_all_samples_not_of_the_good_ones(count, expected):
    """Of 2,400 samples each of eight modes expects 300."""
    evidence = at_means([200] * 7 + [count], elsewhere=2400 - 1400 - count)
    assert modes_third(evidence).value == expected


def test_modes_are_measured_against_their_weights():
    assert reverse_kl(at_means([60, 30, 10], mixture=UNEVEN)).value == pytest.approx(0, abs=1e-9)
    assert reverse_kl(at_means([0, 0, 10], mixture=UNEVEN)).value == pytest.approx(math.log(1 / 0.1))
    # A third of the first mode's 60 is 20; of the last one's 10, 4 suffice.
    assert modes_third(at_means([19, 77, 4], mixture=UNEVEN)).value == 2
    assert captured_mass(at_means([19, 77, 4], mixture=UNEVEN)).value == pytest.approx(0.3 + 0.1)
    assert captured_mass(at_means([60, 40, 0], mixture=UNEVEN)).value == pytest.approx(0.9)


def test_bad_samples_weigh_on_quality_alone():
    evidence = at_means([100] * 8, elsewhere=200)
    assert high_quality(evidence).value == pytest.approx(0.8)
    assert reverse_kl(evidence).value == pytest.approx(0, abs=1e-9)


def test_quality_ends_at_three_standard_deviations():
    offsets = RING.sigma * torch.tensor([[2.99, 0], [0, -2.99], [3.01, 0], [2.2, 2.2]])
    evidence = judged(RING.means[0] + offsets)  # the last is within three in each coordinate, but not in the plane
    assert high_quality(evidence).value == 0.5


@pytest.mark.parametrize("x", [50.0, 1e30])
def test_a_generator_that_finds_nothing_gets_the_worst_there_is(x):
    evidence = judged(torch.full((100, 2), x), UNEVEN)
    assert modes(evidence) == modes_third(evidence) == captured_mass(evidence) == high_quality(evidence) == (0, 0)
    assert reverse_kl(evidence).value == reverse_kl_third(evidence).value == pytest.approx(math.log(1 / 0.1))


@pytest.mark.parametrize("x", [math.inf, math.nan])
def test_samples_that_are_no_numbers_are_refused(x):
    with pytest.raises(BenchError, match=r"100 of 100 .* of samples with a NaN or an infinity, but modes needs"):
        modes(judged(torch.full((100, 2), x), UNEVEN))


@quick
@given(st.lists(st.integers(0, 300), min_size=3, max_size=3), st.integers(1, 300))
def test_no_generator_is_worse_than_one_that_finds_nothing(counts, elsewhere):
    evidence = at_means(counts, elsewhere, UNEVEN)
    for metric in (reverse_kl, reverse_kl_third):
        assert -1e-9 <= metric(evidence).value <= math.log(1 / 0.1) + 1e-9
    assert modes_third(evidence).value <= modes(evidence).value


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_permutation_changes_nothing(metric):
    """Neither of the samples nor of the modes."""
    evidence = perfect(UNEVEN, n=500)
    x = evidence.samples.features[torch.randperm(500, generator=Generator().manual_seed(0))]
    order = [2, 0, 1]
    shuffled = judged(x, Mixture(UNEVEN.means[order], UNEVEN.sigma, UNEVEN.weights[order]))
    assert metric(shuffled).value == pytest.approx(metric(evidence).value, rel=1e-12)


def test_the_numbers_do_not_depend_on_where_the_plane_has_its_origin():
    far = Mixture(RING.means + 1000, RING.sigma, RING.weights)
    x = far.means.repeat_interleave(100, 0) + 2.5 * RING.sigma * torch.tensor([0.6, 0.8])
    assert high_quality(judged(x, far)).value == 1


@pytest.mark.parametrize(
    "metric", [high_quality, reverse_kl, modes_third, captured_mass], ids=lambda metric: metric.name
)
def test_stated_errors_are_those_of_redrawn_samples(metric):
    # The last mode has 30 to 37 of the 33 samples that make a third: it comes and goes.
    lopsided = Mixture(UNEVEN.means, UNEVEN.sigma, torch.tensor([0.5, 0.466, 0.034], dtype=torch.float64))
    draws = [lopsided.sample(1000, Generator().manual_seed(seed)).x for seed in range(200)]
    estimates = torch.tensor([metric(judged(x, UNEVEN)) for x in draws], dtype=torch.float64)
    assert estimates[:, 1].mean().item() == pytest.approx(estimates[:, 0].std().item(), rel=0.3)


# Wasserstein distances


def moved(x: Tensor, y: Tensor, mixture: Mixture = RING) -> Evidence:
    """Samples and points of the reference."""
    samples, reference = (Judged(some.float(), mixture.log_posterior(some).float()) for some in (x, y))
    return Evidence(samples, reference, mixture.weights, mixture)


def points(n: int, seed: int) -> Tensor:
    return RING.sample(n, Generator().manual_seed(seed)).x


@pytest.mark.parametrize("metric", MOVING, ids=lambda metric: metric.name)
def test_nothing_moves_between_equal_sets_and_all_by_as_much_between_shifted_ones(metric):
    x = points(400, 0)
    order = torch.randperm(400, generator=Generator().manual_seed(0))
    assert metric(moved(x[order], x)).value == pytest.approx(0, abs=1e-9)
    assert metric(moved(x[order] + torch.tensor([0.3, -0.4]), x)).value == pytest.approx(0.5, rel=1e-5)


def test_on_a_line_the_best_plan_keeps_the_order():
    x, y = (torch.randn(300, 2, generator=Generator().manual_seed(seed)) * torch.tensor([1, 0]) for seed in (0, 1))
    apart = (x[:, 0].sort().values - y[:, 0].sort().values).double()
    assert wasserstein1(moved(x, y)).value == pytest.approx(wasserstein_distance(x[:, 0], y[:, 0]), rel=1e-6)
    assert wasserstein1(moved(x, y)).value == pytest.approx(apart.abs().mean().item(), rel=1e-6)
    assert wasserstein2(moved(x, y)).value == pytest.approx(apart.square().mean().sqrt().item(), rel=1e-6)


def test_a_lost_mode_costs_its_mass_times_the_way():
    """Of two modes at distance 1 one has all the samples: a half of them must go."""
    reference = RING.means[:2].repeat(100, 1)
    way = (RING.means[0] - RING.means[1]).norm().item()
    found = moved(RING.means[:1].repeat(200, 1), reference)
    assert wasserstein1(found).value == pytest.approx(way / 2, rel=1e-6)
    assert wasserstein2(found).value == pytest.approx(way / 2**0.5, rel=1e-6)


def test_one_sample_far_off_weighs_more_on_the_second():
    x = points(400, 0)
    far = torch.cat([x[1:], x[:1] + 100])
    assert wasserstein1(moved(far, x)).value == pytest.approx(100 * 2**0.5 / 400, rel=0.05)
    assert wasserstein2(moved(far, x)).value == pytest.approx(100 * 2**0.5 / 400**0.5, rel=0.05)


@pytest.mark.parametrize("metric", MOVING, ids=lambda metric: metric.name)
def test_of_many_samples_as_many_move_as_is_usual_whatever_their_order(metric, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.modes.MOVED", 100)
    x, y = points(1000, 0), points(500, 1)
    found = metric(moved(x, y))
    assert metric(moved(x.flip(0), y)) == found
    assert metric(moved(x, torch.cat([y[:100], y[100:] + 50]))) == found, "of the reference too"


@pytest.mark.parametrize("metric", MOVING, ids=lambda metric: metric.name)
@pytest.mark.parametrize("kept", [8, 4], ids=["all modes", "half of the modes"])
def test_stated_errors_of_distances_are_those_of_redrawn_samples(metric, kept):
    reference = points(300, 1000)
    draws = [RING.sample(800, Generator().manual_seed(seed)) for seed in range(40)]
    estimates = [metric(moved(batch.x[batch.y < kept][:300], reference)) for batch in draws]
    actual, stated = torch.tensor(estimates, dtype=torch.float64).unbind(1)
    tolerance = 0.5 if kept == 8 else 0.3  # at the floor, where nothing but noise moves
    assert stated.mean().item() == pytest.approx(actual.std().item(), rel=tolerance)


def test_nine_samples_are_too_few_to_move():
    with pytest.raises(BenchError, match="Found 9 samples, but wasserstein1"):
        wasserstein1(moved(points(9, 0), points(100, 1)))


def test_no_divergence_is_more_than_that_of_the_rarest_mode_alone():
    evidence = judged(UNEVEN.means[:1].repeat(50, 1), UNEVEN)
    assert reverse_kl.most(evidence) == reverse_kl_third.most(evidence) == pytest.approx(math.log(1 / 0.1))
    assert modes.most(evidence) == 3
    assert reverse_kl(evidence).value <= reverse_kl.most(evidence)
