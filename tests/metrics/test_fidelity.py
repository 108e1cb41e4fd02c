import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from scipy.linalg import sqrtm
from sklearn.cluster import MiniBatchKMeans
from torch import Generator, Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from ganbench.data.mnist import Mnist5k
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.judges.mnist import ASSETS, MnistJudge
from ganbench.metrics import Evidence, Metric, fidelity
from ganbench.metrics.fidelity import (
    coverage,
    density,
    fid,
    fid_unbiased,
    inception_score,
    kid,
    neighbourhoods,
    prd_curves,
    prd_f1_8,
    prd_f8,
    precision,
    real_neighbours,
    recall,
)

NEIGHBOURS = [precision, recall, density, coverage]
PRD = [prd_f8, prd_f1_8]
ALL = [inception_score, fid, fid_unbiased, kid, *NEIGHBOURS, *PRD]
quick = settings(max_examples=25, deadline=None)


def normal(n: int, width: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(n, width, dtype=dtype, generator=Generator().manual_seed(seed))


def compare(samples: Tensor, reference: Tensor) -> Evidence:
    return Evidence(Judged(samples, samples), Judged(reference, reference), torch.ones(1))


def judged(logits: Tensor) -> Evidence:
    return compare(logits, logits)


@pytest.fixture(scope="module")
def digits() -> Evidence:
    """1,200 real digits against 1,000 others, by features and logits that the digit judge ships."""
    samples, reference = (load_file(ASSETS / f"mnist-{split}.safetensors") for split in ("validation", "test"))
    judged = [
        Judged(shipped["features"][:n].float(), shipped["logits"][:n].float())
        for shipped, n in ((samples, 1200), (reference, 1000))
    ]
    return Evidence(*judged, torch.full((10,), 0.1))


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
    with pytest.raises(BenchError, match=f"{found}, but fid on 64 features needs at least 65"):
        fid(compare(normal(n, 64, 0), normal(m, 64, 1)))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_fids_stated_error_is_that_of_redrawn_samples(shift):
    reference = normal(500, 4, 1000)
    actual, stated = spread(fid, lambda seed: compare(normal(300, 4, seed) + shift, reference), 60)
    assert 0.7 * actual < stated < 2 * actual  # too wide where the FID is nothing but its own noise


@pytest.mark.parametrize("metric", [fid, fid_unbiased], ids=lambda metric: metric.name)
def test_features_that_never_vary_leave_the_error_a_number(metric):
    """A dead unit of the judge, and a generator that has collapsed onto one sample."""
    reference = normal(300, 5, 0)
    dead = torch.cat([normal(300, 4, 1), torch.zeros(300, 1)], 1)
    estimate = metric(compare(dead, reference))
    assert estimate.value > 0 and 0 < estimate.stderr < 1
    assert metric(compare(reference[:1].repeat(300, 1), reference)).stderr == pytest.approx(0, abs=1e-6)


# FID of infinitely many samples


def extrapolated(samples: Tensor, reference: Tensor, sizes: list[int]) -> float:
    """The intercept of FIDs, by matrix roots, over the inverse of their number of samples."""
    mixed, moments = fidelity.shuffled(samples), []
    target = reference.mean(0), reference.T.cov()
    for size in sizes:
        distances = []
        for start in range(0, len(mixed) - size + 1, size):
            part = mixed[start : start + size]
            shared = sqrtm((part.T.cov() @ target[1]).numpy()).real.trace()
            distances.append((part.mean(0) - target[0]).square().sum() + part.T.cov().trace() + target[1].trace())
            distances[-1] -= 2 * shared
        moments.append((1 / size, sum(distances) / len(distances)))
    x, y = torch.tensor(moments).double().T
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    return (y.mean() - slope * x.mean()).item()


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (900, [900, 450, 300, 225, 180, 150, 128, 112, 100, 90]),
        (170, [170, 85, 56, 42]),  # the next part would have 34 samples, and 8 times the width is 40
        (60, [60, 30]),
    ],
)
def test_the_unbiased_fid_is_the_intercept_of_a_line(n, sizes):
    samples, reference = normal(n, 4, 0, torch.float64) * 1.3 + 0.2, normal(500, 4, 1, torch.float64)
    expected = extrapolated(samples, reference, sizes)
    assert fid_unbiased(compare(samples, reference)).value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_extrapolation_takes_the_bias_away(shift):
    """Against data of known moments."""
    width, n = 16, 1000
    reference = with_moments(torch.zeros(width).double(), torch.eye(width).double(), 500, seed=99)
    draws = [compare(normal(n, width, seed, torch.float64) + shift, reference) for seed in range(30)]
    plain, unbiased = (torch.tensor([metric(draw).value for draw in draws]) for metric in (fid, fid_unbiased))
    distance = width * shift**2
    assert plain.mean() - distance > 5 * plain.std() / 30**0.5
    assert abs(unbiased.mean() - distance) < 3 * unbiased.std() / 30**0.5
    assert unbiased.std() < 2 * plain.std()


