import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganbench.data.blobs import Blobs
from ganbench.data.domains import IMAGES, grid_places, relocation, rotation
from ganbench.data.mixtures import APART, Grid25, Random, Ring8, ring
from ganbench.data.mnist import Mnist5k
from ganbench.errors import BadSuite
from ganbench.plugins.spec import PluginSpec, build

quick = settings(max_examples=25, deadline=None)

SMALL = {
    "ring8, rotated": lambda: Ring8(points=1000),
    "ring8, grid": lambda: Ring8(points=1000, other="grid"),
    "grid25, rotated": lambda: Grid25(points=1000),
    "random, rotated": lambda: Random(points=1000),
    "random, grid": lambda: Random(points=1000, other="grid"),
    "mnist5k, negative": lambda: Mnist5k(size=8),
    "mnist5k, edges": lambda: Mnist5k(size=8, other="edges"),
    "mnist5k, rotated": lambda: Mnist5k(size=8, other="rotated"),
    "blobs, rotated": lambda: Blobs(points=1000),
    "blobs, negative": lambda: Blobs(points=1000, other="negative"),
}
every_dataset = pytest.mark.parametrize("name", SMALL)


def image(*rows: list[float]) -> Tensor:
    return torch.tensor([[rows]], dtype=torch.float32)


# Images


def test_negative_swaps_ink_and_paper():
    assert IMAGES["negative"].transform(image([-1, 0.25], [0, 1])).equal(image([1, -0.25], [0, -1]))


def test_edges_are_what_a_dilation_adds():
    stroke = image([-1, -1, -1, -1], [-1, 1, -1, -1], [-1, -1, -1, -1])
    assert IMAGES["edges"].transform(stroke).equal(image([1, 1, 1, -1], [1, -1, 1, -1], [1, 1, 1, -1]))
    # Half ink beside none: the edge is half, which is grey.
    assert IMAGES["edges"].transform(image([0, -1, -1])).equal(image([-1, 0, -1]))


@pytest.mark.parametrize("value", [-1.0, 0.3, 1.0])
def test_a_flat_image_has_no_edges(value):
    assert IMAGES["edges"].transform(torch.full((2, 3, 5, 5), value)).eq(-1).all()


def test_rotated_images_turn_anticlockwise():
    assert IMAGES["rotated"].transform(image([1, 2], [3, 4])).equal(image([2, 4], [1, 3]))


@pytest.mark.parametrize("name", IMAGES)
def test_partners_are_images_of_the_same_kind_and_come_back_bit_by_bit(name):
    domain, x = IMAGES[name], torch.rand(5, 3, 8, 8) * 2 - 1
    partners = domain.transform(x)
    assert (partners.shape, partners.dtype, domain.name) == (x.shape, x.dtype, name)
    assert partners.min() >= -1 and partners.max() <= 1
    assert not partners.equal(x)
    if name == "edges":
        assert domain.undo is None
    else:
        assert domain.undo(partners).equal(x)


def test_the_edges_of_a_digit_outline_it():
    digits = Mnist5k(size=28).fresh("test", 100).x
    outlines = IMAGES["edges"].transform(digits)
    assert outlines[digits > 0.99].max() < -0.98, "solid ink becomes dark"
    bare = torch.nn.functional.max_pool2d(digits, 3, 1, 1) == -1
    assert outlines[bare].eq(-1).all(), "so does paper away from ink"
    assert (outlines > 0.5).float().mean() > 0.05


# Points


def test_points_turn_about_the_origin():
    turned = rotation(90).transform(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    torch.testing.assert_close(turned, torch.tensor([[0.0, 1.0], [-2.0, 0.0]]))
    (x, y), *_ = Ring8(points=10).other.transform(torch.tensor([[1.0, 0.0]])).tolist()
    assert (x, y) == pytest.approx((math.cos(math.pi / 12), math.sin(math.pi / 12)))


@pytest.mark.parametrize("dataset", [Ring8, Grid25, Random])
def test_a_turned_point_belongs_to_the_turned_mode(dataset):
    data = dataset(points=2000)
    batch = data.train()
    turned, means = data.other.transform(batch.x), data.other.transform(data.mixture.means)
    before = (batch.x - data.mixture.means[batch.y]).norm(dim=1)
    torch.testing.assert_close((turned - means[batch.y]).norm(dim=1), before, atol=1e-6, rtol=0)
    assert torch.cdist(turned.double(), means).argmin(1).equal(batch.y)


def test_eight_modes_take_a_grid_of_nine_without_its_centre():
    expected = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]]
    torch.testing.assert_close(grid_places(ring(8, 1.0)), torch.tensor(expected, dtype=torch.float64))


def test_places_are_left_empty_from_the_centre_outwards():
    places = grid_places(Random(points=10).mixture.means)  # 20 of 25
    step = places.abs().max() / 2
    empty = {(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)}
    full = {(a, b) for a in range(-2, 3) for b in range(-2, 3)} - empty
    assert {tuple(place) for place in (places / step).round().int().tolist()} == full


