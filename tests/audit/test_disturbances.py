"""Disturbances do what the table says of them, no more, and the same every time."""

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Generator, Tensor

from ganbench.audit.disturbances import CLASSES, IMAGES, POINTS, POOL, ROWS, Disturbance, RealData, disturbances
from ganbench.variant import Batch, DataSpec

N, CLASS_COUNT = 500, 10
NAMES = [("images", name) for name in {**IMAGES, **ROWS, **CLASSES}] + [("points", name) for name in POINTS]


def real(shape: tuple[int, ...], n: int = N) -> RealData:
    """Samples that are all different; training samples are known by their first number, 0.5."""
    g = Generator().manual_seed(7)
    fresh = Batch(torch.rand((POOL * n, *shape), generator=g) * 2 - 1, torch.arange(POOL * n) % CLASS_COUNT)
    training = Batch(torch.rand((700, *shape), generator=g) * 2 - 1, torch.arange(700) % CLASS_COUNT)
    training.x.flatten(1)[:, 0] = 0.5
    return RealData(n, fresh, training)


DATA = {"images": real((1, 12, 12)), "points": real((2,))}


def find(kind: str, name: str) -> Disturbance:
    return disturbances(DataSpec(tuple(DATA[kind].fresh.x.shape[1:]), CLASS_COUNT))[name]


def changed(one: Tensor, other: Tensor) -> Tensor:
    """(n,) which samples differ."""
    return (one != other).flatten(1).any(1)


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_shape_range_and_count_stay(kind: str, name: str) -> None:
    before = DATA[kind].batch
    for strength in range(1, 6):
        after = find(kind, name)(DATA[kind], strength)
        assert after.x.shape == before.x.shape and after.x.dtype == torch.float32
        assert after.y is not None and after.y.shape == (N,)
        assert after.x.isfinite().all()
        assert kind == "points" or after.x.abs().max() <= 1


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_it_is_repeatable_and_leaves_the_data_and_the_random_state_alone(kind: str, name: str) -> None:
    before, state = DATA[kind].fresh.x.clone(), torch.random.get_rng_state()
    once, again = (find(kind, name)(DATA[kind], 3).x for _ in range(2))
    assert torch.equal(once, again)
    assert torch.equal(DATA[kind].fresh.x, before)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_strength_0_disturbs_nothing_and_each_further_one_more(kind: str, name: str) -> None:
    data = DATA[kind]
    before = data.batch.x
    assert torch.equal(find(kind, name)(data, 0).x, data.fresh.x[:N])
    sizes = [(find(kind, name)(data, k).x - before).abs().mean() for k in range(6)]
    if name in CLASSES:  # which are about shares, not about how far the samples in a row are from those before
        assert sizes[1] > 0
    else:
        assert all(less < more for less, more in itertools.pairwise(sizes))


def test_noise_on_pixels_has_the_standard_deviation_that_is_told() -> None:
    data = DATA["images"]
    grey = data._replace(fresh=Batch(torch.zeros(N, 1, 12, 12), torch.zeros(N, dtype=torch.long)))
    assert IMAGES["noise"](grey, 1).x.std().item() == pytest.approx(0.1, rel=0.02)


def test_points_are_moved_in_units_of_the_data() -> None:
    """A data set of ten times the size is disturbed ten times as much."""
    small = DATA["points"]
    large = small._replace(fresh=Batch(small.fresh.x * 10, small.fresh.y))
    unit = small.batch.x.std(0).square().mean().sqrt().item()
    for name in POINTS:
        one, ten = (POINTS[name](data, 4).x - data.batch.x for data in (small, large))
        torch.testing.assert_close(ten, one * 10, atol=1e-4, rtol=1e-4)
    noise, shift = (POINTS[name](small, 4).x - small.batch.x for name in ("noise", "shift"))
    assert noise.std().item() == pytest.approx(0.1 * unit, rel=0.1)
    torch.testing.assert_close(shift.norm(dim=1), torch.full((N,), 0.1 * unit))