def test_few_and_many_digits_agree_once_extrapolated():
    """2,500 and 10,000 real digits: their FIDs lie apart, their unbiased ones do not."""
    samples, reference = (
        load_file(ASSETS / f"mnist-{split}.safetensors")["features"].float() for split in ("validation", "test")
    )
    few, many = compare(samples[:2500], reference), compare(samples, reference)
    assert fid(few).value > 1.5 * fid(many).value
    (a, a_error), (b, b_error) = fid_unbiased(few), fid_unbiased(many)
    assert abs(a - b) < math.hypot(a_error, b_error)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_unbiased_fids_stated_error_is_that_of_redrawn_samples(shift):
    reference = with_moments(torch.zeros(4).double(), torch.eye(4).double(), 500, seed=99)
    actual, stated = spread(fid_unbiased, lambda seed: compare(normal(400, 4, seed) + shift, reference), 60)
    assert stated == pytest.approx(actual, rel=0.3)


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


def test_identical_sets_have_no_kernel_distance(monkeypatch):
    """But for noise, where subsets are a small part of all; subsets that are alike fall below zero."""
    monkeypatch.setattr(fidelity, "KID_SUBSET", 50)
    monkeypatch.setattr(fidelity, "KID_SUBSETS", 20)
    x = normal(1000, 8, 0)
    estimate = kid(compare(x, x))
    assert abs(estimate.value) < 3 * estimate.stderr


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


@quick
@given(n=st.integers(6, 40), m=st.integers(6, 40), width=st.integers(1, 3), seed=st.integers(0, 1000))
def test_a_sample_on_the_rim_of_a_ball_is_where_the_definitions_put_it(n, m, width, seed):
    """On a lattice nearly all distances are equal to others, and many samples coincide.

    Eighths have squares without rounding; with tenths that of the definitions themselves would sometimes decide.
    """
    generator = Generator().manual_seed(seed)
    samples, reference = (torch.randint(4, (k, width), generator=generator).float() / 8 for k in (n, m))
    expected = by_definition(samples, reference)
    for metric in NEIGHBOURS:
        assert metric(compare(samples, reference)).value == pytest.approx(expected[metric.name], abs=1e-12), metric.name


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_neither_an_offset_nor_an_outlier_spoils_the_distances(offset):
    samples, reference = normal(60, 4, 0) + offset, normal(60, 4, 1) + offset
    samples[0], reference[0] = 1e6, -1e6
    expected = by_definition(samples, reference)
    for metric in NEIGHBOURS:
        assert metric(compare(samples, reference)).value == pytest.approx(expected[metric.name], abs=1e-12), metric.name


def test_four_metrics_look_at_the_distances_once():
    evidence, before = compare(normal(50, 4, 0), normal(60, 4, 1)), neighbourhoods.cache_info()
    for metric in NEIGHBOURS:
        metric(evidence)
    after = neighbourhoods.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 3)


def test_the_neighbours_of_real_data_are_sought_once() -> None:
    reference = normal(60, 4, 1)
    real_neighbours.cache_clear()
    for seed in range(3):
        precision(compare(normal(50, 4, seed), reference))
    assert real_neighbours.cache_info().misses == 1


def test_neighbourhoods_on_a_gpu_mix_no_devices_and_come_home() -> None:
    """With tensors that have a device and shapes, and no values: an operation on two devices raises."""
    real_neighbours.cache_clear()
    with FakeTensorMode(allow_non_fake_inputs=True):
        found = neighbourhoods.__wrapped__(torch.empty(50, 4), torch.empty(60, 4), torch.device("cuda"))
        _, y, near, _ = real_neighbours(torch.empty(60, 4), torch.device("cuda"))
    real_neighbours.cache_clear()
    assert {part.device.type for part in found} == {"cpu"} and {y.device.type, near.device.type} == {"cuda"}
    assert [tuple(part.shape) for part in found] == [tuple(part.shape) for part in neighbourhoods(
        normal(50, 4, 0), normal(60, 4, 1))]  # fmt: skip


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("metric", [kid, *NEIGHBOURS], ids=lambda metric: metric.name)
def test_a_gpu_gives_the_same_numbers(digits: Evidence, metric: Metric) -> None:
    there = metric(digits._replace(device=torch.device("cuda")))
    assert there == pytest.approx(metric(digits), rel=1e-6)


