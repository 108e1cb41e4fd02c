"""StyleGAN's mechanisms, one by one; growth, equalised rates and D are ProGAN's and tested there."""

from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench.losses import nonsaturating
from ganbench.penalties import R1
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.growing import Blur, EqualLinear, GrowingDiscriminator, MinibatchStd, PixelNorm
from ganbench.zoo.stylegan import Finish, StyleGAN, standardised

IMAGES, POINTS = DataSpec((3, 32, 32), 10), DataSpec((2,), 8)
KINDS = pytest.mark.parametrize("spec", [IMAGES, POINTS], ids=["images", "points"])


def build(spec: DataSpec, **options: object) -> StyleGAN:
    torch.manual_seed(0)
    return StyleGAN(spec, **{"width": 8, "z_dim": 6, "batch": 8, **options})


def batch_of(spec: DataSpec, n: int = 8) -> Batch:
    return Batch(torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1)


def learn(variant: StyleGAN, spec: DataSpec, rounds: int = 1) -> StyleGAN:
    for _ in train(variant, batch_of(spec), Budget("updates", rounds), Ledger(), intervals=1):
        pass
    return variant


# Mapping


def test_the_mapping_network_has_8_dense_layers_behind_a_pixel_norm():
    norm, *layers = StyleGAN(POINTS, width=8).G.mapping
    assert isinstance(norm, PixelNorm)
    assert [type(layer) for layer in layers] == [EqualLinear, nn.LeakyReLU] * 8
    assert all(layer.weight.shape == (512, 512) and layer.lr_mul == 0.01 for layer in layers[::2])
    assert all(layer.negative_slope == 0.2 for layer in layers[1::2])
    assert sum(isinstance(layer, EqualLinear) for layer in build(POINTS, mapping=3).G.mapping) == 3


def test_the_length_of_the_latents_does_not_matter():
    variant, z = build(POINTS), torch.randn(4, 6)
    torch.testing.assert_close(variant.G.mapping(z), variant.G.mapping(7 * z), atol=1e-5, rtol=1e-4)


def test_a_step_moves_the_mapping_a_hundredth_as_far_as_the_rest():
    """Adam moves all weights by the rate; the mapping's begin a hundred times as large and count a hundredth."""
    variant = build(POINTS)
    before = {name: w.detach().clone() for name, w in variant.G.named_parameters()}
    learn(variant, POINTS)
    share = {
        name: ((w - before[name]).norm() / before[name].norm()).item()
        for name, w in variant.G.named_parameters()
        if name.endswith("weight") and not w.equal(before[name])
    }
    assert share["mapping.1.weight"] == pytest.approx(1e-5, rel=0.2)
    assert share["synthesis.finish.1.style.weight"] == pytest.approx(1e-3, rel=0.2)


def test_styles_keep_their_scale_through_the_mapping():
    variant = StyleGAN(POINTS, width=8)
    w = variant.G.mapping(torch.randn(500, 512))
    assert 0.3 < w.square().mean().sqrt().item() < 3


# Synthesis


def test_the_generator_starts_from_a_learned_constant_of_4_by_4_ones():
    variant = build(IMAGES)
    constant = variant.G.synthesis.constant
    assert isinstance(constant, nn.Parameter) and constant.equal(torch.ones(1, 8, 4, 4))
    assert build(POINTS).G.synthesis.constant.equal(torch.ones(1, 8))
    learn(variant, IMAGES, 2)
    assert not constant.equal(torch.ones(1, 8, 4, 4))


@KINDS
def test_latents_reach_the_synthesis_as_styles_alone(spec):
    """Without noise, one style gives one sample, whatever else."""
    variant = build(spec)
    w = torch.randn(1, 1, 6).expand(5, variant.G.layers, 6)
    x = variant.G.synthesis(w)
    torch.testing.assert_close(x, x[:1].expand_as(x))


@KINDS
def test_every_layer_obeys_its_own_style(spec):
    variant = build(spec)
    assert variant.G.layers == {IMAGES: 8, POINTS: 6}[spec]  # two for each level: 2 log2(side) - 2
    w = torch.randn(2, variant.G.layers, 6)
    x = variant.G.synthesis(w)
    for layer in range(variant.G.layers):
        changed = w.clone()
        changed[:, layer] += 1
        # The constant is flat at first, so the first style is only a shift that the next norm takes away.
        assert not torch.allclose(variant.G.synthesis(changed), x, atol=1e-4)


