import pytest
import torch

from ganbench.controls import Control, Memorizer, ModeDropper, Noise, Real
from ganbench.data.mixtures import Ring8
from ganbench.errors import BadSuite
from ganbench.variant import Batch, DataSpec

IMAGES, POINTS = DataSpec((1, 8, 8), classes=10), DataSpec((2,), classes=10)
ALL = [Real, Memorizer, ModeDropper, Noise]


def batch(spec: DataSpec, n: int) -> Batch:
    return Batch(torch.rand(n, *spec.shape) * 2 - 1, torch.arange(n) % spec.classes)


def prepared(control: type[Control], spec: DataSpec, train: Batch) -> Control:
    made = control(spec)
    made.prepare(train)
    return made


@pytest.mark.parametrize("spec", [IMAGES, POINTS])
@pytest.mark.parametrize("control", ALL)
def test_a_control_draws_one_sample_for_each_and_has_no_players(control, spec):
    made = prepared(control, spec, batch(spec, 50))
    drawn = made.sample(batch(spec, 30))
    assert (drawn.shape, drawn.dtype) == ((30, *spec.shape), torch.float32)
    assert drawn.isfinite().all()
    assert made.players == []
    assert made.kind == "control"


@pytest.mark.parametrize("control", ALL)
def test_a_seed_fixes_what_a_control_draws(control):
    made, like = prepared(control, IMAGES, batch(IMAGES, 50)), batch(IMAGES, 30)
    torch.manual_seed(5)
    first = made.sample(like)
    torch.manual_seed(5)
    assert made.sample(like).equal(first)


def test_real_returns_the_fresh_data():
    like = batch(IMAGES, 5)
    assert Real(IMAGES).sample(like).equal(like.x)


def test_the_memorizer_repeats_nothing_before_it_has_told_all():
    train = batch(POINTS, 20)
    made = prepared(Memorizer, POINTS, train)
    known = {tuple(point) for point in train.x.tolist()}
    assert {tuple(point) for point in made.sample(batch(POINTS, 20)).tolist()} == known
    _, counts = made.sample(batch(POINTS, 50)).unique(dim=0, return_counts=True)
    assert sorted(counts.tolist()) == [2] * 10 + [3] * 10
    assert made.sample(batch(POINTS, 0)).shape == (0, 2)


def test_the_memorizer_keeps_the_data_out_of_checkpoints():
    made = prepared(Memorizer, POINTS, batch(POINTS, 20))
    assert made.state_dict() == {}
    assert list(made.parameters()) == []


def test_the_memorizer_must_have_seen_data():
    with pytest.raises(RuntimeError, match="call `prepare`"):
        Memorizer(POINTS).sample(batch(POINTS, 3))


def test_the_mode_dropper_leaves_kept_rows_and_replaces_the_others_evenly():
    like = batch(POINTS, 100)
    drawn = ModeDropper(POINTS).sample(like)
    keeps = like.y < 5
    assert drawn[keeps].equal(like.x[keeps])
    _, counts = drawn.unique(dim=0, return_counts=True)
    assert counts.tolist() == [2] * 50, "each kept row stands twice, no other at all"


@pytest.mark.parametrize(
    ("classes", "share", "kept"), [(10, 0.5, 5), (10, 0.7, 3), (10, 0.1, 9), (25, 0.5, 13), (8, 0.9, 1), (2, 0.5, 1)]
)
def test_the_mode_dropper_keeps_the_classes_that_it_should(classes, share, kept):
    assert ModeDropper(DataSpec((2,), classes), share=share).kept == kept


def test_the_mode_dropper_refuses_what_it_cannot_do():
    with pytest.raises(BadSuite, match="this dataset has 0"):
        ModeDropper(DataSpec((2,)))
    with pytest.raises(BadSuite, match="without labels"):
        ModeDropper(POINTS).sample(Batch(torch.zeros(3, 2)))
    with pytest.raises(BadSuite, match="keeps classes 0 to 4, and found none"):
        ModeDropper(POINTS).sample(Batch(torch.zeros(3, 2), torch.tensor([5, 6, 7])))
    for share in (0, 1, 0.05, -1, 2, float("nan"), "half"):
        with pytest.raises(BadSuite, match="Use a share from 1/10 to less than 1"):
            ModeDropper(POINTS, share=share)


def test_noise_has_the_datas_mean_and_spread_but_not_its_modes():
    data = Ring8(points=10_000)
    train = data.train()
    drawn = prepared(Noise, data.spec, train).sample(train)
    torch.testing.assert_close(drawn.mean(0), train.x.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0), train.x.std(0), atol=0.05, rtol=0)
    assert data.mixture.log_density(drawn).mean() < data.mixture.log_density(train.x).mean() - 10


def test_noise_on_images_fills_the_range():
    drawn = Noise(IMAGES).sample(batch(IMAGES, 100))
    assert drawn.min() >= -1
    assert drawn.max() <= 1
    assert drawn.std().item() == pytest.approx(3**-0.5, abs=0.02)