def test_scaled_points_keep_their_mean_and_a_share_of_their_distances() -> None:
    before, after = DATA["points"].batch.x, POINTS["scale"](DATA["points"], 5).x
    torch.testing.assert_close(after.mean(0), before.mean(0), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.pdist(after), 0.7 * torch.pdist(before), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("strength", [1, 5])
def test_blur_is_a_gaussian_of_so_many_pixels(strength: int) -> None:
    """Against scipy in float64; `mirror` is how the edge is continued."""
    sd = IMAGES["blur"].amounts[strength - 1] * 12
    before, after = DATA["images"].batch.x[:20, 0], IMAGES["blur"](DATA["images"], strength).x[:20, 0]
    reach = int(np.ceil(3 * sd))
    expected = gaussian_filter(before.double().numpy(), sd, mode="mirror", radius=reach, axes=(1, 2))
    np.testing.assert_allclose(after, expected, atol=1e-5)


def test_salt_and_pepper_turn_the_share_that_is_told_half_black_half_white() -> None:
    inside = DATA["images"]._replace(fresh=Batch(DATA["images"].fresh.x * 0.9, DATA["images"].fresh.y))
    after = IMAGES["salt_and_pepper"](inside, 5).x
    assert [float((after == colour).float().mean()) for colour in (-1, 1)] == pytest.approx([0.15, 0.15], abs=0.01)
    assert torch.equal(after[after.abs() < 1], inside.batch.x[after.abs() < 1])


@pytest.mark.parametrize("side", [12, 14, 4])
@pytest.mark.parametrize("strength", [1, 5])
def test_patches_swap_in_pairs_and_keep_their_pixels(side: int, strength: int) -> None:
    data = real((3, side, side), n=100)
    before, after = data.batch.x, IMAGES["swapped_patches"](data, strength).x
    torch.testing.assert_close(before.flatten(2).sort().values, after.flatten(2).sort().values, atol=0, rtol=0)
    k = side // 4
    squares = (before != after)[..., : 4 * k, : 4 * k].any(1).unfold(1, k, k).unfold(2, k, k).flatten(3).any(3)
    assert squares.flatten(1).sum(1).tolist() == [2 * int(IMAGES["swapped_patches"].amounts[strength - 1])] * 100


@pytest.mark.parametrize("strength", [1, 5])
def test_rectangles_are_five_black_squares_which_an_edge_may_cut(strength: int) -> None:
    """On white: what is black is what five squares of that side cover, and no more."""
    side, share = 40, IMAGES["rectangles"].amounts[strength - 1]
    white = Batch(torch.ones(200, 3, side, side))
    covered = IMAGES["rectangles"](RealData(200, white, white), strength).x == -1
    assert torch.equal(covered, covered[:, :1].expand_as(covered)), "in all channels alike"
    area = (share * side) ** 2
    assert covered[:, 0].flatten(1).sum(1).max() <= 5 * (round(share * side) + 1) ** 2
    if strength == 1:  # where they hardly overlap, and an edge cuts one in eleven
        assert covered[:, 0].float().sum((1, 2)).mean().item() == pytest.approx(5 * area, rel=0.15)


def test_a_swirl_turns_the_middle_and_leaves_the_edge() -> None:
    """A vertical bar, turned by about pi / 2 in the middle, lies flat there; at the edge it stands as before."""
    side, bar = 65, torch.full((1, 1, 65, 65), -1.0)
    bar[..., 30:35] = 1
    swirled = disturbance_of_one(bar, "swirl", 3)  # 1.5 radians
    middle = slice(side // 2 - 1, side // 2 + 2)
    assert swirled[side // 2, middle].min() > 0 and swirled[side // 2 - 8, side // 2] < 0
    assert swirled[0, middle].min() > 0, "1.5 exp(-2.5 / ln 2) radians are left at the edge: 1.3 pixels"
    assert swirled[0, :27].max() < 0 and swirled[0, 38:].max() < 0


def test_a_swirl_is_scikit_images() -> None:
    """By its formula, on a smooth image: within what interpolation does."""
    side = 48
    v, u = np.mgrid[:side, :side]
    smooth = torch.from_numpy(np.sin(u / 6.0) * np.cos(v / 9.0)).float()[None, None]
    away = np.hypot(u - 23.5, v - 23.5)
    angle = np.arctan2(v - 23.5, u - 23.5) + 4 * np.exp(-away / (side * np.log(2) / 5))
    rows, columns = 23.5 + away * np.sin(angle), 23.5 + away * np.cos(angle)
    expected = map_coordinates(smooth[0, 0].numpy(), [rows, columns], order=3, mode="nearest")
    np.testing.assert_allclose(disturbance_of_one(smooth, "swirl", 5)[6:-6, 6:-6], expected[6:-6, 6:-6], atol=0.02)


def disturbance_of_one(x: Tensor, name: str, strength: int) -> Tensor:
    """A grey image (1, 1, side, side) after it, (side, side)."""
    return IMAGES[name](RealData(1, Batch(x), Batch(x)), strength).x[0, 0]


def test_lost_contrast_pulls_pixels_to_grey() -> None:
    torch.testing.assert_close(IMAGES["contrast"](DATA["images"], 4).x, DATA["images"].batch.x * 0.4)


@pytest.mark.parametrize("strength", [1, 3, 5])
def test_duplicates_are_copies_of_few_others(strength: int) -> None:
    data, share = DATA["points"], ROWS["duplicates"].amounts[strength - 1]
    after = ROWS["duplicates"](data, strength)
    copies = round(share * (N - 5))
    counts = after.x.unique(dim=0, return_counts=True)[1]
    assert len(counts) == N - copies
    assert int((counts > 1).sum()) <= 5, "a hundredth of 500"
    kept = {tuple(row): int(y) for row, y in zip(data.batch.x.tolist(), data.batch.y, strict=True)}
    assert [kept[tuple(row)] for row in after.x.tolist()] == after.y.tolist(), "labels go with their samples"


@pytest.mark.parametrize("strength", [1, 5])
def test_the_share_that_is_told_comes_from_training(strength: int) -> None:
    after = ROWS["memorised"](DATA["images"], strength)
    known = after.x.flatten(1)[:, 0] == 0.5
    assert int(known.sum()) == round(ROWS["memorised"].amounts[strength - 1] * N)
    assert len(after.x[known].unique(dim=0)) == int(known.sum()), "none twice, while there are enough"


def test_training_data_come_round_again_where_they_are_few() -> None:
    few = DATA["points"]._replace(training=Batch(*(part[:3] for part in DATA["points"].training[:2])))
    assert len(ROWS["memorised"](few, 5).x.unique(dim=0)) == 3


def test_more_and_more_classes_are_dropped_and_nothing_comes_twice() -> None:
    left = [set(CLASSES["dropped_classes"](DATA["points"], k).y.tolist()) for k in range(6)]
    assert [len(classes) for classes in left] == [10, 9, 8, 7, 6, 4]
    assert all(more <= less for less, more in itertools.pairwise(left))
    assert len(CLASSES["dropped_classes"](DATA["points"], 5).x.unique(dim=0)) == N


@pytest.mark.parametrize(("strength", "ratio"), [(1, 2), (5, 32)])
def test_the_commonest_class_is_as_much_more_frequent_as_is_told(strength: int, ratio: float) -> None:
    data = real((2,), n=20_000)
    counts = CLASSES["class_imbalance"](data, strength).y.bincount(minlength=CLASS_COUNT).double()
    assert float(counts.max() / counts.min()) == pytest.approx(ratio, rel=0.25)
    assert float(counts.max() / counts.sort(descending=True).values[1]) == pytest.approx(ratio ** (1 / 9), rel=0.1)


def test_what_does_not_fit_the_data_is_not_offered() -> None:
    assert {*disturbances(DataSpec((2,), 8))} == {*POINTS, *ROWS, *CLASSES}
    assert {*disturbances(DataSpec((3, 32, 32), 0))} == {*IMAGES, *ROWS}
