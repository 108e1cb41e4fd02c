import math

import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import avg_pool2d

from ganbench import plugins
from ganbench.controls import ModeDropper, Noise
from ganbench.data import blobs
from ganbench.data.blobs import MISFIT, NOWHERE, SPOT, Blobs, draw_spots, read_spots
from ganbench.data.mixtures import Ring8
from ganbench.errors import BadSuite
from ganbench.judges import Judged
from ganbench.judges.truth import TruthJudge
from ganbench.metrics import Evidence
from ganbench.plugins.spec import PluginSpec, build

SIZES = (8, 16, 32, 64)
METRICS = ("modes", "modes_third", "high_quality", "reverse_kl", "reverse_kl_third")
PLACE = torch.tensor([[0.6, 0.05]])


def scores(samples: Judged, data: Ring8 | Blobs) -> dict[str, float]:
    evidence = Evidence(samples, samples, data.prior, data.mixture)
    return {name: plugins.load("metrics", name)(evidence).value for name in METRICS}


def lit(light: Tensor) -> Tensor:
    """Light, 0 for dark and 1 for the middle of a spot -> an image."""
    return 2 * light - 1


@pytest.fixture(scope="module")
def light() -> Tensor:
    return (draw_spots(PLACE, 16) + 1) / 2


# Drawing


def test_a_spot_has_its_formulas_brightness_in_every_pixel():
    (image,) = draw_spots(torch.tensor([[0.3, 0.2]]), 8)
    for row, column in [(3, 5), (0, 0), (7, 2)]:
        x, y = (2 * column + 1) / 8 - 1, 1 - (2 * row + 1) / 8  # y points upwards
        expected = -1 + 2 * math.exp(-((x - 0.3) ** 2 + (y - 0.2) ** 2) / (2 * SPOT**2))
        assert image[0, row, column].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_blobs_keep_the_contract_of_datasets(size):
    data = Blobs(size=size, points=100)
    batch = data.train()
    assert (batch.x.shape, batch.x.dtype, batch.y.dtype) == ((100, 1, size, size), torch.float32, torch.int64)
    assert batch.x.min() >= -1 and batch.x.max() <= 1
    assert data.train().x is batch.x
    assert batch.x.shape[1:] == data.spec.shape
    assert (data.judge, data.spec.classes, len(data.fingerprint)) == ("truth", 8, 64)
    assert data.preprocessing == (
        f"points drawn as spots of width 0.15 in {size} x {size} pixels, read back up to a misfit of 0.3"
    )


def test_the_points_are_those_of_the_same_ring():
    options = {"modes": 8, "radius": 0.6, "sigma": 0.03, "points": 500}
    data, ring = Blobs(**options), Ring8(**options)
    pairs = [(data.train(), ring.train())]
    for split in ("validation", "test"):
        pairs += [(data.fresh(split, 500), ring.fresh(split, 500)), (data.reference(split), ring.reference(split))]
    for images, points in pairs:
        assert images.x.equal(draw_spots(points.x, 16))
        assert images.y.equal(points.y)


# Reading


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("radius", [0.1, 0.6, 0.76])
def test_drawn_spots_are_read_to_a_thousandth_of_a_pixel(size, radius):
    """As far out as `check_inside` lets the discs of 3 sigma reach."""
    turns = torch.rand(500, generator=Generator().manual_seed(0)) * 2 * math.pi
    far = radius + 0.09 * torch.rand(500, generator=Generator().manual_seed(1))
    places = torch.stack([far * turns.cos(), far * turns.sin()], 1)
    centres, misfit = read_spots(draw_spots(places, size))
    assert (centres - places).norm(dim=1).max().item() * size / 2 < 1e-3
    assert misfit.max() < 1e-3


def test_real_images_are_read_with_an_error_far_below_sigma():
    data, ring = Blobs(), Ring8(modes=8, radius=0.6, sigma=0.03, points=20_000)
    error = (data.locate(data.reference("test").x) - ring.reference("test").x).norm(dim=1).max().item()
    assert error < 1e-4 * data.mixture.sigma


@pytest.mark.parametrize(
    "change",
    [
        lambda light: light + 0.03,
        lambda light: 0.75 * light,
        lambda light: 1.25 * light,
        lambda light: light + light.flip(3) / 8,
        lambda light: light + light.roll(5, 2) / 8,
        lambda light: light + 0.03 * torch.rand(light.shape, generator=Generator().manual_seed(0)),
    ],
    ids=["pale background", "dim", "bright", "faint second spot", "faint neighbour", "a little noise"],
)
def test_small_flaws_hardly_move_a_spot(light, change):
    (place,) = Blobs(points=1).locate(lit(change(light)))
    assert (place - PLACE[0]).norm() < 0.03  # a sigma


