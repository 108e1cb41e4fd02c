"""Penalties by known answers: the slope of a linear D is its weight, everywhere."""

import pytest
import torch
from torch import Tensor, nn

from ganbench.penalties import gradient_penalty, r1, slopes

SHAPES = pytest.mark.parametrize("shape", [(2,), (3, 4, 4)], ids=["points", "images"])


def linear(shape: tuple[int, ...], norm: float) -> nn.Module:
    """A D with a slope of that length."""
    layer = nn.Linear(torch.Size(shape).numel(), 1).double()
    with torch.no_grad():
        layer.weight *= norm / layer.weight.norm()
    return nn.Sequential(nn.Flatten(), layer, nn.Flatten(0))


def some(n: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(n, *shape, dtype=torch.float64)


@SHAPES
def test_the_slope_of_a_linear_d_is_its_weight_at_every_sample(shape):
    d = linear(shape, 3.0)
    found = slopes(d, some(5, shape))
    torch.testing.assert_close(found, d[1].weight.expand(5, -1))


@SHAPES
@pytest.mark.parametrize("norm", [0.5, 3.0])
def test_r1_of_a_linear_d_is_the_square_of_its_slope(shape, norm):
    torch.testing.assert_close(r1(linear(shape, norm), some(5, shape)).item(), norm**2)


@SHAPES
@pytest.mark.parametrize(("norm", "target"), [(0.5, 1.0), (3.0, 1.0), (3.0, 2.0), (1.0, 1.0)])
def test_the_gradient_penalty_of_a_linear_d_is_its_slopes_squared_distance_from_the_target(shape, norm, target):
    found = gradient_penalty(linear(shape, norm), some(5, shape), some(5, shape), target)
    torch.testing.assert_close(found.item(), (norm - target) ** 2)


@pytest.mark.parametrize("penalty", [r1, lambda d, x: gradient_penalty(d, x, x + 1)])
def test_d_can_descend_it(penalty):
    """d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|, and d/dw |w|^2 = 2 w: both point along the weight."""
    d = linear((2,), 3.0)
    penalty(d, some(5, (2,))).backward()
    weight = d[1].weight.detach()
    factor = 2.0 if penalty is r1 else 2 * (3 - 1) / 3
    torch.testing.assert_close(d[1].weight.grad, factor * weight)


def test_the_gradient_penalty_looks_at_random_places_between_each_real_and_its_fake():
    seen = []

    def d(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().flatten(1).sum(1)

    real, fake = torch.zeros(1000, 2, 3, 3), torch.arange(1000.0).view(-1, 1, 1, 1).expand(-1, 2, 3, 3) + 1
    gradient_penalty(d, real, fake)
    shares = (seen[0] / fake).flatten(1)
    assert (shares.amax(1) - shares.amin(1)).max() < 1e-5, "one share for each sample"
    assert shares.min() >= 0 and shares.max() <= 1
    assert shares[:, 0].mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares[:, 0].std().item() == pytest.approx(12**-0.5, abs=0.02), "uniform"


def test_r1_looks_at_the_real_samples_themselves():
    real = some(4, (2,))
    found = r1(lambda x: x.square().sum(1) / 2, real)
    torch.testing.assert_close(found, real.square().sum(1).mean())


def test_neither_reaches_the_generator():
    fake = some(4, (2,)).requires_grad_()
    gradient_penalty(linear((2,), 3.0), some(4, (2,)), fake).backward()
    r1(linear((2,), 3.0), fake).backward()
    assert fake.grad is None


def test_a_flat_d_has_a_finite_gradient():
    """The length of a slope has no derivative at 0; any finite one will do."""
    d = linear((2,), 0.0)
    gradient_penalty(d, some(4, (2,)), some(4, (2,))).backward()
    assert d[1].weight.grad.isfinite().all()


def test_the_answer_depends_on_nothing_but_the_default_generator():
    d, real, fake = nn.Sequential(linear((2,), 3.0), nn.Tanh()), some(6, (2,)), some(6, (2,))
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(gradient_penalty(d, real, fake).item())
    assert found[0] == found[1] != found[2]