@quick
@given(st.integers(1, 30), st.floats(0.1, 10))
def test_every_mode_has_a_place_of_its_own_in_the_extent_of_the_ring(modes, radius):
    means = ring(modes, radius)
    places = grid_places(means)
    assert places.shape == means.shape
    assert modes == 1 or torch.pdist(places).min() > 0.1 * radius
    assert places.abs().max().item() <= radius * (1 + 1e-9)
    # Round the ring, the places go round too.
    turns = [math.atan2(y, x) % (2 * math.pi) for x, y in places.tolist()]
    assert modes == 1 or turns == sorted(turns)


def test_a_single_mode_goes_to_the_middle():
    assert grid_places(torch.tensor([[1.0, 0.0]], dtype=torch.float64)).equal(torch.zeros(1, 2, dtype=torch.float64))


@pytest.mark.parametrize("dataset", [Ring8, Random])
def test_modes_move_to_the_grid_with_their_points(dataset):
    data = dataset(points=2000, other="grid")
    batch, places = data.train(), grid_places(data.mixture.means)
    assert torch.pdist(places).min() >= APART * data.mixture.sigma
    moved = data.other.transform(batch.x)
    offset = batch.x - data.mixture.means[batch.y]
    torch.testing.assert_close(moved - places[batch.y], offset, atol=1e-6, rtol=0)


def test_a_point_goes_with_the_nearest_mode():
    start, end = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double(), torch.tensor([[0.0, 5.0], [1.0, 7.0]]).double()
    domain = relocation("moved", start, end)
    there = domain.transform(torch.tensor([[0.4, 0.0], [0.6, 0.25]]))
    torch.testing.assert_close(there, torch.tensor([[0.4, 5.0], [0.6, 7.25]]))
    assert domain.name == "moved"


@pytest.mark.parametrize("name", [name for name in SMALL if not name.startswith(("mnist", "blobs"))])
def test_points_come_back(name):
    data = SMALL[name]()
    x = data.train().x
    partners = data.other.transform(x)
    assert (partners.shape, partners.dtype) == (x.shape, torch.float32)
    torch.testing.assert_close(data.other.undo(partners), x, atol=1e-6, rtol=0)
    assert (partners - x).norm(dim=1).mean() > 0.1


def test_modes_that_would_merge_on_the_grid_are_refused():
    Ring8(modes=10, radius=1, sigma=0.1, points=10)
    with pytest.raises(BadSuite, match=r"Found 10 modes .*That is on the grid, the second domain. Use fewer modes"):
        Ring8(modes=10, radius=0.85, sigma=0.1, points=10, other="grid")


# Datasets


@every_dataset
def test_halves_share_no_sample_and_are_always_the_same(name):
    data = SMALL[name]()
    whole, halves = data.train(), data.halves()
    assert len(halves.x) == len(halves.x_other) == len(halves.y) == len(whole.x) // 2
    partners = {tuple(row) for row in data.other.transform(halves.x).flatten(1).tolist()}
    assert partners.isdisjoint(tuple(row) for row in halves.x_other.flatten(1).tolist())
    again = SMALL[name]().halves()
    assert all(a.equal(b) for a, b in zip(halves, again, strict=True))


@every_dataset
def test_halves_hold_all_classes_in_either_domain(name):
    data = SMALL[name]()
    whole, halves = data.train(), data.halves()
    assert halves.y.unique().tolist() == list(range(data.spec.classes))
    label_of = dict(zip(map(tuple, data.other.transform(whole.x).flatten(1).tolist()), whole.y.tolist(), strict=True))
    assert {label_of[tuple(row)] for row in halves.x_other.flatten(1).tolist()} == set(range(data.spec.classes))


@pytest.mark.parametrize(
    ("dataset", "others"),
    [
        (Ring8, ["rotated", "grid"]),
        (Random, ["rotated", "grid"]),
        (Mnist5k, ["negative", "edges", "rotated"]),
        (Blobs, ["rotated", "negative"]),
    ],
)
def test_the_second_domain_changes_nothing_of_the_first(dataset, others):
    default, *datasets = dataset(), *(dataset(other=other) for other in others)
    assert [data.other.name for data in datasets] == others
    assert default.other.name == others[0]
    for data in datasets:
        assert (data.fingerprint, data.preprocessing) == (default.fingerprint, default.preprocessing)
        assert data.fresh("test", 20).x.equal(default.fresh("test", 20).x)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("ring8", "'rotated' or 'grid'"),
        ("grid25", "'rotated'"),
        ("random", "'rotated' or 'grid'"),
        ("mnist5k", "'negative', 'edges' or 'rotated'"),
        ("mnist", "'negative', 'edges' or 'rotated'"),
        ("blobs", "'rotated' or 'negative'"),
    ],
)
def test_other_domains_are_refused_with_the_allowed_ones(name, allowed):
    with pytest.raises(BadSuite, match=f"Option 'other' of {name}: found 'blue'. Input should be {allowed};"):
        build("datasets", PluginSpec(name, {"other": "blue"}))