def test_neighbourhoods_do_not_depend_on_the_pieces_they_are_computed_in(monkeypatch):
    evidence = compare(normal(50, 4, 0), normal(60, 4, 1))
    whole = [metric(evidence) for metric in NEIGHBOURS]
    monkeypatch.setattr(fidelity, "PIECE", 350)  # seven rows or five
    neighbourhoods.cache_clear()
    real_neighbours.cache_clear()
    for metric, estimate in zip(NEIGHBOURS, whole, strict=True):
        assert metric(evidence) == pytest.approx(estimate)


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
    apart = torch.cdist(real, real)
    depths = (apart < apart.sort(1).values[:, 5]).sum(1)
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


def test_the_stated_error_of_recall_is_that_of_redrawn_samples_or_somewhat_wider():
    reference = normal(500, 4, 1000)
    actual, stated = spread(recall, lambda seed: compare(normal(300, 4, seed) + 0.5, reference), 60)
    assert 0.9 * actual < stated < 1.9 * actual


@pytest.mark.parametrize("metric", NEIGHBOURS, ids=lambda metric: metric.name)
def test_too_few_samples_for_a_neighbourhood_are_refused(metric):
    with pytest.raises(BenchError, match=rf"Found 3 samples, but {metric.name} on \d+ features needs at least [46]\."):
        metric(compare(normal(3, 4, 0), normal(10, 4, 1)))
    with pytest.raises(BenchError, match="Found 3 reference samples"):
        metric(compare(normal(10, 4, 0), normal(3, 4, 1)))


# Precision and recall of distributions


def f_scores(samples: np.ndarray, reference: np.ndarray, runs: int) -> tuple[float, float]:
    """F8 and F1/8 as the paper defines them, one slope and one cluster at a time."""
    angles = np.linspace(1e-10, np.pi / 2 - 1e-10, 1001)
    precisions, recalls = np.zeros(1001), np.zeros(1001)
    for seed in range(runs):
        labels = MiniBatchKMeans(20, n_init=3, random_state=seed).fit(np.concatenate([samples, reference])).labels_
        for i, angle in enumerate(angles):
            slope = math.tan(angle)
            for cluster in range(20):
                q = (labels[: len(samples)] == cluster).mean()
                p = (labels[len(samples) :] == cluster).mean()
                precisions[i] += min(slope * p, q) / runs
                recalls[i] += min(p, q / slope) / runs
    scores = [
        max((1 + b * b) * p * r / (b * b * p + r + 1e-10) for p, r in zip(precisions, recalls, strict=True))
        for b in (8, 1 / 8)
    ]
    return scores[0], scores[1]


def test_prd_follows_its_definition(monkeypatch):
    monkeypatch.setattr(fidelity, "PRD_RUNS", 2)
    samples, reference = 1.5 * normal(300, 3, 0) + 0.4, normal(300, 3, 1)
    in_order = [fidelity.shuffled(x).numpy() for x in (samples, reference)]
    found = [metric(compare(samples, reference)).value for metric in PRD]
    assert found == pytest.approx(f_scores(*in_order, runs=2), rel=1e-6)


def test_identical_sets_are_precise_and_complete():
    x = normal(300, 4, 0)
    assert [metric(compare(x, x)).value for metric in PRD] == pytest.approx([1, 1], abs=1e-9)


def test_sets_far_apart_are_neither():
    assert [metric(compare(normal(300, 4, 0) + 100, normal(300, 4, 1))).value for metric in PRD] == [0, 0]


def test_a_missed_half_costs_recall_and_a_superfluous_one_precision():
    """What the docstrings say of the two."""
    lumps = normal(800, 2, 0) + 20 * (torch.arange(800) % 2)[:, None]
    whole, half = lumps[:400], lumps[400:][::2]
    half = torch.cat([half, half + 0.01])
    missed, superfluous = compare(half, whole), compare(whole, half)
    assert prd_f8(missed).value < 0.6 and prd_f1_8(missed).value > 0.85
    assert prd_f8(superfluous).value > 0.85 and prd_f1_8(superfluous).value < 0.6


