"""What the reference rows are by their papers, on answers that are known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec, Variant
from ganbench.zoo.references.ddpm import DDPM, STEPS, kept_shares
from ganbench.zoo.references.pixelcnn import PixelCNN
from ganbench.zoo.references.rbm import RBM
from ganbench.zoo.references.realnvp import RealNVP
from ganbench.zoo.references.vae import VAE

POINTS = DataSpec((2,))


def ring(n: int) -> Batch:
    """Four modes of standard deviation 0.2 at distance 1.5."""
    generator = torch.Generator().manual_seed(0)
    angle = torch.randint(4, (n,), generator=generator) * math.pi / 2
    centre = 1.5 * torch.stack([angle.cos(), angle.sin()], 1)
    return Batch(centre + 0.2 * torch.randn(n, 2, generator=generator))


def trained(model: Variant, data: Batch, updates: int) -> Variant:
    model.prepare(data)
    list(train(model, data, Budget("updates", updates), Ledger(), intervals=1))
    return model.eval()


def stirred(model: Variant, scale: float = 0.1) -> Variant:
    """Weights that are none of the start's."""
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            weight += scale * torch.randn_like(weight)
    return model.eval()


def integral(density: Callable[[Tensor], Tensor], reach: float = 5, n: int = 500) -> float:
    """Of a log density (n, 2) -> (n,) over a square."""
    line = torch.linspace(-reach, reach, n, dtype=torch.float64)
    with torch.no_grad():
        inside = density(torch.cartesian_prod(line, line)).exp().sum()
    return float(inside * (2 * reach / (n - 1)) ** 2)


@pytest.mark.parametrize("build", [RealNVP, PixelCNN])
def test_an_exact_density_of_points_integrates_to_one(build: type[RealNVP] | type[PixelCNN]) -> None:
    torch.manual_seed(0)
    model = trained(build(POINTS, width=8, batch=64), ring(2_000), 300).double()
    assert integral(model.log_likelihood) == pytest.approx(1, abs=1e-3)


def test_the_chances_of_all_images_add_up_to_one() -> None:
    """Of 2 x 2 pixels with three levels, each of which stands for 256 / 3 of an image's."""
    model = stirred(PixelCNN(DataSpec((1, 2, 2)), width=4, layers=2, levels=3), 0.5)
    level = torch.cartesian_prod(*[torch.arange(3)] * 4).view(-1, 1, 2, 2)
    with torch.no_grad():
        chances = model.log_likelihood(model.network.value_of(level)).double() + 4 * math.log(256 / 3)  # type: ignore[union-attr,operator]
    assert float(chances.exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8), (3, 16, 16), (1, 28, 28)])
def test_a_flow_goes_back_where_it_came_from_and_knows_its_volume(shape: tuple[int, ...]) -> None:
    model = stirred(RealNVP(DataSpec(shape), width=4), 0.05).double()
    x = torch.randn(3, *shape, dtype=torch.float64)
    z, volume = model.flow(x)  # type: ignore[operator]
    assert torch.allclose(model.flow.back(z), x, atol=1e-9)  # type: ignore[union-attr,operator]
    if math.prod(shape) <= 64:
        jacobian = torch.autograd.functional.jacobian(lambda one: model.flow(one[None])[0].flatten(), x[0])  # type: ignore[operator]
        square = jacobian.reshape(math.prod(shape), -1)
        assert torch.linalg.slogdet(square).logabsdet == pytest.approx(float(volume[0]), abs=1e-8)


@pytest.mark.parametrize("shape", [(1, 5, 5), (3, 4, 4)])
def test_a_pixel_sees_those_before_it_and_no_other(shape: tuple[int, ...]) -> None:
    model = stirred(PixelCNN(DataSpec(shape), width=4, layers=3, levels=4), 0.3).double()
    x = torch.rand(1, *shape, dtype=torch.float64) * 2 - 1
    logits = model.network.logits  # type: ignore[union-attr]
    c, h, w = shape
    reached: set[int] = set()
    for place in range(c * h * w):
        i, j, k = place // (c * w), place // c % w, place % c
        other = x.clone()
        other[0, k, i, j] *= -1
        changed = (logits(other) - logits(x)).abs().amax(1)[0] > 1e-12  # type: ignore[operator]
        after = {int(a * c * w + b * c + d) for d, a, b in changed.nonzero().tolist()}
        assert all(number > place for number in after)
        reached |= after
    assert reached == set(range(1, c * h * w))


