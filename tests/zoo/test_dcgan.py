import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganbench.variant import Batch, DataSpec
from ganbench.zoo.dcgan import DCGAN
from ganbench.zoo.parts import init_normal

SPECS = [DataSpec((1, 32, 32), 10), DataSpec((3, 64, 64), 10), DataSpec((1, 8, 8), 10)]
POINTS = DataSpec((2,), 8)
IMAGES = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.channels}x{spec.side}")


def kinds(network: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in network]


@IMAGES
def test_there_is_no_pooling_and_no_hidden_dense_layer(spec):
    variant = DCGAN(spec, width=16)
    for module in variant.modules():
        assert not isinstance(module, nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d | nn.Upsample)
        assert not isinstance(module, nn.Linear) or module is variant.D.head


@IMAGES
def test_the_last_layer_of_d_is_one_4_by_4_convolution_of_all_that_is_left(spec):
    variant = DCGAN(spec, width=16).eval()
    x = torch.randn(3, *spec.shape)
    maps = variant.D.body(x)
    assert maps.shape[2:] == (4, 4)
    expected = F.conv2d(maps, variant.D.head.weight.view(1, -1, 4, 4), variant.D.head.bias)
    torch.testing.assert_close(variant.D(x), expected.flatten())


@IMAGES
def test_strides_halve_and_double_between_the_image_and_4_by_4(spec):
    variant = DCGAN(spec, width=16)
    sides, x = [], torch.randn(2, 100)
    for layer in variant.G:
        x = layer(x)
        if isinstance(layer, nn.ConvTranspose2d):
            sides.append(x.shape[-1])
    assert sides == [4 * 2**i for i in range(len(sides))] and sides[-1] == spec.side
    down = [layer for layer in variant.D.body if isinstance(layer, nn.Conv2d)]
    assert [layer.stride for layer in down] == [(2, 2)] * (len(sides) - 1)
    assert {layer.kernel_size for layer in down} == {(5, 5)}


@IMAGES
def test_channels_start_at_width_beside_the_image_and_double(spec):
    variant = DCGAN(spec, width=16)
    down = [layer.out_channels for layer in variant.D.body if isinstance(layer, nn.Conv2d)]
    up = [layer.in_channels for layer in variant.G if isinstance(layer, nn.ConvTranspose2d)]
    assert down == [16 * 2**i for i in range(len(down))] and 4 * 2 ** len(down) == spec.side
    assert variant.D.head.out_features == 1
    assert up == [100, *reversed(down)]


@IMAGES
def test_batch_norm_is_everywhere_but_at_the_output_of_g_and_the_input_of_d(spec):
    variant = DCGAN(spec, width=16)
    halvings = {8: 1, 32: 3, 64: 4}[spec.side]
    up, down = ["ConvTranspose2d", "BatchNorm2d", "ReLU"], ["Conv2d", "BatchNorm2d", "LeakyReLU"]
    assert kinds(variant.G) == ["Unflatten", *up * halvings, "ConvTranspose2d", "Tanh"]
    assert kinds(variant.D.body) == ["Conv2d", "LeakyReLU", *down * (halvings - 1)]
    assert isinstance(variant.D.head, nn.Linear)
    assert {layer.negative_slope for layer in variant.D.body if isinstance(layer, nn.LeakyReLU)} == {0.2}


def test_on_points_dense_layers_take_the_convolutions_place_and_the_norms_stay():
    variant = DCGAN(POINTS, width=16)
    norm = ["Linear", "BatchNorm1d"]
    assert kinds(variant.G) == [*norm, "ReLU"] * 3 + ["Linear"]
    assert kinds(variant.D.body) == ["Linear", "LeakyReLU", *[*norm, "LeakyReLU"] * 2]
    assert isinstance(variant.D.head, nn.Linear)