BAD = {
    "two spots": lambda light: light + light.flip(3),
    "half of two spots": lambda light: (light + light.flip(3)) / 2,
    "two neighbours": lambda light: torch.maximum(light, light.roll(4, 2)),
    "blurred": lambda light: avg_pool2d(light, 5, 1, 2),
    "blurred, as bright": lambda light: light**0.5,
    "a point": lambda light: (light == light.max()).float(),
    "dim": lambda light: 0.6 * light,
    "less contrast": lambda light: 0.1 + 0.8 * light,
    "grey paper": lambda light: light + 0.1,
    "negative": lambda light: 1 - light,
    "empty": torch.zeros_like,
    "full": torch.ones_like,
    "grey": lambda light: torch.full_like(light, 0.5),
    "noise": lambda light: torch.rand(light.shape, generator=Generator().manual_seed(0)),
    "noise on a spot": lambda light: light + 0.1 * torch.randn(light.shape, generator=Generator().manual_seed(0)),
    "not a number": lambda light: torch.where(light > 0.9, math.nan, light),
    "infinite": lambda light: torch.where(light > 0.9, math.inf, light),
    "huge": lambda light: 1e30 * light,
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_is_not_one_clean_spot_lies_nowhere(light, change):
    places = Blobs(points=1).locate(lit(torch.cat([light, change(light)])))
    torch.testing.assert_close(places, torch.cat([PLACE, torch.full((1, 2), NOWHERE)]))


@pytest.mark.parametrize(
    ("brightness", "passes"), [(1 - MISFIT - 0.01, False), (1 - MISFIT + 0.01, True), (1.29, True), (1.31, False)]
)
def test_a_misfit_is_a_share_of_the_spot(light, brightness, passes):
    _, misfit = read_spots(lit(brightness * light))
    assert misfit.item() == pytest.approx(abs(1 - brightness), abs=2e-3)
    assert (Blobs(points=1).locate(lit(brightness * light)) < 1).all().item() is passes


def test_many_images_are_read_as_each_alone(monkeypatch):
    data = Blobs(points=7)
    whole = data.locate(data.train().x)
    monkeypatch.setattr(blobs, "CHUNK", 3)
    torch.testing.assert_close(data.locate(data.train().x), whole)
    assert data.locate(data.train().x[:0]).shape == (0, 2)


def test_a_rotated_image_shows_the_rotated_point():
    data = Blobs(points=200)
    places = data.locate(data.train().x)
    turned = data.locate(data.other.transform(data.train().x))
    torch.testing.assert_close(turned, torch.stack([-places[:, 1], places[:, 0]], 1))


# Judging


@pytest.mark.parametrize("size", [8, 16])  # the coarsest, and the one by default
def test_real_images_score_as_their_points_do(size):
    data, ring = Blobs(size=size), Ring8(modes=8, radius=0.6, sigma=0.03, points=20_000)
    judged, points = (TruthJudge(dataset)(dataset.fresh("test", 10_000).x) for dataset in (data, ring))
    torch.testing.assert_close(judged.features, points.features, atol=1e-5, rtol=0)
    found = scores(judged, data)
    assert found == scores(points, ring)
    assert found["modes"] == found["modes_third"] == 8
    expected = 1 - math.exp(-4.5)
    assert found["high_quality"] == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / 10_000))
    assert found["reverse_kl"] < 0.0015


def test_controls_score_as_on_points():
    data = Blobs(points=100)
    like, judge = data.fresh("test", 2000), TruthJudge(data)
    dropped = scores(judge(ModeDropper(data.spec).sample(like)), data)
    assert dropped["modes"] == dropped["modes_third"] == 4
    assert dropped["high_quality"] > 0.97
    assert dropped["reverse_kl"] == pytest.approx(math.log(2), abs=0.01)
    noise = scores(judge(Noise(data.spec).sample(like)), data)
    assert noise["modes"] == noise["high_quality"] == 0
    assert noise["reverse_kl"] == pytest.approx(math.log(8))


def test_the_mean_of_two_modes_is_of_no_mode():
    """What a blurry generator draws."""
    data = Blobs(points=1000)
    batch = data.train()
    for a in range(8):
        for b in range(a):
            mixed = (batch.x[batch.y == a][:20] + batch.x[batch.y == b][:20]) / 2
            assert scores(TruthJudge(data)(mixed), data)["high_quality"] == 0


# Options


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Blobs(modes=30), "30 modes of which two are 0.125 apart.* Use fewer modes, more radius or less sigma"),
        (lambda: Blobs(radius=0.8), "radius = 0.8 and sigma = 0.03: spots reach 1.04 .* at most 0.85"),
        (lambda: build("datasets", PluginSpec("blobs", {"size": 28})), "found 28. Input should be 8, 16, 32 or 64"),
    ],
)
def test_bad_options_say_what_was_found_and_what_to_do(make, message):
    with pytest.raises(BadSuite, match=message):
        make()


def test_modes_may_reach_as_far_as_the_message_says():
    assert Blobs(radius=0.76, points=1).mixture.means.norm(dim=1).max().item() == pytest.approx(0.76)