@KINDS
def test_noise_is_in_every_layer_with_strengths_that_begin_at_0(spec):
    variant = build(spec)
    finish = variant.G.synthesis.finish
    assert len(finish) == variant.G.layers and not any(layer.noise.any() for layer in finish)
    w = torch.randn(16, 1, 6).expand(-1, variant.G.layers, -1)
    assert variant.G.synthesis(w).equal(variant.G.synthesis(w))
    for layer in finish:
        with torch.no_grad():  # unlike for the features of a point, or the norm would take it away again
            layer.noise.copy_(torch.linspace(0.5, 1, len(layer.noise)))
        assert not torch.allclose(variant.G.synthesis(w), variant.G.synthesis(w), atol=1e-4)
        with torch.no_grad():
            layer.noise.zero_()


@KINDS
def test_noise_strengths_are_learned(spec):
    variant = learn(build(spec, growing=0.0), spec, 2)
    assert all(layer.noise.any() for layer in variant.G.synthesis.finish)


def test_one_noise_image_serves_all_channels_each_with_its_strength():
    layer = Finish(3, 5)
    with torch.no_grad():
        layer.noise.copy_(torch.tensor([0.0, 1.0, 2.0]))
        layer.style.weight.zero_()
    seen = []
    original = F.leaky_relu
    try:
        F.leaky_relu = lambda x, slope: seen.append(x) or original(x, slope)
        layer(torch.zeros(2, 3, 4, 4), torch.zeros(2, 5))
    finally:
        F.leaky_relu = original
    (x,) = seen
    assert not x[:, 0].any() and x[:, 1].std() > 0.5
    torch.testing.assert_close(x[:, 2], 2 * x[:, 1])
    assert not x[0, 1].equal(x[1, 1])


