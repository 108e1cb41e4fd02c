import pytest
import torch

from ganbench.data.mnist import Mnist
from ganbench.data.stacked_mnist import StackedMnist, draw_stacks


@pytest.fixture
def data(numbered, monkeypatch):
    """Stacks of digits that hold their own numbers, whose labels are the numbers' last figures."""
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    return StackedMnist(size=28, stacks=500)


def test_a_stack_is_three_digits_and_its_class_has_their_figures(data, numbers_of):
    batch = data.train()
    assert (batch.x.shape, batch.x.dtype, batch.y.dtype) == ((500, 3, 28, 28), torch.float32, torch.int64)
    red, green, blue = (numbers_of(batch.x[:, channel]) for channel in range(3))
    figures = zip(red, green, blue, strict=True)
    assert batch.y.tolist() == [int(f"{r % 10}{g % 10}{b % 10}") for r, g, b in figures]
    assert min(len({*digits}) for digits in (red, green, blue)) > 450, "digits are drawn at random"
    assert len({*red} & {*green}) < 50, "each channel for itself"


def test_no_digit_is_in_two_splits(data, numbers_of):
    def digits(batch):
        return {*numbers_of(batch.x.flatten(0, 1))}

    assert digits(data.train()) <= {*range(50_000)}
    for split, own, others in [("validation", (50, 60), (60, 70)), ("test", (60, 70), (50, 60))]:
        reference, fresh = data.reference(split), data.fresh(split, 600)
        assert len(reference.x) == 10_000
        assert digits(reference) <= {*range(own[0] * 1000, own[1] * 1000)}
        assert digits(fresh) <= {*range(others[0] * 1000, others[1] * 1000)}


def test_stacks_are_always_the_same_and_the_first_ones_for_any_number(data):
    assert data.fresh("test", 300).x[:20].equal(data.fresh("test", 20).x)
    assert data.train().x.equal(data.train().x)
    assert data.reference("test").y.equal(data.reference("test").y)
    assert not draw_stacks("fresh", "test", 50).equal(draw_stacks("reference", "test", 50)), (
        "each use has stacks of its own"
    )


def test_the_prior_is_the_product_of_the_digits(data):
    each = Mnist(size=28).prior
    assert data.prior.shape == (1000,)
    assert data.prior[345] == pytest.approx(float(each[3] * each[4] * each[5]))
    assert float(data.prior.sum()) == pytest.approx(1)


def test_digits_are_shown_as_those_of_mnist(numbered, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(numbered))
    data, digits = StackedMnist(size=16, stacks=10), Mnist(size=16)
    chosen = draw_stacks("train", "train", 10)
    torch.testing.assert_close(data.train().x[4, 1], digits.train().x[chosen[4, 1], 0])
    assert data.preprocessing == f"three digits as channels, each {digits.preprocessing}"
    assert data.spec.shape == (3, 16, 16)
    stored = StackedMnist(size=28, stacks=10).train().x
    assert data.fit(stored).equal(data.train().x)


def test_the_number_of_stacks_is_part_of_the_fingerprint_and_the_size_is_not(data):
    assert StackedMnist(size=8, stacks=500).fingerprint == data.fingerprint
    assert StackedMnist(size=28, stacks=501).fingerprint != data.fingerprint


def test_domains_hold_channel_by_channel(data):
    x = data.train().x[:5]
    for other in ("negative", "edges", "rotated"):
        domain = StackedMnist(size=28, stacks=5, other=other).other
        partners = domain.transform(x)
        assert partners.shape == x.shape
        for channel in range(3):
            assert partners[:, [channel]].equal(domain.transform(x[:, [channel]]))
