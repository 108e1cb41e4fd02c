import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu
from sklearn.cluster import KMeans
from torch import Generator, Tensor

from ganbench.errors import BenchError
from ganbench.judges import Judged
from ganbench.metrics import Evidence, memorisation
from ganbench.metrics.memorisation import authenticity, ct, nearest_training
from ganbench.metrics.nearest import AllPairs

BOTH = [authenticity, ct]
CENTRES = torch.tensor([[0.0, 0, 0], [9, 0, 0], [0, 9, 0]])


def seen(features: Tensor) -> Judged:
    return Judged(features, torch.zeros(len(features), 1))


def draw(n: int, seed: int, spread: float = 1.0) -> Tensor:
    """Points of three clusters."""
    generator = Generator().manual_seed(seed)
    which = torch.randint(3, (n,), generator=generator)
    return CENTRES[which] + spread * torch.randn(n, 3, generator=generator)


TRAINING, HELD_OUT = draw(2000, 1000), draw(1500, 2000)


def evidence(samples: Tensor, training: Tensor = TRAINING, held_out: Tensor = HELD_OUT) -> Evidence:
    return Evidence(seen(samples), seen(held_out), torch.ones(1), trained=seen(training))


def from_each(x: Tensor, training: Tensor) -> np.ndarray:
    """(n, m) distances in float64, without a matrix product."""
    return cdist(x.double().numpy(), training.double().numpy())


def test_the_nearest_is_the_nearest():
    x = draw(200, 0)
    place, distance = nearest_training(x, TRAINING)
    all_distances = from_each(x, TRAINING)
    assert place.tolist() == all_distances.argmin(1).tolist()
    assert distance.tolist() == pytest.approx(all_distances.min(1).tolist(), rel=1e-9)


def test_a_copy_is_at_no_distance_however_far_from_the_origin():
    place, distance = nearest_training(TRAINING[100:150] + 1e4, TRAINING + 1e4)
    assert place.tolist() == list(range(100, 150))
    assert distance.max() < 1e-9


def test_wide_features_are_compared_on_their_first_64_axes():
    generator = Generator().manual_seed(0)
    mix = torch.randn(20, 100, generator=generator)
    training = torch.randn(500, 20, generator=generator) @ mix  # 100 wide, but of 20 dimensions
    x = torch.randn(50, 20, generator=generator) @ mix
    place, distance = nearest_training(x, training)
    assert place.tolist() == from_each(x, training).argmin(1).tolist()
    assert distance.tolist() == pytest.approx(from_each(x, training).min(1).tolist(), rel=1e-5)


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_all_pairs_as_a_gpu_looks_at_them_give_the_same_number(metric, monkeypatch):
    wide = [torch.cat([x, x.square()], 1) for x in (draw(300, 0), TRAINING, HELD_OUT)]  # too wide for a tree
    by_cells = metric(evidence(*wide))
    monkeypatch.setattr(memorisation, "arranged", lambda points, device: AllPairs(points, device))
    memorisation.points.cache_clear()
    memorisation.nearest_training.cache_clear()
    assert metric(evidence(*wide)) == by_cells


# Authenticity


def test_authenticity_is_its_definition():
    x = torch.cat([draw(150, 0), TRAINING[:50] + 0.01, TRAINING[:20]])
    to_training, among = from_each(x, TRAINING), from_each(TRAINING, TRAINING)
    np.fill_diagonal(among, np.inf)
    expected = np.mean(among.min(1)[to_training.argmin(1)] < to_training.min(1))
    assert authenticity(evidence(x)).value == pytest.approx(expected)


def test_copies_are_not_authentic():
    assert authenticity(evidence(TRAINING[:500])) == (0, 0)
    assert authenticity(evidence(torch.cat([TRAINING[:500], draw(500, 0) + 50]))).value == 0.5


def test_copies_of_what_the_training_data_hold_twice_are_not_authentic():
    twice = torch.cat([TRAINING[:1000], TRAINING[:1000]])
    assert authenticity(evidence(TRAINING[:1000], twice)).value == 0


@pytest.mark.parametrize(
    ("width", "mutual"), [(1, 2 / 3), (2, 6 * math.pi / (8 * math.pi + 3 * 3**0.5))], ids=["line", "plane"]
)
def test_new_points_of_an_even_density_are_mutual_neighbours_as_often_as_geometry_says(width, mutual):
    """Clark and Evans (1955): the share of points that are their nearest neighbour's nearest neighbour."""
    training, new = (torch.rand(n, width, generator=Generator().manual_seed(n)) for n in (20_000, 4_000))
    value, stderr = authenticity(evidence(new, training, held_out=new))
    assert value == pytest.approx(1 - mutual, abs=4 * stderr)


# C_T