@pytest.mark.parametrize("shape", [(4, 3, 8, 8), (4, 30)], ids=["images", "points"])
def test_adain_replaces_the_mean_and_deviation_of_what_comes(shape):
    """x (s + 1) + b, from an affine of the style, over each channel's pixels or each vector's features."""
    layer, w = Finish(shape[1], 5), torch.randn(4, 5)
    x = torch.randn(shape) * 7 + 3
    scale, shift = layer.style(w).chunk(2, 1)
    out = layer(x, w)
    if len(shape) == 4:
        torch.testing.assert_close(out.mean((2, 3)), shift, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(out.std((2, 3), correction=0), (scale + 1).abs(), atol=1e-4, rtol=1e-4)
    else:
        plain = (out - shift) / (scale + 1)
        torch.testing.assert_close(plain.mean(1), torch.zeros(4), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(plain.std(1, correction=0), torch.ones(4), atol=1e-4, rtol=1e-4)


def test_the_norm_is_instance_norm():
    x = torch.randn(4, 3, 8, 8) * 5 + 2
    torch.testing.assert_close(standardised(x), F.instance_norm(x, eps=1e-8))


@pytest.mark.parametrize("side", [4, 8, 32])
def test_blur_is_the_binomial_filter_with_zeros_outside(side):
    x, k = torch.randn(2, 3, side, side), torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (k[:, None] * k).expand(3, 1, 3, 3)
    torch.testing.assert_close(Blur(side)(x), F.conv2d(x, kernel, padding=1, groups=3))


def test_images_are_blurred_after_each_enlargement_and_before_each_halving():
    variant = build(IMAGES)
    up = [module for module in variant.G.synthesis.convolve if isinstance(module, nn.Sequential)]
    assert [[type(m).__name__ for m in part] for part in up] == [["Upsample", "EqualConv2d", "Blur"]] * 3
    for block in variant.D.blocks:
        names = [type(m).__name__ for m in block]
        assert names.index("Blur") < names.index("Halve")
    assert not any(isinstance(m, Blur) for m in build(POINTS).modules())


# Mixing and truncation


@KINDS
def test_nine_in_ten_samples_have_two_styles_with_any_layer_for_their_border(spec):
    variant = build(spec)
    variant.advance(1.0, 0)
    n, layers = 4000, variant.G.layers
    styles = variant.mixed(torch.zeros(n, 6), torch.ones(n, 6))
    assert styles.shape == (n, layers, 6)
    first = (styles[..., 0] == 0).sum(1)  # layers of the first style
    assert ((styles[..., 1:, :] - styles[..., :-1, :]) >= 0).all(), "the second style never gives way again"
    assert (first < layers).float().mean().item() == pytest.approx(0.9, abs=0.02)
    counts = first.bincount(minlength=layers + 1)
    assert counts[0] == 0
    torch.testing.assert_close(counts[1:layers] / n, torch.full((layers - 1,), 0.9 / (layers - 1)), atol=0.03, rtol=0)


@pytest.mark.parametrize(("mixing", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_mixing_may_be_never_or_always(mixing, share):
    variant = build(POINTS, mixing=mixing)
    styles = variant.mixed(torch.zeros(500, 6), torch.ones(500, 6))
    assert (styles[:, 2 * variant.level + 1, 0] == 1).float().mean() == share


def test_mixing_stays_within_the_layers_in_use():
    variant = build(IMAGES, mixing=1.0)
    assert variant.level == 1  # four layers
    styles = variant.mixed(torch.zeros(500, 6), torch.ones(500, 6))
    assert set((styles[..., 0] == 0).sum(1).tolist()) == {1, 2, 3}


def test_training_mixes_and_samples_do_not():
    variant, seen = build(POINTS), []
    for synthesis in (variant.G.synthesis, variant.average.network.synthesis):
        synthesis.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    variant.d_loss(batch_of(POINTS, 50))
    variant.g_loss(batch_of(POINTS, 50))
    variant.sample(batch_of(POINTS, 50))
    mixes = [bool((w[:, :4] != w[:, :1]).any()) for w in seen]
    assert mixes == [True, True, False]


def test_the_mean_style_follows_at_0_995():
    variant = build(POINTS)
    w = torch.randn(50, 6) + 3
    variant.G.watch(w)
    torch.testing.assert_close(variant.G.mean, 0.005 * w.mean(0))
    variant.G.watch(w)
    torch.testing.assert_close(variant.G.mean, (1 - 0.995**2) * w.mean(0))


def test_training_keeps_the_mean_style_and_samples_leave_it_alone():
    variant = learn(build(POINTS), POINTS, 3)
    assert variant.G.mean.any()
    assert variant.average.network.mean.equal(variant.G.mean)
    kept = variant.G.mean.clone()
    variant.sample(batch_of(POINTS))
    assert variant.G.mean.equal(kept) and variant.average.network.mean.equal(kept)


@pytest.mark.parametrize("psi", [1.0, 0.7, 0.0])
def test_truncation_draws_the_first_8_layers_towards_the_mean_style(psi):
    spec = DataSpec((1, 64, 64))  # ten layers
    variant, seen = build(spec, truncation=psi, growing=0.0), []
    variant.advance(0.0, 0)
    network = variant.average.network
    network.mean.copy_(torch.randn(6))
    network.synthesis.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    torch.manual_seed(4)
    variant.sample(batch_of(spec, 3))
    torch.manual_seed(4)
    w = network.mapping(torch.randn(3, 6))[:, None]
    torch.testing.assert_close(seen[0][:, :8], (network.mean + psi * (w - network.mean)).expand(-1, 8, -1))
    torch.testing.assert_close(seen[0][:, 8:], w.expand(-1, 2, -1))


def test_truncation_is_off_unless_asked_for():
    assert StyleGAN(POINTS, width=8).truncation == 1.0


# Loss, optimisers, average


@KINDS
def test_the_loss_is_non_saturating_with_r1_of_half_gamma(spec):
    variant, batch = build(spec, penalty=R1(gamma=6.0)).double(), Batch(batch_of(spec).x.double())
    variant.advance(1.0, 0)
    fake = torch.randn(8, *spec.shape).double()
    variant.fake = lambda batch: fake
    terms = variant.d_loss(batch)
    real = batch.x.clone().requires_grad_()
    scores = variant.D(real)
    (slope,) = torch.autograd.grad(scores.sum(), real)
    torch.testing.assert_close(terms["loss"], F.softplus(-scores).mean() + F.softplus(variant.D(fake)).mean())
    torch.testing.assert_close(terms["r1"], 3 * slope.flatten(1).square().sum(1).mean())
    assert terms["r1"].requires_grad
    torch.testing.assert_close(variant.g_loss(batch)["loss"], F.softplus(-variant.D(fake)).mean())


def test_the_constants_are_the_authors():
    variant = StyleGAN(POINTS, width=8)
    assert variant.loss is nonsaturating
    assert (variant.penalty, variant.mixing, variant.ema, variant.growing) == (R1(gamma=10), 0.9, 10_000, 0.8)
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.Adam)
        assert (group["lr"], group["betas"], group["eps"]) == (1e-3, (0.0, 0.99), 1e-8)
        assert player.repeats == 1


def test_d_is_progans_with_a_blur():
    variant = build(IMAGES)
    assert isinstance(variant.D, GrowingDiscriminator)
    assert sum(isinstance(m, MinibatchStd) for m in variant.D.modules()) == 1
    assert sum(isinstance(m, Blur) for m in variant.D.modules()) == 3


def test_ds_blocks_halve_before_the_activation_as_the_authors_code_does():
    kinds = [type(layer).__name__ for layer in build(IMAGES).D.blocks[0]]
    assert kinds == ["EqualConv2d", "LeakyReLU", "Blur", "EqualConv2d", "Halve", "LeakyReLU"]


def test_the_style_layers_have_a_gain_of_1():
    assert Finish(8, 6).style.scale == pytest.approx(1 / sqrt(6))


def test_the_average_has_its_half_life_in_images_whatever_the_batch():
    for batch in (8, 40):
        variant = build(POINTS, ema=400, batch=batch)
        start = variant.average.network.synthesis.constant.detach().clone()
        with torch.no_grad():
            variant.G.synthesis.constant += 1
        for _ in range(400 // batch):
            variant.after_g()
        torch.testing.assert_close(variant.average.network.synthesis.constant, start + 0.5, atol=1e-4, rtol=0)


def test_it_grows_from_8_by_8():
    variant = build(IMAGES)
    assert variant.fake(batch_of(IMAGES, 2)).shape[-1] == 8
    stages = []
    for step in range(101):
        variant.advance(step / 100, step)
        stages.append(variant.level)
    assert stages == sorted(stages) and {*stages} == {1, 2, 3}
    only = build(DataSpec((1, 8, 8)))
    only.advance(0.0, 0)
    assert (only.level, only.alpha) == (1, 1.0)


@KINDS
def test_outputs_fade_from_the_enlarged_old_level_to_the_new_one(spec):
    variant = build(spec)
    w = torch.randn(3, variant.G.layers, 6)
    for stage in range(1, variant.levels + 1):
        old, new = variant.enlarge(variant.G.synthesis(w, stage - 1)), variant.G.synthesis(w, stage)
        for alpha in (0.0, 0.25, 1.0):
            found = variant.G.synthesis(w, stage, torch.tensor(alpha))
            torch.testing.assert_close(found, torch.lerp(old, new, alpha))


@KINDS
def test_weights_on_disk_remember_growth_and_the_mean_style(spec, tmp_path):
    variant = learn(build(spec), spec, 2).eval()
    variant.advance(0.7, 0)
    save_model(variant, str(tmp_path / "weights.safetensors"))
    other = StyleGAN(spec, width=8, z_dim=6)
    load_model(other, str(tmp_path / "weights.safetensors"))
    assert (other.level, other.alpha) == (variant.level, variant.alpha)
    assert other.G.mean.equal(variant.G.mean) and other.G.mean.any()
    torch.manual_seed(0)
    drawn = variant.sample(batch_of(spec))
    torch.manual_seed(0)
    assert other.sample(batch_of(spec)).equal(drawn)


@KINDS
def test_a_loss_never_asks_the_device_for_a_number(spec):
    """Fake tensors have no values: `.item()` or a branch on one raises."""
    variant = build(spec)
    variant.advance(0.6, 0)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake: Tensor = mode.from_tensor(batch_of(spec).x)
        for loss in (variant.d_loss(Batch(fake)), variant.g_loss(Batch(fake))):
            sum([*loss.values()] if isinstance(loss, dict) else [loss]).backward()
