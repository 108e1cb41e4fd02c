import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ganbench.losses import hinge
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.spectral import SpectralNorm
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.residual import Attention, ClassNorm
from ganbench.zoo.sagan import SAGAN

SPECS = {"points": DataSpec((2,), 4), "images": DataSpec((3, 16, 16), 4)}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def batch_of(spec: DataSpec, n: int = 6) -> Batch:
    return Batch(torch.rand(n, *spec.shape) * 2 - 1, torch.arange(n) % spec.classes if spec.classes else None)


def finish(variant: SAGAN, spec: DataSpec, rounds: int) -> None:
    for _ in train(variant, batch_of(spec, 40), Budget("updates", rounds), Ledger(), intervals=1):
        pass


def attended(network: nn.Module, run: object) -> list[tuple[int, ...]]:
    """Shapes that the attention of a network is given while `run` is called."""
    shapes: list[tuple[int, ...]] = []
    hook = network.attention.register_forward_pre_hook(lambda _, given: shapes.append(tuple(given[0].shape)))
    run()
    hook.remove()
    return shapes


@pytest.mark.parametrize(("side", "middle"), [(8, 4), (16, 8), (32, 16), (64, 32), (128, 32)])
def test_both_networks_attend_once_at_the_same_side_in_the_middle(side, middle):
    spec = DataSpec((1, side, side))
    variant, batch = SAGAN(spec, width=2), batch_of(spec, 2)
    for network, run in ((variant.G, lambda: variant.sample(batch)), (variant.D, lambda: variant.D(batch.x))):
        assert sum(isinstance(module, Attention) for module in network.modules()) == 1
        (shape,) = attended(network, run)
        assert shape[2:] == (middle, middle)


@every_spec
def test_attention_does_nothing_at_the_start_and_learns_to(spec):
    torch.manual_seed(0)
    variant = SAGAN(spec, width=8, batch=8, lr_g=1e-2, lr_d=1e-2)
    for network in (variant.G, variant.D):
        attention = network.attention
        assert attention.gamma == 0 and attention.gamma.shape == ()
        assert isinstance(attention.gamma, nn.Parameter)
    finish(variant, spec, 3)
    assert variant.G.attention.gamma != 0 and variant.D.attention.gamma != 0


def test_attention_is_the_papers_formula():
    torch.manual_seed(0)
    attention = Attention(DataSpec((1, 16, 16)), 16)
    nn.init.constant_(attention.gamma, 0.7)
    assert attention.theta.weight.shape == attention.phi.weight.shape == (2, 16), "C / 8"
    assert attention.g.weight.shape == (8, 16) and attention.o.weight.shape == (16, 8), "C / 2"
    assert all(layer.bias is None for layer in (attention.theta, attention.phi, attention.g, attention.o))
    x = torch.randn(3, 16, 8, 8)

    def f(layer):  # a 1 x 1 convolution
        return lambda maps: F.conv2d(maps, layer.weight[:, :, None, None])

    theta, phi, g = f(attention.theta)(x), F.max_pool2d(f(attention.phi)(x), 2), F.max_pool2d(f(attention.g)(x), 2)
    beta = torch.einsum("nchw,ncij->nhwij", theta, phi).flatten(3).softmax(3).unflatten(3, (4, 4))
    o = f(attention.o)(torch.einsum("nhwij,ncij->nchw", beta, g))
    torch.testing.assert_close(attention(x), x + 0.7 * o)


def test_on_points_attention_mixes_eight_tokens_of_the_hidden_layer():
    torch.manual_seed(0)
    attention = Attention(SPECS["points"], 32)
    nn.init.ones_(attention.gamma)
    x = torch.randn(1, 32, requires_grad=True)
    attention(x)[0, 0].backward()  # the first token of the first channel
    moved = (x.grad != 0).reshape(4, 8)
    assert moved.any(0).all(), "it depends on every token"
    assert attention.theta.in_features == 4
    with pytest.raises(ValueError, match=r"width of 12.*multiple of 8"):
        SAGAN(SPECS["points"], width=12)