@pytest.mark.parametrize("shape", [(1, 7, 7), (3, 5, 5)])
def test_drawing_number_by_number_asks_for_what_a_whole_pass_says(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The likeliest level in the place of a drawn one: then an image's own pass must say the same everywhere."""
    model = stirred(PixelCNN(DataSpec(shape), width=4, layers=3, levels=6), 1.0).double()
    monkeypatch.setattr(torch, "multinomial", lambda chances, n: chances.argmax(1, keepdim=True))
    with torch.no_grad():
        drawn = model.sample(Batch(torch.zeros(2, *shape, dtype=torch.float64)))
        level = model.network.level_of(drawn)  # type: ignore[union-attr,operator]
        assert model.network.logits(drawn).argmax(1).equal(level)  # type: ignore[union-attr,operator]
    assert len(level.unique()) > 1


def test_pixelcnn_is_for_small_images_and_says_so() -> None:
    with pytest.raises(ValueError, match="sides up to 32"):
        PixelCNN(DataSpec((1, 64, 64)))
    with pytest.raises(ValueError, match="odd one"):
        PixelCNN(DataSpec((1, 8, 8)), kernel=4)


def test_a_vaes_bound_is_below_its_tighter_one() -> None:
    torch.manual_seed(0)
    model = trained(VAE(POINTS, z_dim=2, width=32, lr=3e-3, batch=64), ring(2_000), 1_500)
    x = ring(4_000).x
    with torch.no_grad():
        plain, tighter = model.bound(x).mean(), model.weighted_bound(x, 50).mean()  # type: ignore[operator]
    assert plain < tighter < 0.5


def test_a_boltzmann_machines_pixels_are_on_as_often_as_the_datas_before_it_has_learned() -> None:
    model = RBM(DataSpec((1, 2, 2)), width=3)
    share = torch.tensor([0.0, 0.2, 0.5, 0.9])
    on = torch.arange(100).view(-1, 1) < 100 * share
    model.prepare(Batch(2.0 * on.float().view(-1, 1, 2, 2) - 1))
    with torch.no_grad():
        model.weight.zero_()
        found = (model.sample(Batch(torch.zeros(5, 1, 2, 2))).flatten(1) + 1) / 2
    assert found[0].tolist() == pytest.approx([0.01, 0.2, 0.5, 0.9], abs=1e-6)  # none is sure


def test_a_boltzmann_machines_samples_follow_its_own_distribution() -> None:
    """Four pixels and three hidden units: the total variation to all 16 images' chances, enumerated, is under 0.02."""
    model = stirred(RBM(DataSpec((1, 2, 2)), width=3, chain=60), 0.7)
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 4)
    with torch.no_grad():
        true = (-model.free_energy(states)).softmax(0)  # type: ignore[operator]
        torch.manual_seed(0)
        v = model.steps(torch.bernoulli(torch.full((40_000, 4), 0.5)), 60)  # type: ignore[operator]
    drawn = (v @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long().bincount(minlength=16) / 40_000
    assert float((drawn - true).abs().sum() / 2) < 0.02


def test_contrastive_divergence_is_the_gradient_of_the_loss() -> None:
    torch.manual_seed(1)
    model = RBM(DataSpec((1, 2, 2)), width=3, gibbs=1)
    x = torch.randint(2, (20, 1, 2, 2)).float() * 2 - 1
    torch.manual_seed(5)
    model.loss(Batch(x)).backward()
    torch.manual_seed(5)
    with torch.no_grad():
        v = torch.bernoulli((x.flatten(1) + 1) / 2)
        made = model.steps(v, 1)

        def together(units: Tensor) -> Tensor:
            chances = (units @ model.weight.T + model.hidden_bias).sigmoid()
            return chances.T @ units / len(units)

        assert torch.allclose(model.weight.grad, together(made) - together(v), atol=1e-6)


def test_a_diffusion_model_recovers_a_normal_distribution() -> None:
    """In one dimension, mean 0.7 and standard deviation 0.4."""
    torch.manual_seed(0)
    data = Batch(0.7 + 0.4 * torch.randn(4_000, 1))
    model = trained(DDPM(DataSpec((1,)), width=16, passes=100, ema=0.99, lr=2e-3, batch=256), data, 600)
    torch.manual_seed(1)
    with torch.no_grad():
        drawn = model.sample(Batch(torch.zeros(4_000, 1)))
    assert float(drawn.mean()) == pytest.approx(0.7, abs=0.06)
    assert float(drawn.std()) == pytest.approx(0.4, abs=0.06)


def test_a_diffusion_models_bound_is_below_the_entropy_and_near_it() -> None:
    """No model's mean log density exceeds minus the entropy of the data: of a normal one -log(sigma sqrt(2 pi e))."""
    torch.manual_seed(0)
    data = Batch(0.4 * torch.randn(4_000, 1))
    model = trained(DDPM(DataSpec((1,)), width=16, ema=0.99, lr=2e-3, batch=256), data, 600)
    best = -math.log(0.4 * math.sqrt(2 * math.pi * math.e))
    with torch.no_grad():
        said = torch.stack([model.log_likelihood(data.x).mean() for _ in range(5)]).mean()
    assert best - 0.5 < float(said) < best + 0.05


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_noise_drowns_the_data_bit_by_bit(schedule: str) -> None:
    kept = kept_shares(schedule)  # type: ignore[arg-type]
    assert len(kept) == STEPS and (kept.diff() < 0).all()
    assert kept[0] > 0.999 and kept[-1] < 1e-4


@pytest.mark.parametrize(
    ("build", "passes"), [(VAE, 1), (RealNVP, 1), (PixelCNN, 64), (lambda s: RBM(s, chain=7), 7), (DDPM, 50)]
)
def test_a_model_says_how_many_passes_a_sample_takes(build: Callable[[DataSpec], Variant], passes: int) -> None:
    assert build(DataSpec((1, 8, 8))).passes == passes
