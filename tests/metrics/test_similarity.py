import math

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from torch import Generator, Tensor
from torch.nn.functional import interpolate, one_hot

from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence
from ganbench.metrics.similarity import (
    birthday_support,
    couples,
    drawn_couples,
    ms_ssim,
    ms_ssim_gap,
    shuffled_rows,
    structural_similarity,
)
from ganbench.variant import Batch

CLASSES = 3
EVEN = torch.full((CLASSES,), 1 / CLASSES)


def judged(features: Tensor, y: Tensor) -> Judged:
    return Judged(features, 9.0 * one_hot(y, CLASSES))


def smooth(n: int, seed: int, side: int = 16) -> Tensor:
    """(n, 1, side, side) images in [-1, 1] that have structure."""
    noise = torch.randn(n, 1, 5, 5, generator=Generator().manual_seed(seed))
    return interpolate(noise, (side, side), mode="bicubic").tanh()


PATTERNS = smooth(CLASSES, 99)


def pictures(y: Tensor, seed: int, variety: float = 0.7) -> Tensor:
    """Of each class its own pattern, varied; class 0 varies least."""
    amount = variety * (0.5 + 0.25 * y.view(-1, 1, 1, 1))
    return ((1 - amount) * PATTERNS[y] + amount * smooth(len(y), seed)).clamp(-1, 1)


def draw(n: int, seed: int) -> Tensor:
    return torch.randint(CLASSES, (n,), generator=Generator().manual_seed(seed))


REAL = Batch(pictures(draw(3000, 1000), 1000), draw(3000, 1000))


def evidence(x: Tensor, y: Tensor, real: Batch = REAL) -> Evidence:
    seen = judged(torch.zeros(len(x), 1), y)
    return Evidence(seen, seen, EVEN, x=x, training=real)


# Structural similarity


