import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import norm
from torch import Generator, Tensor

from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, bins, diversity
from ganbench.metrics.bins import BINS, bins_of, flat, ndb, ndb_jsd
from ganbench.variant import Batch

BOTH = [ndb, ndb_jsd]


def points(n: int, seed: int, spread: float = 1.0) -> Tensor:
    return spread * torch.randn(n, 2, generator=Generator().manual_seed(seed))


TRAINING = points(20_000, 1000)


def evidence(x: Tensor, training: Tensor = TRAINING) -> Evidence:
    unseen = Judged(torch.zeros(len(x), 1), torch.zeros(len(x), 1))
    return Evidence(
        unseen, unseen._replace(features=torch.zeros(1000, 1)), torch.ones(1), x=x, training=Batch(training)
    )


def by_hand(x: Tensor, training: Tensor) -> tuple[float, float]:
    """Both numbers by the formulas of the paper and its code, with these centres."""
    centres = bins_of(training).centres.numpy()

    def histogram(samples: Tensor) -> np.ndarray:
        nearest = [np.argmin([np.sum((one - centre) ** 2) for centre in centres]) for one in samples.double().numpy()]
        return np.bincount(nearest, minlength=BINS) / len(samples)

    p, q, n, m = histogram(x), histogram(training), len(x), len(training)
    pooled = (p * n + q * m) / (n + m)
    z = (p - q) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float(np.mean(2 * norm.cdf(-np.abs(z)) < 0.05)), float(jensenshannon(p, q) ** 2)


def test_they_are_the_formulas():
    x, training = points(1000, 0, spread=1.3), points(2000, 1)
    assert (ndb(evidence(x, training)).value, ndb_jsd(evidence(x, training)).value) == pytest.approx(
        by_hand(x, training), rel=1e-9
    )


def test_training_data_are_at_no_distance_from_themselves():
    assert ndb(evidence(TRAINING)).value == 0
    assert ndb_jsd(evidence(TRAINING)).value == pytest.approx(0, abs=1e-12)


def test_samples_drawn_alike_differ_as_often_as_the_level_says(monkeypatch):
    monkeypatch.setattr(diversity, "RESAMPLES", 2)  # for errors, of which nothing is asked here
    values = torch.tensor([[metric(evidence(points(2000, seed))).value for metric in BOTH] for seed in range(60)])
    share, divergence = values.mean(0).tolist()
    assert share == pytest.approx(0.05, abs=0.02)
    assert divergence == pytest.approx((BINS - 1) / 8 * (1 / 2000 + 1 / 20_000), rel=0.05)


def test_samples_of_one_place_leave_all_other_bins():
    x = TRAINING[:1].expand(5000, 2)
    own = (bins_of(TRAINING).centres - x[0]).norm(dim=1).argmin()
    share = float(bins_of(TRAINING).training[own]) / len(TRAINING)
    assert ndb(evidence(x)).value == 1
    middle = (1 + share) / 2
    expected = (-math.log(middle) + share * math.log(share / middle) + (1 - share) * math.log(2)) / 2
    assert ndb_jsd(evidence(x)).value == pytest.approx(expected)


def test_more_missing_is_worse():
    kept = [evidence(x[x[:, 0] < edge]) for x in [points(8000, 3)] for edge in (2, 1, 0)]
    for metric in BOTH:
        values = [metric(one).value for one in kept]
        assert values == sorted(values)
        assert values[-1] > 4 * values[0]


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
@pytest.mark.parametrize("spread", [1.0, 1.3], ids=["alike", "wider"])
def test_stated_errors_are_those_of_redrawn_samples(metric, spread, monkeypatch):
    monkeypatch.setattr(diversity, "RESAMPLES", 100)
    estimates = [metric(evidence(points(2000, seed, spread))) for seed in range(60)]
    actual, stated = torch.tensor(estimates, dtype=torch.float64).unbind(1)
    assert 0.8 * actual.std() < stated.mean() < 2 * actual.std()  # too wide where nothing but noise differs


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_the_order_of_samples_changes_nothing(metric):
    x = points(2000, 0, spread=1.3)
    assert metric(evidence(x.flip(0))) == metric(evidence(x))


def test_bins_depend_on_the_training_data_alone_and_are_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(bins, "cluster", lambda training, real=bins.cluster: made.append(1) or real(training))
    training = points(3000, 7)
    for x in (points(1000, 0), points(1000, 1, 5.0)):
        ndb(evidence(x, training.clone()))
    assert len(made) == 1
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = bins_of(points(3000, 8))
    assert torch.get_rng_state().equal(before)
    bins_of(training)  # forgets
    assert bins_of(points(3000, 8)).centres.equal(first.centres)
    assert len(made) == 4


def test_wide_images_are_averaged_to_32_pixels_and_small_ones_stay():
    images = torch.rand(5, 3, 64, 64, generator=Generator().manual_seed(0))
    assert flat(images).view(5, 3, 32, 32)[0, 1, 2, 3] == pytest.approx(images[0, 1, 4:6, 6:8].mean().item(), rel=1e-6)
    assert flat(images[..., :28, :28]).equal(images[..., :28, :28].flatten(1))


def test_images_fill_bins_too():
    pixels = torch.rand(3000, 1, 8, 8, generator=Generator().manual_seed(0))
    dark = evidence(pixels[:1000] * 0.5, pixels)
    assert ndb(evidence(pixels, pixels)).value == 0
    assert ndb(dark).value > 0.5


def test_empty_bins_are_alike():
    """Points that repeat fill fewer bins than there are."""
    few = points(20, 0).repeat(100, 1)
    assert (bins_of(few).training == 0).any()
    assert ndb(evidence(few, few)) == (0, pytest.approx(0, abs=0.02))


def test_too_few_training_or_other_samples_are_refused():
    with pytest.raises(BenchError, match=r"Found 500 training samples, but 100 bins need at least 1,000\. .*leave out"):
        ndb(evidence(TRAINING, points(500, 0)))
    with pytest.raises(BenchError, match=r"Found 999 samples, but ndb .* needs at least 1,000"):
        ndb(evidence(points(999, 0)))
