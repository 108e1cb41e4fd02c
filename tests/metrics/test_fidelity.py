import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch import Generator, Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, Metric, fidelity
from ganbench.metrics.fidelity import coverage, density, fid, inception_score, kid, precision, recall

NEIGHBOURS = [precision, recall, density, coverage]
quick = settings(max_examples=25, deadline=None)


def normal(n: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(n, width, dtype=dtype, generator=Generator().manual_seed(seed))


def compare(samples: Tensor, reference: Tensor) -> Evidence:
    return Evidence(Judged(samples, samples), Judged(reference, reference), torch.ones(1))


def judged(logits: Tensor) -> Evidence:
    return compare(logits, logits)


def with_moments(mean: Tensor, covariance: Tensor, n: int, seed: int) -> Tensor:
    """(n, width) samples with exactly this mean and covariance."""
    x = normal(n, len(mean), seed, torch.float64)
    x = x - x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T.cov()), x.T, upper=False)
    return (torch.linalg.cholesky(covariance) @ white).T + mean


def spread(metric: Metric, redraw, times: int) -> tuple[float, float]:
    """The standard deviation over redrawn samples, and the standard error that the metric states on average."""
    estimates = [metric(redraw(seed)) for seed in range(times)]
    values, stderrs = torch.tensor(estimates, dtype=torch.float64).T
    return values.std().item(), stderrs.mean().item()


# Inception score


def test_sure_and_even_samples_score_the_number_of_classes():
    logits = 1000 * torch.eye(7).repeat(1000, 1)
    # Shuffled splits are not quite even: each lacks (7 - 1) / 2n of its entropy, with n = 700.
    assert inception_score(judged(logits)).value == pytest.approx(7 * math.exp(-6 / 1400), rel=3e-3)


@pytest.mark.parametrize("row", [[1000.0, 0, 0, 0], [0.0, 0, 0, 0]], ids=["one class", "no idea"])
def test_samples_that_are_all_alike_score_one(row):
    score = inception_score(judged(torch.tensor([row]).repeat(100, 1)))
    assert score.value == pytest.approx(1)
    assert score.stderr == pytest.approx(0, abs=1e-9)


def test_the_inception_score_is_torch_fidelitys():
    logits = 5 * normal(999, 10, 0)
    oracle = isc_features_to_metric(logits, splits=10, shuffle=True)
    score = inception_score(judged(logits))
    assert score.value == pytest.approx(oracle["inception_score_mean"], rel=1e-9)
    assert score.stderr == pytest.approx(oracle["inception_score_std"] / 3, rel=1e-9)


def test_impossible_classes_leave_the_inception_score_a_number():
    """Two modes far apart have exactly zero probability of each other; torch-fidelity alone gives nan."""
    logits = torch.tensor([[0.0, -20000.0, -math.inf]]).repeat(50, 1)
    assert math.isnan(isc_features_to_metric(logits)["inception_score_mean"])
    assert inception_score(judged(logits)).value == pytest.approx(1)


def test_the_inception_scores_stated_error_is_that_of_redrawn_samples():
    actual, stated = spread(inception_score, lambda seed: judged(5 * normal(500, 10, seed)), 60)
    assert stated == pytest.approx(actual, rel=0.4)


# FID


@pytest.mark.parametrize("width", [2, 64])
def test_identical_sets_have_no_distance(width):
    x = normal(500, width, 0)
    assert fid(compare(x, x)).value == pytest.approx(0, abs=1e-6)


def test_two_round_normal_distributions_have_the_distance_of_the_closed_form():
    mean, a, b = torch.tensor([3.0, -4, 0]).double(), torch.tensor([1.0, 4, 9]), torch.tensor([4.0, 4, 1])
    samples = with_moments(mean, a.double().diag(), 100, seed=0)
    reference = with_moments(torch.zeros(3).double(), b.double().diag(), 200, seed=1)
    expected = 25 + (a.sqrt() - b.sqrt()).square().sum().item()
    assert fid(compare(samples, reference)).value == pytest.approx(expected, rel=1e-9)


def test_correlated_normal_distributions_have_the_distance_of_the_matrix_root():
    mix_a, mix_b = normal(8, 8, 0, torch.float64), normal(8, 8, 1, torch.float64)
    a, b = mix_a @ mix_a.T + torch.eye(8), mix_b @ mix_b.T + torch.eye(8)
    samples = with_moments(torch.zeros(8).double(), a, 100, seed=2)
    reference = with_moments(torch.ones(8).double(), b, 100, seed=3)
    expected = 8 + (a.trace() + b.trace()).item() - 2 * sqrtm((a @ b).numpy()).real.trace()
    assert fid(compare(samples, reference)).value == pytest.approx(expected, rel=1e-9)