def by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Multi-scale similarity of two images (h, w) in [0, 1], by the paper's equations."""
    offset = np.arange(11) - 5
    window = np.exp(-(offset[:, None] ** 2 + offset[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    scales = [k for k in range(5) if len(a) // 2**k >= 11]
    product = 1.0
    for k in scales:
        mean_a, mean_b = (convolve2d(x, window, "valid") for x in (a, b))
        var_a, var_b, cov = (
            convolve2d(x, window, "valid") - m
            for x, m in ((a * a, mean_a**2), (b * b, mean_b**2), (a * b, mean_a * mean_b))
        )
        light = (2 * mean_a * mean_b + 0.0001) / (mean_a**2 + mean_b**2 + 0.0001)
        structure = (2 * cov + 0.0009) / (var_a + var_b + 0.0009)
        mean = np.mean(light * structure if k == scales[-1] else structure)
        product *= max(mean, 0) ** (weights[k] / sum(weights[: len(scales)]))
        half = len(a) // 2
        a, b = (x[: 2 * half, : 2 * half].reshape(half, 2, half, 2).mean((1, 3)) for x in (a, b))
    return product


@pytest.mark.parametrize("side", [11, 21, 28, 32, 64, 176])
def test_it_is_the_papers_formula(side):
    a = smooth(2, 0, side)
    b = (0.6 * a + 0.4 * smooth(2, 1, side)).clamp(-1, 1)
    expected = [by_hand(*((torch.cat(pair).double() + 1) / 2).numpy()) for pair in zip(a, b, strict=True)]
    assert structural_similarity(a, b).tolist() == pytest.approx(expected, rel=1e-9)
    assert all(0.05 < value < 0.99 for value in expected)


def test_the_shorter_side_says_how_often_an_image_is_halved():
    a = smooth(2, 0, 48)[:, :, :12]
    b = (0.6 * a + 0.4 * smooth(2, 1, 48)[:, :, :12]).clamp(-1, 1)
    expected = [by_hand(*((torch.cat(pair).double() + 1) / 2).numpy()) for pair in zip(a, b, strict=True)]
    assert structural_similarity(a, b).tolist() == pytest.approx(expected, rel=1e-9)
    assert structural_similarity(a.mT, b.mT).tolist() == pytest.approx(expected, rel=1e-9)


def test_an_image_is_like_itself_alone():
    x = smooth(50, 0, 32)
    assert structural_similarity(x, x).tolist() == pytest.approx([1] * 50)
    assert structural_similarity(x, -x).max() < 0.3
    assert structural_similarity(x, x.roll(1, 0)).max() < 0.9
    assert structural_similarity(x, x.roll(1, 0)).isfinite().all()


def test_channels_are_averaged():
    a, c = smooth(6, 0).view(2, 3, 16, 16), smooth(6, 1).view(2, 3, 16, 16)
    b = 0.6 * a + 0.4 * c
    each = torch.stack([structural_similarity(a[:, [k]], b[:, [k]]) for k in range(3)])
    assert structural_similarity(a, b).tolist() == pytest.approx(each.mean(0).tolist())  # exactly, on a single scale


def test_couples_are_of_one_class_and_share_no_sample():
    y = draw(501, 0)
    first, second = couples(smooth(501, 0), y)
    assert y[first].equal(y[second])
    used = torch.cat([first, second])
    assert len(used.unique()) == len(used) == sum(count // 2 * 2 for count in y.bincount().tolist())


def test_drawn_couples_are_two_different_of_the_class_asked_for():
    y, wanted = torch.tensor([2, 0, 2, 0, 2, 5, 5]), torch.tensor([0, 2, 5]).repeat(200)
    first, second = drawn_couples(y, wanted)
    assert y[first].equal(wanted) and y[second].equal(wanted)
    assert (first != second).all()
    seen = {tuple(pair) for pair in torch.stack([first, second], 1).tolist()}
    assert len(seen) == 2 + 6 + 2, "each order of each pair comes"


def test_the_shuffle_knows_rows_by_what_they_hold():
    x = smooth(100, 0)
    order = torch.randperm(100, generator=Generator().manual_seed(1))
    assert x[order][shuffled_rows(x[order])].equal(x[shuffled_rows(x)])
    assert not x[shuffled_rows(x)].equal(x)


def test_real_data_vary_as_the_training_data_do():
    x, y = pictures(draw(2000, 1), 1), draw(2000, 1)
    assert ms_ssim_gap(evidence(x, y)).value < 3 * ms_ssim_gap(evidence(x, y)).stderr


def test_one_picture_for_each_class_is_the_worst():
    y = draw(300, 0)
    collapsed = evidence(PATTERNS[y], y)
    assert ms_ssim(collapsed).value == pytest.approx(1)
    real = ms_ssim(evidence(*REAL[:2])).value
    assert ms_ssim_gap(collapsed).value == pytest.approx(1 - real, abs=0.02)


def test_noise_is_least_alike_and_yet_far_from_real_data():
    noise = torch.rand(1000, 1, 16, 16, generator=Generator().manual_seed(0)) * 2 - 1
    found = evidence(noise, draw(1000, 0))
    assert ms_ssim(found).value < 0.15
    assert ms_ssim_gap(found).value > 0.2


def test_less_variety_is_more_alike():
    y = draw(1000, 0)
    values = [ms_ssim(evidence(pictures(y, 0, variety), y)).value for variety in (0.7, 0.5, 0.3, 0.1)]
    assert values == sorted(values)


def test_shares_of_classes_move_the_mean_but_not_the_gap():
    y = torch.where(torch.rand(3000, generator=Generator().manual_seed(0)) < 0.9, 0, 2)
    lopsided = evidence(pictures(y, 0), y)
    assert ms_ssim(lopsided).value > ms_ssim(evidence(*REAL[:2])).value + 0.05
    assert ms_ssim_gap(lopsided).value < 3 * ms_ssim_gap(lopsided).stderr


def test_classes_that_the_training_data_lack_do_not_count():
    y = draw(900, 0)
    without = Batch(REAL.x[REAL.y < 2], REAL.y[REAL.y < 2])
    kept = evidence(pictures(y, 0), y, without)
    assert math.isfinite(ms_ssim_gap(kept).value)


def test_where_the_judge_knows_other_classes_all_are_of_one():
    x, y = pictures(draw(1000, 0), 0), draw(1000, 0)
    foreign = Judged(torch.zeros(1000, 1), torch.randn(1000, 1008, generator=Generator().manual_seed(0)))
    for prior, real in ((EVEN, REAL), (torch.empty(0), Batch(REAL.x))):
        found = Evidence(foreign, foreign, prior, x=x, training=real)
        assert ms_ssim(found).value < ms_ssim(evidence(x, y)).value - 0.02
        assert ms_ssim_gap(found).value < 3 * ms_ssim_gap(found).stderr


@pytest.mark.parametrize("metric", [ms_ssim, ms_ssim_gap], ids=lambda metric: metric.name)
def test_stated_errors_are_those_of_redrawn_images(metric):
    draws = [(pictures(y, seed, 0.4), y) for seed in range(60) for y in [draw(200, seed)]]
    actual, stated = torch.tensor([metric(evidence(*one)) for one in draws], dtype=torch.float64).unbind(1)
    assert stated.mean().item() == pytest.approx(actual.std().item(), rel=0.3)


@pytest.mark.parametrize("metric", [ms_ssim, ms_ssim_gap], ids=lambda metric: metric.name)
def test_the_order_of_samples_changes_nothing(metric):
    y = draw(400, 0)
    x = pictures(y, 0)
    assert metric(evidence(x.flip(0), y.flip(0))) == pytest.approx(metric(evidence(x, y)), rel=1e-9)


def test_what_is_no_image_and_what_is_no_pair_are_refused():
    with pytest.raises(BenchError, match=r"shape \(2,\), but structural similarity needs images of at least 11 x 11"):
        ms_ssim(evidence(torch.zeros(10, 2), draw(10, 0)))
    with pytest.raises(BenchError, match=r"shape \(1, 8, 8\)"):
        ms_ssim_gap(evidence(smooth(10, 0, 8), draw(10, 0)))
    with pytest.raises(BenchError, match="Found 3 samples, no two of one class"):
        ms_ssim(evidence(smooth(3, 0), torch.arange(3)))


# Birthday paradox

WIDTH = 8
REFERENCE_Y = draw(3000, 2000)
REFERENCE = torch.randn(3000, WIDTH, generator=Generator().manual_seed(2000)) + 20 * REFERENCE_Y[:, None]


def counted(features: Tensor, y: Tensor, reference: Tensor = REFERENCE) -> Evidence:
    return Evidence(judged(features, y), judged(reference, REFERENCE_Y), EVEN)


def fresh(n: int, seed: int, support: int | None = None) -> Evidence:
    """Samples as real ones, or drawn from `support` of those."""
    y = draw(support or n, seed)
    x = torch.randn(len(y), WIDTH, generator=Generator().manual_seed(seed)) + 20 * y[:, None]
    if support:
        rows = torch.randint(support, (n,), generator=Generator().manual_seed(seed + 1))
        x, y = x[rows], y[rows]
    return counted(x, y)


@pytest.mark.parametrize("support", [1, 30, 300])
def test_it_counts_how_many_samples_there_are(support):
    value, stderr = birthday_support(fresh(2000, 0, support))
    # The samples' own scatter around one in `support`, and pairs of different ones that happen to be near.
    assert value == pytest.approx(math.log10(support), abs=4 * stderr + 0.02)


def test_nearly_the_same_is_the_same():
    found = fresh(2000, 0, 30)
    jitter = 0.01 * torch.randn(2000, WIDTH, generator=Generator().manual_seed(5))
    jittered = counted(found.samples.features + jitter, found.samples.logits.argmax(1))
    assert birthday_support(jittered).value == pytest.approx(birthday_support(found).value, abs=0.02)


def test_it_is_the_share_of_near_pairs_of_one_class():
    """Against all pairs, one by one; thresholds as the definition says."""
    y, reference_y = draw(300, 0), REFERENCE_Y
    x = 0.4 * torch.randn(300, WIDTH, generator=Generator().manual_seed(0)) + 20 * y[:, None]
    near = 0
    for k in range(CLASSES):
        real = torch.pdist(REFERENCE[reference_y == k].double()).sort().values
        own = torch.pdist(x[y == k].double())
        near += int((own <= real[round(1e-4 * len(real)) - 1]).sum())
    assert near > 10
    assert birthday_support(counted(x, y)).value == pytest.approx(-math.log10(near / (300 * 299 / 2)))


def test_real_data_show_the_resolution():
    value, stderr = birthday_support(fresh(5000, 1))
    assert value == pytest.approx(4 + math.log10(3), abs=4 * stderr + 0.05)


def test_without_a_duplicate_it_says_what_it_can():
    y = draw(100, 0)
    apart = counted(100.0 * torch.eye(100)[:, :WIDTH] + 1000 * torch.arange(100)[:, None], y)
    assert birthday_support(apart) == (pytest.approx(math.log10(4950)), pytest.approx(math.nan, nan_ok=True))


def test_equal_samples_are_duplicates_even_far_from_the_origin():
    far = REFERENCE + 3000
    x = far[:10].repeat(20, 1)
    value, _ = birthday_support(counted(x, REFERENCE_Y[:10].repeat(20), far))
    assert value == pytest.approx(-math.log10((20 * 19 / 2 * 10) / (200 * 199 / 2)))


def test_samples_far_from_real_data_count_as_they_do_near_it():
    near = fresh(2000, 0, 300)
    features = near.samples.features.double()
    far = near._replace(samples=near.samples._replace(features=features + 1e6))
    assert birthday_support(far).value == pytest.approx(birthday_support(near).value, abs=1e-9)


def test_classes_without_real_data_have_copies_alone():
    y = torch.tensor([2]).repeat(60)
    x = torch.arange(30.0).repeat_interleave(2)[:, None].expand(60, WIDTH)
    found = Evidence(judged(x, y), judged(REFERENCE, REFERENCE_Y.clamp(max=1)), EVEN)
    assert birthday_support(found).value == pytest.approx(-math.log10(30 / (60 * 59 / 2)))


@pytest.mark.parametrize("support", [None, 30], ids=["real", "30"])
def test_the_stated_error_is_that_of_redrawn_samples(support):
    base = fresh(5000, 0, support).samples
    rows = [torch.randint(5000, (600,), generator=Generator().manual_seed(seed)) for seed in range(100)]
    if support is None:  # a wide region with two dense spots, so that neighbours come in clusters
        base = Judged(base.features * torch.tensor([0.1, 0.5])[torch.arange(5000) % 2][:, None], base.logits * 0)
    few = judged(REFERENCE[:600], REFERENCE_Y[:600])
    draws = [Evidence(Judged(base.features[r], base.logits[r]), few, EVEN) for r in rows]
    actual, stated = torch.tensor([birthday_support(one) for one in draws], dtype=torch.float64).unbind(1)
    assert stated.mean().item() == pytest.approx(actual.std().item(), rel=0.25)


def test_a_judge_of_other_classes_sees_one_class():
    found = fresh(500, 0, 30)
    foreign = found._replace(prior=torch.empty(0))
    assert birthday_support(foreign).value == pytest.approx(birthday_support(found).value, abs=0.05)


def test_the_order_of_samples_changes_nothing_in_the_count():
    found = fresh(1000, 0, 100)
    turned = found._replace(samples=Judged(*(part.flip(0) for part in found.samples)))
    assert birthday_support(turned) == pytest.approx(birthday_support(found), rel=1e-12)


def test_two_samples_are_too_few():
    with pytest.raises(BenchError, match="Found 2 samples, but birthday_support"):
        birthday_support(fresh(2, 0))