def test_the_larger_set_is_cut_to_the_smaller_ones_size(monkeypatch):
    monkeypatch.setattr(fidelity, "PRD_RUNS", 2)
    samples, reference = normal(150, 3, 0), normal(400, 3, 1)
    cut = fidelity.shuffled(reference)[:150]
    precise, _ = prd_curves(samples, reference)
    assert precise.shape == (2, 1 + fidelity.PRD_RESAMPLES, 1001)
    assert prd_f8(compare(samples, reference)).value == pytest.approx(prd_f8(compare(samples, cut)).value, abs=0.05)


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_the_stated_error_of_prd_is_that_of_redrawn_samples(shift, monkeypatch):
    monkeypatch.setattr(fidelity, "PRD_RUNS", 3)
    reference = normal(400, 3, 1000)
    draws = [compare(normal(400, 3, seed) + shift, reference) for seed in range(25)]
    estimates = torch.tensor([[metric(draw) for metric in PRD] for draw in draws])  # both share a look at a draw
    for metric, found in zip(PRD, estimates.unbind(1), strict=True):
        actual, stated = found[:, 0].std(), found[:, 1].mean()
        assert 0.6 * actual < stated < 2 * actual, metric.name  # too wide for few samples that are alike


# All of them


def test_on_real_features_the_numbers_are_torch_fidelitys(digits, monkeypatch):
    monkeypatch.setattr(fidelity, "KID_SUBSETS", 5)
    samples, reference = (judged.features.double() for judged in digits[:2])
    statistics = [fid_features_to_statistics(x) for x in (samples, reference)]
    logits = digits.samples.logits.double()
    oracle = {
        **isc_features_to_metric(logits, splits=10, shuffle=True),
        **fid_statistics_to_metric(*statistics, False),
        **kid_features_to_metric(samples, reference, rng_seed=0, kid_subsets=5, verbose=False),
        **prc_features_to_metric(samples, reference, verbose=False),
    }
    expected = {
        "is": oracle["inception_score_mean"],
        "fid": oracle["frechet_inception_distance"],
        "kid": oracle["kernel_inception_distance_mean"],
        "precision": oracle["precision"],
        "recall": oracle["recall"],
    }
    found = {metric.name: metric(digits).value for metric in (inception_score, fid, kid, precision, recall)}
    assert found == pytest.approx(expected, rel=1e-6)


def test_on_real_features_the_neighbourhoods_follow_their_definitions(digits):
    samples, reference = (judged.features[:250] for judged in digits[:2])
    expected = by_definition(samples, reference)
    found = {metric.name: metric(compare(samples, reference)).value for metric in NEIGHBOURS}
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_permutation_changes_nothing_but_the_splits_of_the_inception_score(metric):
    samples, reference = normal(200, 5, 0), normal(200, 5, 1)
    straight = metric(compare(samples, reference))
    shuffled = metric(compare(samples[torch.randperm(200, generator=Generator().manual_seed(0))], reference.flip(0)))
    near = 2 * straight.stderr if metric is inception_score else 0
    assert shuffled.value == pytest.approx(straight.value, rel=1e-9, abs=near)


@pytest.fixture(scope="module")
def by_batch() -> list[Evidence]:
    """250 digits, judged at once and in batches of 9."""
    data = Mnist5k(size=28)
    judge, x = MnistJudge(data), data.train().x[::6][:500]
    pieces = [judge(few) for few in torch.split(x, 9)]
    joined = Judged(*(torch.cat(parts) for parts in zip(*pieces, strict=True)))
    prior = torch.full((10,), 0.1)
    return [
        Evidence(Judged(*(part[:250] for part in all_of)), Judged(*(part[250:] for part in all_of)), prior)
        for all_of in (judge(x), joined)
    ]


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_the_judges_batch_changes_nothing(metric, by_batch):
    whole, pieces = (metric(evidence).value for evidence in by_batch)
    assert pieces == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_the_same_samples_give_the_same_estimate(metric):
    """Bootstrap and subsets are seeded, and no metric touches the generators of the run."""
    evidence, before = compare(normal(100, 5, 0), normal(100, 5, 1)), torch.get_rng_state()
    first = metric(evidence)
    neighbourhoods.cache_clear()
    real_neighbours.cache_clear()
    prd_curves.cache_clear()
    assert metric(evidence) == pytest.approx(first, abs=0, rel=0)
    assert torch.equal(torch.get_rng_state(), before)