def by_hand(x: Tensor, held_out: Tensor, training: Tensor) -> float:
    """The authors' code, but for the continuity correction, and with neighbours in all of the training data."""
    cells = KMeans(3, n_init=10, random_state=0).fit(training.double().numpy())
    of_x, of_held_out = (cells.predict(some.double().numpy()) for some in (x, held_out))
    d_x, d_held_out = (from_each(some, training).min(1) for some in (x, held_out))
    total, weights = 0.0, 0
    for k in range(3):
        mine, theirs = d_x[of_x == k], d_held_out[of_held_out == k]
        n, m = len(mine), len(theirs)
        if n > 20:
            u = mannwhitneyu(mine, theirs, alternative="less").statistic
            total += m * (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
            weights += m
    return total / weights


@pytest.mark.parametrize("spread", [0.8, 1.0, 1.3])
def test_ct_is_its_definition(spread):
    x = torch.cat([draw(300, 0, spread), TRAINING[:30], HELD_OUT[:10]])
    assert ct(evidence(x)).value == pytest.approx(by_hand(x, HELD_OUT, TRAINING), rel=1e-9)


def test_a_cell_with_20_samples_is_left_out_and_one_with_21_is_not():
    first, second = (CENTRES[k] + 0.5 * draw(400, 1) for k in (0, 1))
    for n in (20, 21):
        x = torch.cat([first - first.mean(0), (second - second.mean(0) + CENTRES[1])[:n]])
        assert ct(evidence(x)).value == pytest.approx(by_hand(x, HELD_OUT, TRAINING), rel=1e-9)


def test_held_out_data_score_nothing():
    assert ct(evidence(HELD_OUT)).value == pytest.approx(0, abs=1e-9)


def test_samples_drawn_like_held_out_data_scatter_around_nothing():
    # Redrawn on both sides: three z-scores, each of deviation 1, with about equal weights.
    values = torch.tensor([ct(evidence(draw(600, seed), held_out=draw(600, 500 + seed))).value for seed in range(40)])
    assert abs(values.mean()) < 3 * 0.58 / 40**0.5 + 0.05
    assert values.std().item() == pytest.approx(3**-0.5, rel=0.35)


def test_copies_score_as_low_as_can_be_and_what_is_far_off_as_high():
    n = 1500
    lowest = -math.sqrt(3 * (n / 3) * (n / 3) / (2 * n / 3 + 1))  # of even cells: U is 0 in each
    assert ct(evidence(TRAINING[:n])).value == pytest.approx(lowest, rel=0.02)
    assert ct(evidence(draw(n, 0) * 1.5)).value > 5
    half = torch.cat([TRAINING[:750], draw(750, 0)])
    assert ct(evidence(half)).value == pytest.approx(lowest / 2, rel=0.15)


def test_jittered_copies_come_between():
    jitter = torch.randn(1500, 3, generator=Generator().manual_seed(0))
    values = [ct(evidence(TRAINING[:1500] + amount * jitter)).value for amount in (0, 0.03, 0.1, 0.3)]
    assert values == sorted(values)
    assert values[1] < -10


@pytest.mark.parametrize("samples", ["even", "copies", "lopsided"])
@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_stated_errors_are_those_of_redrawn_samples(metric, samples):
    def drawn(seed: int) -> Tensor:
        x = draw(400, seed)
        rows = torch.randint(2000, (400,), generator=Generator().manual_seed(seed))
        copied = torch.rand(400, 1, generator=Generator().manual_seed(seed)) < 0.2
        kept = {"even": x, "copies": torch.where(copied, TRAINING[rows], x), "lopsided": x[x[:, 0] + x[:, 1] > -0.5]}
        return kept[samples]

    actual, stated = torch.tensor([metric(evidence(drawn(s))) for s in range(50)], dtype=torch.float64).unbind(1)
    assert stated.mean().item() == pytest.approx(actual.std().item(), rel=0.35)


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_the_order_of_samples_changes_nothing(metric):
    x = torch.cat([draw(300, 0), TRAINING[:40]])
    assert metric(evidence(x.flip(0))).value == pytest.approx(metric(evidence(x)).value, rel=1e-9)


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.name)
def test_global_randomness_is_left_alone(metric):
    torch.manual_seed(0)
    np.random.seed(0)
    before, there = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert metric(evidence(draw(300, 0))) == metric(evidence(draw(300, 0)))
    assert torch.get_rng_state().equal(before)
    assert (np.random.get_state()[1] == there).all()


def test_they_need_what_the_judge_says_of_the_training_data_and_ct_enough_samples():
    assert not any(metric.applies(evidence(HELD_OUT)._replace(trained=None)) for metric in BOTH)
    with pytest.raises(BenchError, match="Found 60 samples, but ct"):
        ct(evidence(draw(60, 0)))
    for metric in BOTH:
        with pytest.raises(BenchError, match="Found 64 training samples, but memorisation is judged by at least 65"):
            metric(evidence(HELD_OUT, TRAINING[:64]))
