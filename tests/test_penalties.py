"""Penalties by known answers: the slope of a linear D is its weight, everywhere."""

from math import sqrt

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from ganbench import plugins
from ganbench.errors import BadSuite
from ganbench.penalties import R1, R2, Clip, Dragan, Gradient, Orthogonal, Penalty, Several, Spectral, none, slopes
from ganbench.plugins.spec import choose
from ganbench.remedies import Packing
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.gan import GAN
from ganbench.zoo.sagan import SAGAN

SHAPES = pytest.mark.parametrize("shape", [(2,), (3, 4, 4)], ids=["points", "images"])
POINTS, IMAGES = DataSpec((2,)), DataSpec((1, 8, 8))
ON_SLOPES = (Gradient(weight=1), Dragan(weight=1), R1(gamma=2), R2(gamma=2))
INSTALLED = plugins.names("penalties")


def linear(shape: tuple[int, ...], norm: float) -> nn.Module:
    """A D with a slope of that length."""
    layer = nn.Linear(torch.Size(shape).numel(), 1).double()
    with torch.no_grad():
        layer.weight *= norm / layer.weight.norm()
    return nn.Sequential(nn.Flatten(), layer, nn.Flatten(0))


def some(n: int, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(n, *shape, dtype=torch.float64)


def term(penalty: Penalty, d: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    found = penalty.term(d, d, real, fake)
    assert found is not None and found.shape == ()
    return found


@SHAPES
def test_the_slope_of_a_linear_d_is_its_weight_at_every_sample(shape):
    d = linear(shape, 3.0)
    found = slopes(d, some(5, shape))
    torch.testing.assert_close(found, d[1].weight.expand(5, -1))


def test_r2_is_r1_of_the_fakes():
    d, real, fake = (lambda x: x.square().sum(1)), some(5, (2,)), some(5, (2,))
    found = R2(gamma=3).term(nn.Identity(), d, real, fake)
    torch.testing.assert_close(found, R1(gamma=3).term(nn.Identity(), d, fake, real))
    torch.testing.assert_close(found, 3 / 2 * 4 * fake.square().sum(1).mean())


# Several


def test_a_list_is_several_penalties_and_one_alone_is_itself():
    found = TypeAdapter(Penalty).validate_json('["r1", { "name": "r2", "gamma": 2 }]')
    assert found.parts == (R1(), R2(gamma=2)) and found.per_sample
    assert TypeAdapter(Penalty).validate_json('["clip"]') == Clip()
    assert not Several(penalties=(Clip(), Spectral())).per_sample
    with pytest.raises(BadSuite, match="penalties r1, r1, but each can be there once"):
        TypeAdapter(Penalty).validate_json('["r1", "r1"]')
    with pytest.raises(ValidationError, match="a table of a name and options, or a list of these"):
        TypeAdapter(Penalty).validate_json("[]")


def test_several_penalties_do_all_that_each_does():
    d, real, fake = linear((2,), 3.0), some(4, (2,)), some(4, (2,))
    both = Several(penalties=(R1(gamma=2), R2(gamma=4), Clip(limit=0.5)))
    torch.testing.assert_close(term(both, d, real, fake).item(), 9.0 + 18.0)
    both.after_step(d)
    assert d[1].weight.abs().max() <= 0.5
    Several(penalties=(R1(), Spectral())).prepare(d)
    torch.testing.assert_close(d.eval()[1].weight.norm().item(), 1.0)
    assert Several(penalties=(Clip(), Spectral())).term(d, d, real, fake) is None


def test_each_of_several_has_its_own_curve():
    variant = GAN(POINTS, width=8, batch=4, penalty=Several(penalties=(R1(), R2(), Clip(limit=0.1))))
    terms = variant.d_loss(Batch(torch.randn(4, 2)))
    assert {"loss", "r1", "r2"} <= set(terms) and "clip" not in terms
    variant.after_d()
    assert max(weight.abs().max() for weight in variant.D.parameters()) <= 0.1


@pytest.mark.parametrize("samples", [2, 4])
def test_a_pack_has_one_slope_and_one_mixing_share(samples):
    """Of a linear D the slope of a pack is its weight's length: `samples` times the square of each sample's share."""
    variant = GAN(POINTS, width=8, batch=3, penalty=R1(gamma=2), remedies=(Packing(samples=samples),))
    variant.D.body, variant.D.head = nn.Flatten(), nn.Linear(2 * samples, 1)
    batch = Batch(torch.randn(variant.batch, 2))
    assert len(batch.x) == 3 * samples
    weight = variant.D.head.weight
    torch.testing.assert_close(variant.d_loss(batch)["r1"], weight.square().sum())
    seen = []
    variant.D.body.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    real, fake = torch.zeros(variant.batch, 2), torch.ones(variant.batch, 2)
    variant.penalty = Gradient()
    variant(real, fake, batch)
    shares = seen[-1]
    assert shares.shape == (3, 2 * samples) and len(shares.unique()) == 3
    assert shares.equal(shares[:, :1].expand_as(shares))


# By the slope of D


@SHAPES
@pytest.mark.parametrize("norm", [0.5, 3.0])
def test_r1_of_a_linear_d_is_half_gamma_times_the_square_of_its_slope(shape, norm):
    d = linear(shape, norm)
    torch.testing.assert_close(term(R1(gamma=2), d, some(5, shape), some(5, shape)).item(), norm**2)
    torch.testing.assert_close(term(R1(), d, some(5, shape), some(5, shape)).item(), 5 * norm**2)


@SHAPES
@pytest.mark.parametrize(("norm", "target"), [(0.5, 1.0), (3.0, 1.0), (3.0, 2.0), (1.0, 1.0)])
def test_gradient_and_dragan_of_a_linear_d_are_its_slopes_squared_distance_from_the_target(shape, norm, target):
    d = linear(shape, norm)
    for penalty in (Gradient(weight=1, target=target), Dragan(weight=1, target=target)):
        found = term(penalty, d, some(5, shape), some(5, shape))
        torch.testing.assert_close(found.item(), (norm - target) ** 2)


@pytest.mark.parametrize(("norm", "expected"), [(0.5, 0.0), (1.0, 0.0), (3.0, 4.0)])
def test_one_sided_only_a_slope_above_the_target_costs(norm, expected):
    found = term(Gradient(weight=1, one_sided=True), linear((2,), norm), some(5, (2,)), some(5, (2,)))
    torch.testing.assert_close(found.item(), expected)


def test_one_sided_each_sample_stands_for_itself():
    """D(x) = |x|^2 / 2 has the slope |x|: 3 and a half between equal real and fake, of which only the 3 costs."""
    x = torch.tensor([[3.0, 0.0], [0.0, 0.5]], dtype=torch.float64)

    def d(x: Tensor) -> Tensor:
        return x.square().sum(1) / 2

    assert Gradient(weight=1, one_sided=True).term(nn.Identity(), d, x, x).item() == pytest.approx((2**2 + 0) / 2)
    assert Gradient(weight=1).term(nn.Identity(), d, x, x).item() == pytest.approx((2**2 + 0.5**2) / 2)


@pytest.mark.parametrize("weight", [0.0, 0.1, 10.0])
def test_the_weight_multiplies(weight):
    d, x = linear((2,), 3.0), some(4, (2,))
    for one, many in ((Gradient(weight=1), Gradient(weight=weight)), (Dragan(weight=1), Dragan(weight=weight))):
        torch.testing.assert_close(term(many, d, x, x), weight * term(one, d, x, x))


@pytest.mark.parametrize("penalty", ON_SLOPES, ids=lambda penalty: penalty.name)
def test_d_can_descend_it(penalty):
    """d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|, and d/dw |w|^2 = 2 w: both point along the weight."""
    d = linear((2,), 3.0)
    term(penalty, d, some(5, (2,)), some(5, (2,))).backward()
    weight = d[1].weight.detach()
    factor = 2.0 if penalty.name in ("r1", "r2") else 2 * (3 - 1) / 3
    torch.testing.assert_close(d[1].weight.grad, factor * weight)


def test_the_gradient_penalty_looks_at_random_places_between_each_real_and_its_fake():
    seen = []

    def d(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().flatten(1).sum(1)

    real, fake = torch.zeros(1000, 2, 3, 3), torch.arange(1000.0).view(-1, 1, 1, 1).expand(-1, 2, 3, 3) + 1
    Gradient().term(nn.Identity(), d, real, fake)
    shares = (seen[0] / fake).flatten(1)
    assert (shares.amax(1) - shares.amin(1)).max() < 1e-5, "one share for each sample"
    assert shares.min() >= 0 and shares.max() <= 1
    assert shares[:, 0].mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares[:, 0].std().item() == pytest.approx(12**-0.5, abs=0.02), "uniform"


def test_dragan_looks_near_real_samples_and_never_at_fakes():
    """At x + share * spread * std(x) * u: from 0 to half a deviation above x, an eighth in the mean."""
    seen = []

    def d(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().flatten(1).sum(1)

    real = torch.randn(2000, 2) * 3 + 1
    Dragan().term(nn.Identity(), d, real, torch.full((2000, 2), torch.nan))
    away = (seen[0] - real) / real.std()
    assert away.min() >= -1e-6 and away.max() <= 0.5 + 1e-6
    assert away.mean().item() == pytest.approx(0.5 / 4, abs=0.01)
    seen.clear()
    Dragan(spread=0).term(nn.Identity(), d, real, real)
    torch.testing.assert_close(seen[0], real)


def test_r1_looks_at_the_real_samples_themselves():
    real = some(4, (2,))
    found = R1(gamma=2).term(nn.Identity(), lambda x: x.square().sum(1) / 2, real, real + 7)
    torch.testing.assert_close(found, real.square().sum(1).mean())


@pytest.mark.parametrize("penalty", ON_SLOPES, ids=lambda penalty: penalty.name)
def test_none_reaches_the_generator(penalty):
    fake = some(4, (2,)).requires_grad_()
    term(penalty, linear((2,), 3.0), some(4, (2,)), fake).backward()
    assert fake.grad is None


@pytest.mark.parametrize("penalty", ON_SLOPES, ids=lambda penalty: penalty.name)
def test_a_flat_d_has_a_finite_gradient(penalty):
    """The length of a slope has no derivative at 0; any finite one will do."""
    d = linear((2,), 0.0)
    term(penalty, d, some(4, (2,)), some(4, (2,))).backward()
    assert d[1].weight.grad.isfinite().all()


@pytest.mark.parametrize("penalty", [Gradient(), Dragan()], ids=lambda penalty: penalty.name)
def test_the_answer_depends_on_nothing_but_the_default_generator(penalty):
    d, real, fake = nn.Sequential(linear((2,), 3.0), nn.Tanh()), some(6, (2,)), some(6, (2,))
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(term(penalty, d, real, fake).item())
    assert found[0] == found[1] != found[2]


# By the weights of D


def test_clip_holds_every_weight_within_the_limit_and_leaves_those_inside_alone():
    d = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    before = [weight.detach().clone() for weight in d.parameters()]
    Clip(limit=0.1).after_step(d)
    for weight, was in zip(d.parameters(), before, strict=True):
        torch.testing.assert_close(weight.detach(), was.clamp(-0.1, 0.1))
        assert weight.requires_grad
    assert max(weight.abs().max().item() for weight in d.parameters()) == pytest.approx(0.1)
    assert Clip().limit == 0.01


def test_spectral_makes_the_largest_singular_value_of_every_weight_1():
    torch.manual_seed(0)
    variant = GAN(POINTS, width=8, batch=8, penalty=Spectral())
    layers = [module for module in variant.D.modules() if isinstance(module, nn.Linear)]
    assert len(layers) == 4
    for _ in range(100):
        variant.D(torch.randn(3, 2))
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=1e-3)


def test_spectral_divides_convolutions_too_and_keeps_their_direction():
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 5)
    weight = layer.weight.detach().clone()
    Spectral().prepare(nn.Sequential(layer))
    for _ in range(100):
        layer(torch.randn(1, 3, 5, 5))
    largest = torch.linalg.matrix_norm(weight.flatten(1), 2)
    torch.testing.assert_close(layer.eval().weight.detach(), weight / largest, atol=1e-4, rtol=1e-3)


def test_with_spectral_the_optimiser_still_moves_the_weights_that_d_has():
    torch.manual_seed(0)
    variant = GAN(POINTS, width=8, batch=8, penalty=Spectral())
    (group,) = variant.players[0].optimizer.param_groups
    assert {id(weight) for weight in group["params"]} == {id(weight) for weight in variant.D.parameters()}


def test_spectral_is_refused_where_layers_are_normalised_already_or_unknown():
    with pytest.raises(ValueError, match=r"layers are normalised already, where the penalty 'spectral' has no place"):
        SAGAN(IMAGES, width=4, penalty=Spectral())
    with pytest.raises(ValueError, match="without plain dense or convolutional layers"):
        Spectral().prepare(nn.Sequential(nn.PReLU()))


def of_weight(weight: Tensor) -> nn.Module:
    layer = nn.Linear(*reversed(weight.shape))
    layer.weight = nn.Parameter(weight)
    return layer


@pytest.mark.parametrize(("n_out", "n_in"), [(3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("scale", [1.0, 2.0, 0.5, 0.0])
def test_orthogonal_is_nothing_for_an_orthogonal_weight_and_grows_with_its_scale(n_out, n_in, scale):
    """(s W)(s W)^T - I = (s^2 - 1) I, whose squares sum to (s^2 - 1)^2 for each of the shorter side's numbers."""
    d = of_weight(scale * nn.init.orthogonal_(torch.empty(n_out, n_in)))
    x = torch.randn(2, n_in)
    found = term(Orthogonal(weight=1), d, x, x).item()
    assert found == pytest.approx(min(n_out, n_in) * (scale**2 - 1) ** 2, rel=1e-5, abs=1e-5)


def test_orthogonal_counts_overlaps_and_every_layer_but_no_bias_and_d_can_descend_it():
    first, second = torch.tensor([[1.0, 2.0, 0.0], [3.0, 1.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    d = nn.Sequential(of_weight(first), of_weight(second))
    x = torch.randn(2, 3)
    # W W^T = [[5, 5], [5, 10]] and [[4]]
    expected = (5 - 1) ** 2 + 2 * 5**2 + (10 - 1) ** 2 + (4 - 1) ** 2
    found = term(Orthogonal(weight=0.5), d, x, x)
    assert found.item() == pytest.approx(expected / 2)
    found.backward()
    # d/dW |W W^T - I|^2 = 4 (W W^T - I) W
    torch.testing.assert_close(d[0].weight.grad, 2 * (first @ first.mT - torch.eye(2)) @ first)
    assert d[0].bias.grad is None


def test_orthogonal_flattens_the_filters_of_convolutions():
    layer = nn.Conv2d(2, 4, 3)
    nn.init.orthogonal_(layer.weight)
    x = torch.randn(1, 2, 3, 3)
    assert term(Orthogonal(weight=1), layer, x, x).item() == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        layer.weight *= sqrt(2)
    assert term(Orthogonal(weight=1), layer, x, x).item() == pytest.approx(4, rel=1e-4)


# All of them


@pytest.mark.parametrize("name", INSTALLED)
def test_a_penalty_does_what_it_says_and_leaves_all_else_of_d_alone(name):
    """The base does nothing; each of the others does one thing."""
    penalty = choose("penalties", name)
    torch.manual_seed(0)
    d, x = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1), nn.Flatten(0)), torch.randn(4, 2)
    scores = d(x).detach()
    before = {key: value.clone() for key, value in d.state_dict().items()}
    penalty.prepare(d)
    prepared = d.state_dict().keys() != before.keys()
    assert prepared == (name == "spectral")
    if not prepared:
        found = penalty.term(d, d, x, x + 1)
        assert (found is None) == (name in ("none", "clip"))
        assert d(x).equal(scores) and all(weight.grad is None for weight in d.parameters())
        assert all(value.equal(before[key]) for key, value in d.state_dict().items())
        penalty.after_step(d)
        assert d(x).equal(scores) == (name != "clip")


@pytest.mark.parametrize("name", INSTALLED)
def test_a_penalty_joins_ds_loss_under_its_name_if_it_has_a_term(name):
    penalty = choose("penalties", name)
    torch.manual_seed(0)
    variant = GAN(POINTS, width=8, batch=8, penalty=penalty)
    terms = variant.d_loss(Batch(torch.randn(8, 2)))
    told = {"loss", "real", "fake", "belief_real", "belief_fake"}
    assert set(terms) - told == {name} - {"none", "clip", "spectral"}
    sum(term for term in terms.values() if term.requires_grad).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in variant.D.parameters())


def test_penalties_are_values():
    assert choose("penalties", "none") == none == Penalty()
    assert choose("penalties", {"name": "gradient", "weight": 3}) == Gradient(weight=3.0) != Gradient()
