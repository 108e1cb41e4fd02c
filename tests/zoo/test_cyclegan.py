from copy import deepcopy
from math import prod

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench.data.domains import rotation
from ganbench.data.mixtures import Ring8
from ganbench.losses import hinge, lsgan, nonsaturating
from ganbench.penalties import Gradient
from ganbench.remedies import HistoricalAveraging, Packing
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.cyclegan import CycleGAN, Mirror, Pool, patch_layers, translator

IMAGES, POINTS = DataSpec((3, 32, 32), 10), DataSpec((2,), 8)
KINDS = pytest.mark.parametrize("spec", [IMAGES, POINTS], ids=["images", "points"])


def build(spec: DataSpec, **options: object) -> CycleGAN:
    torch.manual_seed(0)
    return CycleGAN(spec, **{"width": 4, "blocks": 1, "batch": 4, **options})


def batch_of(spec: DataSpec, n: int = 4) -> Batch:
    x, x_other = torch.rand(2, n, *spec.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(x, None, x_other)


def finish(variant: CycleGAN, spec: DataSpec, rounds: int) -> None:
    for _ in train(variant, batch_of(spec, 20), Budget("updates", rounds), Ledger(), intervals=1):
        pass


class Add(nn.Module):
    """Moves samples by a weight, which known answers follow from."""

    def __init__(self, amount: float):
        super().__init__()
        self.amount = nn.Parameter(torch.tensor(amount))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.amount


# Translation and its terms


@KINDS
def test_a_sample_is_a_translation_and_a_pair_says_what_it_becomes_on_its_return(spec):
    variant, like = build(spec), batch_of(spec)
    pair = variant.pair(like)
    assert pair.x.equal(variant.G.to_own(like.x_other)) and pair.x.equal(variant.sample(like))
    assert pair.x_other is like.x_other
    assert pair.returned.equal(variant.G.to_other(pair.x))


@pytest.mark.parametrize("identity", [0.0, 3.0])
def test_cycle_and_identity_have_their_known_values(identity):
    variant = build(POINTS, cycle=7.0, identity=identity)
    variant.G.to_own, variant.G.to_other = Add(0.5), Add(-0.2)
    terms = variant.g_loss(batch_of(POINTS))
    assert terms["cycle"].item() == pytest.approx(7 * (0.3 + 0.3), rel=1e-5)
    if identity:
        assert terms["identity"].item() == pytest.approx(3 * (0.5 + 0.2), rel=1e-5)
    else:
        assert "identity" not in terms


@KINDS
def test_identity_is_of_each_domains_own_samples_and_changes_nothing_else(spec):
    variant, batch = build(spec), batch_of(spec)
    with_it = variant.g_loss(batch)
    own = (variant.G.to_own(batch.x) - batch.x).abs().mean()
    other = (variant.G.to_other(batch.x_other) - batch.x_other).abs().mean()
    torch.testing.assert_close(with_it["identity"], 5 * (own + other))
    variant.identity = 0.0
    without = variant.g_loss(batch)
    for name in ("loss", "cycle"):
        torch.testing.assert_close(with_it[name], without[name])


@KINDS
def test_the_adversarial_loss_is_the_papers_in_both_domains(spec):
    variant, batch = build(spec), batch_of(spec)
    fakes = variant.G.to_own(batch.x_other), variant.G.to_other(batch.x)
    asked = sum((net(x) - 1).square().mean() for net, x in zip(variant.D.networks, fakes, strict=True))
    torch.testing.assert_close(variant.g_loss(batch)["loss"], asked)


@pytest.mark.parametrize("loss", [nonsaturating, hinge], ids=lambda loss: loss.name)
def test_other_adversarial_losses_are_the_sum_of_both_domains_too(loss):
    variant, batch = build(IMAGES, loss=loss), batch_of(IMAGES)
    fakes = variant.G.to_own(batch.x_other), variant.G.to_other(batch.x)
    asked = sum(loss.g(None, net(x)) for net, x in zip(variant.D.networks, fakes, strict=True))
    torch.testing.assert_close(variant.g_loss(batch)["loss"], asked)


@KINDS
def test_each_d_sees_its_domain_alone(spec):
    variant, batch = build(spec, pool=0), batch_of(spec)
    seen = []
    for net in variant.D.networks:
        net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    terms = variant.d_loss(batch)
    assert len(seen) == 2
    torch.testing.assert_close(seen[0], torch.cat([batch.x, variant.G.to_own(batch.x_other)]))
    torch.testing.assert_close(seen[1], torch.cat([batch.x_other, variant.G.to_other(batch.x)]))
    of_each = []
    for net, x in zip(variant.D.networks, list(seen), strict=True):
        real, fake = net(x).chunk(2)
        of_each.append(lsgan.d(real, fake))
    torch.testing.assert_close(terms["loss"], sum(of_each) / 2)


# The pool


def ramp(start: int, n: int) -> Tensor:
    return torch.arange(start, start + n, dtype=torch.float32).view(n, 1)


def test_until_it_is_full_the_pool_returns_what_it_stores():
    pool = Pool(50, DataSpec((1,)))
    for start in range(0, 48, 16):
        assert pool(ramp(start, 16)).equal(ramp(start, 16))
    assert pool.filled == 48 and pool.stored[:48].equal(ramp(0, 48))
    torch.manual_seed(0)
    out = pool(ramp(48, 8))
    assert out[:2].equal(ramp(48, 2)) and pool.stored[48:].equal(ramp(48, 2)), "the first two fill it"
    assert pool.filled == 50


def test_then_half_are_kept_in_place_of_a_random_one_that_comes_back():
    torch.manual_seed(0)
    pool, returned, spent = Pool(50, DataSpec((1,))), 0, set()
    pool(ramp(0, 50))
    for start in range(100, 4100, 4):
        x, before = ramp(start, 4), set(pool.stored.flatten().tolist())
        out, after = pool(x), set(pool.stored.flatten().tolist())
        assert len(after) == 50, "it never grows, and nothing is there twice"
        old = set(out.flatten().tolist()) - set(x.flatten().tolist())
        assert old == before - after, "what is returned leaves"
        assert after - before == set(x.flatten().tolist()) - set(out.flatten().tolist()), "what is kept is not returned"
        returned += len(old)
        spent |= old
    assert 0.46 < returned / 4000 < 0.54
    assert len(spent & set(range(50))) == 50, "every place is drawn"


@pytest.mark.parametrize("n", [1, 50, 130])
def test_a_batch_of_any_size_goes_through(n):
    torch.manual_seed(0)
    pool = Pool(50, DataSpec((1,)))
    for start in (0, 200, 400):
        out = pool(ramp(start, n))
        given = torch.cat([ramp(old, n) for old in range(0, start + 1, 200)])
        assert out.shape == (n, 1) and torch.isin(out, given).all()
    assert pool.filled == min(3 * n, 50)


def test_no_pool_is_no_history():
    variant = build(POINTS, pool=0)
    assert all(pool(ramp(0, 3)).equal(ramp(0, 3)) for pool in variant.pools)
    finish(variant, POINTS, 2)


@KINDS
def test_only_d_sees_pooled_fakes_and_only_d_fills_the_pools(spec):
    variant = build(spec)
    variant.g_loss(batch_of(spec))
    variant.sample(batch_of(spec))
    assert [pool.filled.item() for pool in variant.pools] == [0, 0]
    batch = batch_of(spec)
    variant.d_loss(batch)
    assert [pool.filled.item() for pool in variant.pools] == [4, 4]
    assert variant.pools[0].stored[:4].equal(variant.G.to_own(batch.x_other))
    assert variant.pools[1].stored[:4].equal(variant.G.to_other(batch.x))


@KINDS
def test_a_resumed_run_goes_on_with_the_same_pools(spec):
    one, other = build(spec, pool=6), build(spec, pool=6)
    finish(one, spec, 3)
    other.load_state_dict(deepcopy(one.state_dict()))
    assert all(pool.filled == 6 for pool in other.pools)
    for mine, theirs in zip(one.players, other.players, strict=True):
        theirs.optimizer.load_state_dict(deepcopy(mine.optimizer.state_dict()))
    for variant in (one, other):
        torch.manual_seed(4)
        finish(variant, spec, 3)
    assert all(tensor.equal(other.state_dict()[key]) for key, tensor in one.state_dict().items())


# The networks


@pytest.mark.parametrize(("side", "patch"), [(256, 70), (128, 34), (64, 16), (32, 16), (16, 16), (8, 7)])
def test_a_score_depends_on_a_patch_of_the_image(side, patch):
    torch.manual_seed(0)
    net = patch_layers(DataSpec((1, side, side)), 2)
    for layer in net:  # the norm looks at the whole image, and is not what makes a patch
        if isinstance(layer, nn.InstanceNorm2d):
            layer.forward = lambda x: x
    x = torch.randn(1, 1, 160, 160, requires_grad=True)
    scores = net(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert [int(x.grad[0, 0].abs().sum(dim).count_nonzero()) for dim in (0, 1)] == [patch, patch]


def test_the_paper_s_discriminator_has_its_layers():
    net = patch_layers(DataSpec((3, 256, 256)), 64)
    convs = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convs] == [64, 128, 256, 512, 1]
    assert [layer.stride[0] for layer in convs] == [2, 2, 2, 1, 1]
    assert {layer.kernel_size for layer in convs} == {(4, 4)}
    assert sum(isinstance(layer, nn.InstanceNorm2d) for layer in net) == 3
    assert isinstance(net[1], nn.LeakyReLU), "no norm in the first layer"


def test_the_paper_s_generator_has_its_layers():
    net = translator(DataSpec((3, 128, 128)), 64, 7, 6)
    layers = [(type(m).__name__, m.out_channels, m.kernel_size[0], m.stride[0]) for m in net.modules() if weighted(m)]
    assert layers == [
        ("Conv2d", 64, 7, 1),
        ("Conv2d", 128, 3, 2),
        ("Conv2d", 256, 3, 2),
        *[("Conv2d", 256, 3, 1)] * 12,
        ("ConvTranspose2d", 128, 3, 2),
        ("ConvTranspose2d", 64, 3, 2),
        ("Conv2d", 3, 7, 1),
    ]
    norms = [m for m in net.modules() if isinstance(m, nn.InstanceNorm2d)]
    assert len(norms) == 17 and not any(m.affine or m.track_running_stats for m in norms)
    assert [m.width for m in net.modules() if isinstance(m, Mirror)] == [3, *[1] * 12, 3]


def weighted(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d | nn.ConvTranspose2d)


@pytest.mark.parametrize("width", [1, 3])
def test_mirrored_borders_are_reflection_padding(width):
    x = torch.randn(2, 3, 8, 12, dtype=torch.float64, requires_grad=True)
    theirs = nn.functional.pad(x, [width] * 4, mode="reflect")
    assert Mirror(width)(x).equal(theirs)
    weights = torch.randn_like(theirs)
    mine, its = (torch.autograd.grad((y * weights).sum(), x)[0] for y in (Mirror(width)(x), theirs))
    torch.testing.assert_close(mine, its, rtol=0, atol=1e-12)
    assert torch.autograd.gradgradcheck(Mirror(width), x[:1, :1])


@KINDS
def test_samples_do_not_depend_on_their_neighbours(spec):
    variant, like = build(spec), batch_of(spec)
    alone = Batch(like.x[:1], None, like.x_other[:1])
    torch.testing.assert_close(variant.sample(like)[:1], variant.sample(alone))
    assert not variant.D.mixes_rows


def test_on_points_there_is_a_score_for_each_and_no_norm():
    variant, batch = build(POINTS), batch_of(POINTS)
    assert variant.score(variant.real(batch), batch).shape == (8,)
    kinds = {type(module) for module in variant.modules()}
    assert nn.Linear in kinds and not kinds & {nn.InstanceNorm1d, nn.LayerNorm, nn.BatchNorm1d, nn.Conv2d}
    torch.testing.assert_close(variant.belief(batch.x), variant.D.networks[0](batch.x).flatten().clamp(0, 1))
    assert build(IMAGES).belief(batch_of(IMAGES).x) is None, "patches have beliefs of their own"


@pytest.mark.parametrize("side", [4, 14, 30])
def test_a_side_that_cannot_be_halved_twice_is_refused(side):
    with pytest.raises(ValueError, match=rf"side {side}.*multiple of 4"):
        build(DataSpec((1, side, side)))


def test_a_kernel_without_a_middle_is_refused():
    with pytest.raises(ValueError, match=r"kernel of 4.*Set an odd one"):
        build(IMAGES, kernel=4)


# Constants, order, decay


def test_the_constants_are_the_authors():
    variant = CycleGAN(DataSpec((1, 16, 16)))
    assert (variant.batch, variant.domains, variant.loss) == (1, 2, lsgan)
    assert (variant.cycle, variant.identity) == (10, 5)
    assert [pool.size for pool in variant.pools] == [50, 50]
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.Adam)
        assert (group["lr"], group["betas"], player.repeats) == (2e-4, (0.5, 0.999), 1)
    for layer in variant.modules():
        if weighted(layer):
            assert not layer.bias.any()
            assert layer.weight.numel() < 1000 or layer.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_the_generators_move_first():
    assert [player.name for player in build(IMAGES).players] == ["G", "D"]