def test_the_fid_is_torch_fidelitys():
    samples, reference = normal(300, 16, 0), 2 * normal(400, 16, 1) + 1
    statistics = [fid_features_to_statistics(x.double()) for x in (samples, reference)]
    oracle = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert fid(compare(samples, reference)).value == pytest.approx(oracle, rel=1e-6)


def test_the_fid_is_computed_in_double_precision():
    """In single precision the covariances of features far from zero would drown in rounding."""
    samples, reference = normal(300, 4, 0) + 10_000, normal(400, 4, 1) + 10_000
    near = fid(compare(samples.double() - 10_000, reference.double() - 10_000))
    assert fid(compare(samples, reference)).value == pytest.approx(near.value, rel=1e-6)


@pytest.mark.parametrize(("n", "m", "found"), [(64, 100, "Found 64 samples"), (100, 37, "Found 37 reference samples")])
def test_fewer_samples_than_features_are_refused(n, m, found):
    with pytest.raises(BenchError, match=f"{found}, but a FID on 64 features needs at least 65. .*kid"):
        fid(compare(normal(n, 64, 0), normal(m, 64, 1)))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_fids_stated_error_is_that_of_redrawn_samples(shift):
    reference = normal(500, 4, 1000)
    actual, stated = spread(fid, lambda seed: compare(normal(300, 4, seed) + shift, reference), 60)
    assert 0.7 * actual < stated < 2 * actual  # too wide where the FID is nothing but its own noise


def test_the_error_of_a_wide_fid_is_not_estimated():
    assert math.isnan(fid(compare(normal(300, 257, 0), normal(300, 257, 1))).stderr)


# KID


def test_the_kid_is_torch_fidelitys(monkeypatch):
    monkeypatch.setattr(fidelity, "KID_SUBSET", 100)
    samples, reference = normal(220, 8, 0), normal(210, 8, 1) + 0.1
    oracle = kid_features_to_metric(
        samples.double(), reference.double(), kid_subset_size=100, rng_seed=0, verbose=False
    )
    assert kid(compare(samples, reference)).value == pytest.approx(oracle["kernel_inception_distance_mean"], rel=1e-6)


