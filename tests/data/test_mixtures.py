import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from ganbench.data.density import Mixture
from ganbench.data.mixtures import APART, Grid25, MixtureDataset, Random, Ring8, scatter
from ganbench.errors import BadSuite

quick = settings(max_examples=25, deadline=None)
ALL = [Ring8, Grid25, Random]


def random_mixture(k: int, sigma: float, seed: int) -> Mixture:
    generator = Generator().manual_seed(seed)
    weights = torch.rand(k, dtype=torch.float64, generator=generator) + 0.05
    return Mixture(torch.randn(k, 2, dtype=torch.float64, generator=generator), sigma, weights / weights.sum())


mixtures = st.builds(random_mixture, st.integers(1, 7), st.floats(0.01, 1), st.integers(0, 1000))


@quick
@given(st.integers(1, 30))
def test_a_ring_has_as_many_distinct_modes_as_asked(modes):
    ring = Ring8(modes=modes, points=10)
    assert len(ring.mixture.means.round(decimals=6).unique(dim=0)) == modes == ring.spec.classes
    torch.testing.assert_close(ring.mixture.means.norm(dim=1), torch.ones(modes, dtype=torch.float64))


@quick
@given(st.integers(1, 7), st.floats(0.5, 3))
def test_a_grid_is_centred_and_evenly_spaced(side, spacing):
    grid = Grid25(side=side, spacing=spacing, points=10)
    assert len(grid.mixture.means.unique(dim=0)) == side**2
    torch.testing.assert_close(grid.mixture.means.mean(0), torch.zeros(2, dtype=torch.float64))
    if side > 1:
        assert torch.pdist(grid.mixture.means).min().item() == pytest.approx(spacing)


@quick
@given(st.integers(1, 40), st.integers(0, 1000))
def test_random_modes_keep_apart_and_inside(modes, seed):
    means = Random(modes=modes, seed=seed, points=10).mixture.means
    assert means.shape == (modes, 2)
    assert means.abs().max() <= 4
    assert modes == 1 or torch.pdist(means).min() >= APART * 0.05


def test_the_default_grid_is_the_published_one():
    line = {-4.0, -2.0, 0.0, 2.0, 4.0}
    assert {tuple(mean) for mean in Grid25(points=10).mixture.means.tolist()} == {(a, b) for a in line for b in line}


@quick
@given(mixtures)
def test_the_density_is_the_sum_of_its_normals(mixture):
    x = torch.randn(20, 2)
    direct = torch.zeros(20, dtype=torch.float64)
    for mean, weight in zip(mixture.means, mixture.weights, strict=True):
        normal = torch.distributions.Normal(mean, torch.tensor(mixture.sigma, dtype=torch.float64))
        direct += weight * normal.log_prob(x.double()).sum(1).exp()
    near = direct > 1e-250  # beyond, the direct sum underflows
    torch.testing.assert_close(mixture.log_density(x)[near], direct[near].log())


def test_the_density_integrates_to_one():
    line = torch.linspace(-3, 3, 601, dtype=torch.float64)
    density = random_mixture(4, 0.2, seed=3).log_density(torch.cartesian_prod(line, line)).exp()
    assert density.sum().item() * 0.01**2 == pytest.approx(1, abs=1e-3)


@quick
@given(mixtures, st.floats(0, 1e6))
def test_the_posterior_sums_to_one_however_far_the_point(mixture, distance):
    posterior = mixture.log_posterior(torch.randn(20, 2) * distance).exp()
    torch.testing.assert_close(posterior.sum(1), torch.ones(20, dtype=torch.float64))


@pytest.mark.parametrize("dataset", ALL)
def test_of_true_samples_98_89_percent_lie_within_three_sigma(dataset):
    data = dataset()
    batch = data.train()
    distance = (batch.x.double() - data.mixture.means[batch.y]).norm(dim=1) / data.mixture.sigma
    expected = 1 - math.exp(-4.5)
    stderr = math.sqrt(expected * (1 - expected) / data.points)
    assert (distance < 3).double().mean().item() == pytest.approx(expected, abs=4 * stderr)


@pytest.mark.parametrize("dataset", ALL)
def test_splits_share_no_point_and_are_always_the_same(dataset):
    def splits(data: MixtureDataset) -> list[torch.Tensor]:
        drawn = [
            draw(split) for split in ("validation", "test") for draw in (data.reference, lambda s: data.fresh(s, 500))
        ]
        return [data.train().x, *(batch.x for batch in drawn)]

    first, again = splits(dataset(points=1000)), splits(dataset(points=1000))
    assert all(a.equal(b) for a, b in zip(first, again, strict=True))
    points = [tuple(point) for x in first for point in x.tolist()]
    assert len(set(points)) == len(points) == 1000 + 2 * (10_000 + 500)


@pytest.mark.parametrize("dataset", ALL)
def test_a_mixture_keeps_the_contract_of_datasets(dataset):
    data = dataset(points=100)
    batch = data.train()
    assert (batch.x.shape, batch.x.dtype, batch.y.dtype) == ((100, 2), torch.float32, torch.int64)
    assert data.train().x is batch.x
    assert data.prior.sum().item() == pytest.approx(1)
    assert len(data.prior) == data.spec.classes == len(data.mixture.means)
    assert (data.judge, data.preprocessing, len(data.fingerprint)) == ("truth", "none", 64)


def test_drawing_leaves_the_default_generator_alone():
    state = torch.get_rng_state()
    Random(points=10).train()
    assert torch.get_rng_state().equal(state)


def test_fingerprints_tell_mixtures_apart():
    datasets = [Ring8(), Ring8(points=10), Ring8(sigma=0.02), Ring8(radius=2), Grid25(), Random(), Random(seed=1)]
    assert len({data.fingerprint for data in datasets}) == len(datasets)
    assert Ring8().fingerprint == Ring8(sigma=0.01, radius=1).fingerprint


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ring8(modes=200), "200 modes of which two are 0.0314 apart.* Use fewer modes"),
        (lambda: Grid25(sigma=1), "two are 2 apart.* Use more spacing"),
        (lambda: Random(modes=100, sigma=0.5), "Found room for .* of 100 modes.* Use fewer modes"),
    ],
)
def test_bad_options_say_what_was_found_and_what_to_do(make, message):
    with pytest.raises(BadSuite, match=message):
        make()


def test_scatter_gives_up_where_nothing_fits():
    with pytest.raises(BadSuite, match=r"Found room for 1 of 2 modes in \[-1, 1\]"):
        scatter(2, spread=1, apart=3, generator=Generator().manual_seed(0))