def test_the_rate_is_constant_for_half_of_the_budget_and_then_falls_to_0_in_a_line():
    variant, rates = build(POINTS, lr=0.1), []
    for progress in (0.0, 0.3, 0.5, 0.6, 0.75, 1.0, 0.5):
        variant.decay(progress)
        rates.append([group["lr"].item() for player in variant.players for group in player.optimizer.param_groups])
    expected = [0.1, 0.1, 0.1, 0.08, 0.05, 0.0, 0.1]
    assert rates == [pytest.approx([rate, rate], abs=1e-9) for rate in expected]


def test_the_rate_of_a_resumed_run_is_that_of_its_progress():
    variant = build(POINTS, lr=0.1)
    saved = deepcopy(variant.players[0].optimizer.state_dict())
    variant.decay(0.9)
    variant.players[0].optimizer.load_state_dict(saved)
    variant.decay(0.75)
    assert variant.players[0].optimizer.param_groups[0]["lr"].item() == pytest.approx(0.05)


# Penalties and remedies


@KINDS
def test_penalties_look_at_both_domains(spec):
    variant = build(spec, penalty=Gradient())
    terms = variant.d_loss(batch_of(spec))
    for net in variant.D.networks:
        first = next(net.parameters())
        (slope,) = torch.autograd.grad(terms["gradient"], first, retain_graph=True)
        assert slope.any()