def test_few_samples_all_enter_each_subset():
    """Then the mean over the subsets is the unbiased estimate itself."""
    x, y = normal(60, 5, 0, torch.float64), normal(60, 5, 1, torch.float64)
    kernel = [(a @ b.T / 5 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    within = [(k.sum() - k.trace()) / (60 * 59) for k in kernel[:2]]
    expected = (sum(within) - 2 * kernel[2].mean()).item()
    assert kid(compare(x, y)).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_kids_stated_error_is_that_of_redrawn_samples(shift, monkeypatch):
    monkeypatch.setattr(fidelity, "KID_SUBSETS", 20)
    monkeypatch.setattr(fidelity, "KID_SUBSET", 100)
    reference = normal(1000, 4, 1000)
    actual, stated = spread(kid, lambda seed: compare(normal(150, 4, seed) + shift, reference), 60)
    assert stated == pytest.approx(actual, rel=0.4)


def test_the_kid_of_real_data_scatters_around_zero(monkeypatch):
    monkeypatch.setattr(fidelity, "KID_SUBSETS", 1)  # they are all alike
    estimates = [kid(compare(normal(100, 4, seed), normal(100, 4, seed + 1000))) for seed in range(40)]
    values = torch.tensor([estimate.value for estimate in estimates])
    assert abs(values.mean()) < 3 * values.std() / 40**0.5
    assert values.min() < 0


def test_one_sample_is_no_kid():
    with pytest.raises(BenchError, match=r"Found 1 .* needs at least 2"):
        kid(compare(normal(1, 4, 0), normal(10, 4, 1)))


# Precision, recall, density, coverage


def by_definition(samples: Tensor, reference: Tensor) -> dict[str, float]:
    """The four numbers as the papers define them, one distance at a time."""

    def distances(a, b):
        return (a.double()[:, None] - b.double()[None]).square().sum(2).sqrt()

    def reach(x, k):
        return distances(x, x).sort(1).values[:, k]

    cross = distances(samples, reference)
    return {
        "precision": (cross <= reach(reference, 3)[None]).any(1).double().mean().item(),
        "recall": (cross <= reach(samples, 3)[:, None]).any(0).double().mean().item(),
        "density": (cross < reach(reference, 5)[None]).double().sum(1).mean().item() / 5,
        "coverage": (cross < reach(reference, 5)[None]).any(0).double().mean().item(),
    }


@quick
@given(n=st.integers(6, 60), m=st.integers(6, 60), width=st.integers(1, 8), seed=st.integers(0, 1000))
def test_neighbourhood_metrics_follow_their_definitions(n, m, width, seed):
    samples, reference = normal(n, width, seed), 1.5 * normal(m, width, seed + 1) + 0.3
    expected = by_definition(samples, reference)
    for metric in NEIGHBOURS:
        assert metric(compare(samples, reference)).value == pytest.approx(expected[metric.name], abs=1e-12), metric.name


def test_precision_and_recall_are_torch_fidelitys():
    samples, reference = normal(700, 8, 0), normal(900, 8, 1) + 0.5
    oracle = prc_features_to_metric(samples.double(), reference.double(), verbose=False)
    assert precision(compare(samples, reference)).value == pytest.approx(oracle["precision"], rel=1e-6)
    assert recall(compare(samples, reference)).value == pytest.approx(oracle["recall"], rel=1e-6)


def test_neighbourhoods_do_not_depend_on_the_pieces_they_are_computed_in(monkeypatch):
    evidence = compare(normal(50, 4, 0), normal(60, 4, 1))
    whole = [metric(evidence) for metric in NEIGHBOURS]
    monkeypatch.setattr(fidelity, "CHUNK", 7)
    for metric, estimate in zip(NEIGHBOURS, whole, strict=True):
        assert metric(evidence) == pytest.approx(estimate, nan_ok=True)


@pytest.mark.parametrize("metric", NEIGHBOURS, ids=lambda metric: metric.name)
def test_samples_far_from_all_real_data_score_nothing(metric):
    assert metric(compare(normal(50, 4, 0) + 100, normal(50, 4, 1))).value == 0


@pytest.mark.parametrize("metric", [precision, recall, coverage], ids=lambda metric: metric.name)
def test_a_copy_of_the_reference_scores_one(metric):
    x = normal(200, 4, 0)
    assert metric(compare(x, x)).value == 1


def test_real_data_have_the_density_and_coverage_that_theory_expects():
    evidence = compare(normal(4000, 3, 0), normal(4000, 3, 1))
    assert coverage(evidence).value == pytest.approx(1 - 2**-5, abs=0.01)
    assert density(evidence).value == pytest.approx(1, abs=0.05)


def test_one_good_sample_repeated_shows_in_recall_and_coverage_alone():
    """What the docstrings say of blindness."""
    real = normal(500, 3, 0)
    depths = torch.stack([torch.tensor(density(compare(x.repeat(6, 1), real)).value) for x in real])
    collapsed = compare(real[depths.argmax()] + 0.001 * normal(500, 3, 1), real)
    assert precision(collapsed).value == 1
    assert density(collapsed).value > 1
    assert recall(collapsed).value < 0.05
    assert coverage(collapsed).value < 0.1


@pytest.mark.parametrize("metric", [precision, density, coverage], ids=lambda metric: metric.name)
def test_stated_errors_of_neighbourhoods_are_those_of_redrawn_samples(metric):
    reference = normal(500, 4, 1000)
    actual, stated = spread(metric, lambda seed: compare(normal(300, 4, seed) + 0.5, reference), 60)
    assert stated == pytest.approx(actual, rel=0.4)


@pytest.mark.parametrize("metric", NEIGHBOURS, ids=lambda metric: metric.name)
def test_too_few_samples_for_a_neighbourhood_are_refused(metric):
    with pytest.raises(BenchError, match=rf"Found 3 samples, but {metric.name} needs at least [46]\."):
        metric(compare(normal(3, 4, 0), normal(10, 4, 1)))
    with pytest.raises(BenchError, match="Found 3 reference samples"):
        metric(compare(normal(10, 4, 0), normal(3, 4, 1)))


@pytest.mark.parametrize("metric", [fid, *NEIGHBOURS], ids=lambda metric: metric.name)
def test_a_permutation_changes_nothing(metric):
    samples, reference = normal(200, 5, 0), normal(300, 5, 1)
    shuffled = compare(samples[torch.randperm(200, generator=Generator().manual_seed(0))], reference.flip(0))
    assert metric(shuffled).value == pytest.approx(metric(compare(samples, reference)).value, rel=1e-9)


@pytest.mark.parametrize("metric", [inception_score, fid, kid, *NEIGHBOURS], ids=lambda metric: metric.name)
def test_the_same_samples_give_the_same_estimate(metric):
    """Bootstrap and subsets are seeded, and no metric touches the generators of the run."""
    evidence, before = compare(normal(100, 5, 0), normal(100, 5, 1)), torch.get_rng_state()
    assert metric(evidence) == pytest.approx(metric(evidence), abs=0, rel=0, nan_ok=True)
    assert torch.equal(torch.get_rng_state(), before)