@every_spec
def test_every_weight_of_d_and_every_layer_of_g_has_a_spectral_norm_of_one(spec):
    torch.manual_seed(0)
    variant = SAGAN(spec, width=8, batch=8, lr_g=1e-2, lr_d=1e-2)
    finish(variant, spec, 5)
    variant.train()
    with torch.no_grad():
        for _ in range(100):  # the power iteration converges when nothing else moves
            variant.g_loss(batch_of(spec, 2))
    variant.eval()
    kinds = nn.Linear | nn.Conv2d | nn.Embedding
    layers = [layer for layer in variant.D.modules() if isinstance(layer, kinds)]
    layers += [layer for layer in variant.G.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    assert isinstance(variant.D.embedding, nn.Embedding)
    for layer in layers:
        assert is_parametrized(layer, "weight")
        (norm,) = layer.parametrizations.weight
        assert isinstance(norm, SpectralNorm)
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_eval_mode_takes_no_power_iteration():
    spec = SPECS["images"]
    variant = SAGAN(spec, width=4)
    norms = {key: value.clone() for key, value in variant.state_dict().items() if key.endswith(("_u", "_v"))}
    assert norms
    variant.eval()
    variant.g_loss(batch_of(spec))
    assert all(variant.state_dict()[key].equal(value) for key, value in norms.items())
    variant.train()
    variant.g_loss(batch_of(spec))
    turned = [key for key, value in norms.items() if not variant.state_dict()[key].equal(value)]
    assert {key[0] for key in turned} == {"D", "G"} and len(turned) > len(norms) / 2


def test_two_time_scales_hinge_and_the_constants_of_the_paper():
    variant = SAGAN(SPECS["images"])
    d, g = variant.players
    (d_group,), (g_group,) = d.optimizer.param_groups, g.optimizer.param_groups
    assert (d_group["lr"], g_group["lr"]) == (4e-4, 1e-4)
    assert d_group["betas"] == g_group["betas"] == (0.0, 0.9)
    assert (d.repeats, g.repeats, variant.batch, variant.z_dim, variant.loss) == (1, 1, 256, 128, hinge)


@every_spec
def test_one_pass_for_real_and_fake_gives_the_loss_of_two(spec):
    variant, batch = SAGAN(spec, width=8).eval(), batch_of(spec)
    fake = torch.randn(6, *spec.shape)
    variant.sample = lambda like: fake
    expected = hinge.d(variant.D(batch.x, batch.y), variant.D(fake, batch.y))
    torch.testing.assert_close(variant.d_loss(batch)["loss"], expected)


@every_spec
def test_with_labels_d_projects_their_embedding_on_the_summed_features(spec):
    variant, batch = SAGAN(spec, width=8).eval(), batch_of(spec)
    seen = []
    variant.D.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    scores = variant.D(batch.x, batch.y)
    (h,) = seen
    torch.testing.assert_close(scores - variant.D(batch.x), (variant.D.embedding(batch.y) * h).sum(1))
    if spec.is_image:
        last = []
        variant.D.blocks[-1].register_forward_hook(lambda *given: last.append(given[2]))
        variant.D(batch.x, batch.y)
        torch.testing.assert_close(h, last[0].relu().sum((2, 3)))


@every_spec
def test_with_labels_each_class_has_gains_and_biases_of_its_own_twice_in_each_block(spec):
    variant = SAGAN(spec, width=8)
    norms = [module for module in variant.G.modules() if isinstance(module, ClassNorm)]
    assert len(norms) == 2 * len(variant.G.blocks)
    norm, n = norms[0], norms[0].classes.embedding_dim // 2
    x, y = torch.randn(6, n, *[4, 4][: 2 * spec.is_image]), torch.tensor([0, 1, 2, 3, 0, 1])
    torch.testing.assert_close(norm(x, y), norm.norm(x)), "gain 1 and bias 0 at the start"
    nn.init.constant_(norm.classes.weight[1, :n], 2.0)
    nn.init.constant_(norm.classes.weight[1, n:], 5.0)
    expected = torch.where((y == 1).reshape(-1, *[1] * (x.dim() - 1)), 3 * norm.norm(x) + 5, norm.norm(x))
    torch.testing.assert_close(norm(x, y), expected)


@pytest.mark.parametrize("shape", [(2,), (1, 16, 16)])
def test_without_labels_batch_norm_is_plain_and_nothing_is_projected(shape):
    spec = DataSpec(shape)
    variant = SAGAN(spec, width=8, batch=8)
    assert variant.D.embedding is None
    assert not any(isinstance(module, nn.Embedding) for module in variant.modules())
    norms = [module for module in variant.G.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert all(norm.affine for norm in norms)
    finish(variant, spec, 2)
    assert variant.sample(batch_of(spec)).isfinite().all()


def test_a_round_in_bfloat16_is_finite():
    spec = SPECS["images"]
    variant = SAGAN(spec, width=8, batch=8)
    for curves in train(variant, batch_of(spec, 40), Budget("updates", 2), Ledger(), 1, "bfloat16"):
        assert torch.tensor([*curves.values()]).isfinite().all()


@every_spec
def test_a_resumed_run_repeats_the_bits_of_one_that_was_not_stopped(spec):
    variants = []
    for stop in (False, True):
        torch.manual_seed(0)
        variant = SAGAN(spec, width=8, batch=8)
        finish(variant, spec, 2)
        if stop:
            torch.manual_seed(1)
            other = SAGAN(spec, width=8, batch=8)
            other.load_state_dict(variant.state_dict())
            for mine, theirs in zip(variant.players, other.players, strict=True):
                theirs.optimizer.load_state_dict(mine.optimizer.state_dict())
            variant = other
        torch.manual_seed(2)
        finish(variant, spec, 2)
        variants.append(variant.state_dict())
    one, other = variants
    assert any(key.endswith("_u") for key in one)
    assert all(one[key].equal(other[key]) for key in one)