def test_packs_hold_samples_of_one_domain():
    variant, batch = build(POINTS, remedies=(Packing(samples=2),)), batch_of(POINTS)
    seen = []
    for net in variant.D.networks:
        net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    variant.score(variant.real(batch), batch)
    assert seen[0].equal(batch.x.view(2, 4)) and seen[1].equal(batch.x_other.view(2, 4))


def test_historical_averaging_is_of_all_four_networks():
    variant = build(POINTS, remedies=(HistoricalAveraging(),))
    sizes = {name: history.mean.numel() for name, history in variant.histories.items()}
    assert sizes == {
        player.name: sum(prod(weight.shape) for weight in player.weights.parameters()) for player in variant.players
    }
    finish(variant, POINTS, 2)


# Training


@KINDS
def test_a_loss_never_asks_the_device_for_a_number(spec):
    """Fake tensors have no values: `.item()` or a branch on one raises."""
    real = batch_of(spec)
    with FakeTensorMode() as mode:
        variant = build(spec)
        batch = Batch(mode.from_tensor(real.x), None, mode.from_tensor(real.x_other))
        for terms in (variant.g_loss(batch), variant.d_loss(batch)):
            sum(terms.values()).backward()


def test_it_learns_to_turn_a_ring():
    torch.manual_seed(0)
    ring = Ring8()
    variant = CycleGAN(POINTS, width=64, blocks=1, lr=2e-3, batch=64)
    for _ in train(variant, ring.halves(), Budget("updates", 500), Ledger(), intervals=1):
        pass
    y = torch.arange(2000) % 8
    source = (ring.mixture.means[y] + 0.01 * torch.randn(2000, 2)).float()
    like = Batch(source, None, rotation(15).transform(source))
    pair = variant.eval().pair(like)
    gap, mode = torch.cdist(pair.x, ring.mixture.means.float()).min(1)
    assert gap.mean() < 0.1, "a ring turned by 15 degrees has 0.26"
    assert mode.unique().numel() == 8
    assert (pair.returned - pair.x_other).norm(dim=1).mean() < 0.1