@pytest.mark.parametrize("spec", [SPECS[0], POINTS], ids=str)
def test_d_may_have_a_norm_of_each_sample_alone_or_none(spec):
    normed, layer, plain = (DCGAN(spec, width=16, d_norm=norm).D.body for norm in ("batch", "layer", "none"))
    assert [*plain.state_dict()][:2] == [*normed.state_dict()][:2]
    swapped = ["GroupNorm" if kind.startswith("BatchNorm") else kind for kind in kinds(normed)]
    assert kinds(layer) == swapped and "GroupNorm" in swapped
    assert {module.num_groups for module in layer if isinstance(module, nn.GroupNorm)} == {1}
    assert kinds(plain) == [kind for kind in swapped if kind != "GroupNorm"]
    assert all(module.bias is not None for module in plain if isinstance(module, nn.Linear | nn.Conv2d))
    x = torch.randn(4, *spec.shape)
    for body in (layer, plain):
        torch.testing.assert_close(body(x)[:2], body(x[:2]))


@pytest.mark.parametrize("spec", [*SPECS, POINTS], ids=str)
def test_weights_begin_as_the_paper_says(spec):
    torch.manual_seed(0)
    for module in DCGAN(spec, width=64).modules():
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            torch.testing.assert_close(weight.mean(), torch.tensor(1.0), atol=0.012, rtol=0)
            assert 0.01 < weight.std() < 0.03
        elif weight is not None and weight.numel() > 1000:
            assert weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert abs(weight.mean().item()) < 0.002
        assert bias is None or not bias.any()


def slope(variant: DCGAN, spec: DataSpec) -> float:
    x = torch.randn(64, *spec.shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(variant.D(x).sum(), x)
    return gradient.flatten(1).norm(dim=1).mean().item()


@pytest.mark.parametrize("spec", [SPECS[1], POINTS], ids=str)
def test_weights_of_a_d_without_norm_are_scaled_by_fan_in(spec):
    torch.manual_seed(0)
    variant = DCGAN(spec, width=64, d_norm="none")
    for module in variant.D.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            fan_in = module.weight[0].numel()
            if module.weight.numel() > 1000:
                assert module.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.1)
            assert module.weight.abs().max() <= (6 / fan_in) ** 0.5
            assert not module.bias.any()
    assert all(m.weight.std() < 0.03 for m in variant.G.modules() if isinstance(m, nn.Linear | nn.ConvTranspose2d))
    assert 0.3 < slope(variant, spec) < 3
    init_normal(variant.modules())
    assert slope(variant, spec) < 0.1, "what it would begin with otherwise"


def test_the_constants_are_the_authors():
    variant = DCGAN(SPECS[0])
    assert variant.batch == 128
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.Adam)
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 0)
        assert player.repeats == 1


def test_real_and_fake_do_not_share_a_batch_norm():
    variant, passes = DCGAN(POINTS, width=8), []
    variant.D.register_forward_pre_hook(lambda module, given: passes.append(given[0]))
    real = torch.full((6, 2), 100.0)
    variant.d_loss(Batch(real))
    assert len(passes) == 2 and passes[0].equal(real) and not (passes[1] == 100).any()


def test_latents_are_uniform_between_minus_one_and_one():
    variant = DCGAN(POINTS, z_dim=3)
    variant.G = nn.Identity()
    z = variant.sample(Batch(torch.empty(20_000, 2)))
    assert z.min() >= -1 and z.max() <= 1
    torch.testing.assert_close(z.mean(0), torch.zeros(3), atol=0.02, rtol=0)
    torch.testing.assert_close(z.std(0), torch.full((3,), 3**-0.5), atol=0.01, rtol=0)


def test_samples_use_running_averages_and_so_do_not_depend_on_their_neighbours():
    variant = DCGAN(SPECS[2], width=8)
    variant.eval()
    z = torch.rand(5, 100) * 2 - 1
    torch.testing.assert_close(variant.G(z)[:1], variant.G(z[:1]))
    variant.train()
    assert not torch.allclose(variant.G(z)[:2], variant.G(z[:2]))
