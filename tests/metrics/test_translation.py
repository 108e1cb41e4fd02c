import math

import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from ganbench.data.mixtures import Ring8
from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, Pairs
from ganbench.metrics.translation import (
    cycle_error,
    label_agreement,
    pair_agreement,
    pair_chance,
    translation_error,
)

RING = Ring8(sigma=0.05).mixture
ALL = [pair_agreement, pair_chance, translation_error, label_agreement, cycle_error]


def seen(classes: Tensor) -> Judged:
    logits = 10.0 * one_hot(classes, 8).float()
    return Judged(logits, logits)


def evidence(truth: Tensor, x_other: Tensor, mixture=RING, **more: Tensor) -> Evidence:
    """Pairs whose x is never looked at: only what its transform should have been."""
    judged = seen(torch.zeros(len(truth), dtype=torch.int64))
    pair = Pairs("rotated", torch.zeros_like(truth), x_other, truth)._replace(**more)
    return Evidence(judged, judged, RING.weights, mixture, pair=pair)


def pictures(n: int, ink: float, seed: int = 0) -> Tensor:
    """(n, 1, 8, 8) of which a share is bright, the rest dark."""
    return (torch.rand(n, 1, 8, 8, generator=Generator().manual_seed(seed)) < ink).float() * 1.6 - 0.8


def points(n: int = 2000, seed: int = 0) -> Tensor:
    return RING.sample(n, Generator().manual_seed(seed)).x


@pytest.mark.parametrize("x", [points(), pictures(50, 0.2)], ids=["points", "images"])
def test_perfect_pairs_agree_and_have_no_error(x):
    perfect = evidence(x, x, returned=x)
    assert pair_agreement(perfect) == (1, 0)
    assert translation_error(perfect) == cycle_error(perfect) == (0, 0)


def test_images_are_compared_at_mid_grey():
    truth, other = torch.full((2, 1, 2, 2), -0.1), torch.full((2, 1, 2, 2), -0.9)
    other[0, 0, 0, 0] = 0.01
    assert pair_agreement(evidence(truth, other)).value == 7 / 8
    assert translation_error(evidence(truth, truth + 0.25)).value == pytest.approx(0.25)


def test_points_agree_within_three_sigma():
    truth = points(4)
    off = RING.sigma * torch.tensor([[2.99, 0], [0, -2.99], [3.01, 0], [2.2, 2.2]])
    assert pair_agreement(evidence(truth, truth + off)).value == 0.5
    expected = RING.sigma * (2.99 + 2.99 + 3.01 + math.hypot(2.2, 2.2)) / 4
    assert translation_error(evidence(truth, truth + off)).value == pytest.approx(expected, rel=1e-5)


def test_points_without_a_width_are_refused():
    with pytest.raises(BenchError, match="needs the width of their modes"):
        pair_agreement(evidence(points(4), points(4), mixture=None))


@pytest.mark.parametrize("ink", [0.1, 0.5])
def test_chance_is_what_pictures_that_have_nothing_in_common_agree(ink):
    expected = ink**2 + (1 - ink) ** 2
    perfect = pictures(500, ink)
    assert pair_chance(evidence(perfect, perfect)).value == pytest.approx(expected, abs=0.01)
    strangers = evidence(perfect, pictures(500, ink, seed=1))
    assert pair_agreement(strangers).value == pytest.approx(expected, abs=0.01)
    assert pair_chance(strangers).value == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_by_chance_nobody_keeps_a_partner(n):
    truth = 100.0 * torch.arange(n)[:, None].expand(n, 2)
    assert pair_agreement(evidence(truth, truth)).value == 1
    assert pair_chance(evidence(truth, truth)).value == 0


def test_chance_needs_two_and_is_no_score():
    with pytest.raises(BenchError, match="needs at least 2"):
        pair_chance(evidence(points(1), points(1)))
    assert pair_chance.direction == "none"


def test_labels_agree_where_the_classes_do():
    classes = torch.arange(8)
    found = evidence(points(8), points(8), y_other=torch.where(classes < 6, classes, 0))
    found = found._replace(samples=seen(classes))
    assert label_agreement(found) == (0.75, pytest.approx((0.75 * 0.25 / 8) ** 0.5))


def test_what_comes_back_is_measured_against_where_it_was():
    there = evidence(torch.zeros(5, 2), torch.zeros(5, 2), returned=torch.full((5, 2), 3.0))
    assert cycle_error(there).value == pytest.approx(3 * 2**0.5)


def test_what_is_not_there_gives_no_number():
    nothing = evidence(points(4), points(4))._replace(pair=None)
    joint = evidence(points(4), points(4))
    assert not any(metric.applies(nothing) for metric in ALL)
    assert [metric.name for metric in ALL if metric.applies(joint)] == [
        "pair_agreement", "pair_chance", "translation_error",
    ]  # fmt: skip
    assert label_agreement.applies(evidence(points(4), points(4), y_other=torch.arange(4)))
    assert cycle_error.applies(evidence(points(4), points(4), returned=points(4)))


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_the_second_domain_is_a_condition(metric):
    assert metric.conditions(evidence(points(4), points(4))) == {"second domain": "rotated"}


@pytest.mark.parametrize("metric", [pair_agreement, translation_error], ids=lambda metric: metric.name)
def test_stated_errors_are_those_of_redrawn_samples(metric):
    truth = torch.zeros(200, 2)
    off = [2 * RING.sigma * torch.randn(200, 2, generator=Generator().manual_seed(seed)) for seed in range(300)]
    estimates = torch.tensor([metric(evidence(truth, x)) for x in off], dtype=torch.float64)
    assert estimates[:, 1].mean().item() == pytest.approx(estimates[:, 0].std().item(), rel=0.15)
