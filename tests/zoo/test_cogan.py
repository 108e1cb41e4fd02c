import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ganbench.data.domains import rotation
from ganbench.data.mixtures import Ring8
from ganbench.losses import ebgan, nonsaturating
from ganbench.remedies import FeatureMatching, MinibatchDiscrimination, MinibatchStddev, Packing
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.cogan import CoGAN

IMAGES, POINTS = DataSpec((3, 32, 32), 10), DataSpec((2,), 8)
KINDS = pytest.mark.parametrize("spec", [IMAGES, POINTS], ids=["images", "points"])


def build(spec: DataSpec, **options: object) -> CoGAN:
    torch.manual_seed(0)
    return CoGAN(spec, **{"width": 8, "batch": 4, **options})


def batch_of(spec: DataSpec, n: int = 4) -> Batch:
    x, x_other = torch.randn(2, n, *spec.shape, generator=torch.Generator().manual_seed(1))
    return Batch(x, None, x_other)


def moved_by(network: nn.Module, loss: Tensor) -> set[int]:
    """Which of the network's weights the loss depends on."""
    network.zero_grad()
    loss.backward()
    return {id(weight) for weight in network.parameters() if weight.grad is not None and weight.grad.any()}


def ids(network: nn.Module) -> set[int]:
    return {id(weight) for weight in network.parameters()}


# Sharing


@KINDS
def test_all_of_g_is_shared_but_the_last_layer(spec):
    variant = build(spec)
    pair = variant.pair(batch_of(spec))
    mine = moved_by(variant.G, pair.x.square().sum())
    others = moved_by(variant.G, variant.pair(batch_of(spec)).x_other.square().sum())
    assert mine & others == ids(variant.G.shared)
    assert mine - others == ids(variant.G.own[0]) and others - mine == ids(variant.G.own[1])
    for head in variant.G.own:
        assert [bool(list(layer.parameters())) for layer in head] == [True, False][: len(head)], "a single layer"


@KINDS
def test_all_of_d_is_shared_but_the_first_layer(spec):
    variant, batch = build(spec), batch_of(spec)
    scores = variant.score(variant.real(batch), batch)
    mine = moved_by(variant.D, scores[:4].square().sum())
    others = moved_by(variant.D, variant.score(variant.real(batch), batch)[4:].square().sum())
    assert mine & others == ids(variant.D.shared) | ids(variant.D.head)
    assert mine - others == ids(variant.D.own[0]) and others - mine == ids(variant.D.own[1])
    assert all(isinstance(layer, nn.Conv2d | nn.Linear) for layer in variant.D.own)


@KINDS
def test_no_norm_of_g_has_weights_which_would_decay(spec):
    norms = [m for m in build(spec).G.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert not [weight for norm in norms for weight in norm.parameters()]
    assert bool(norms) == spec.is_image


@KINDS
def test_the_two_private_layers_begin_apart_and_count_once(spec):
    variant = build(spec)
    for network in (variant.G, variant.D):
        own, other = (next(iter(layer.parameters())) for layer in network.own)
        assert own.shape == other.shape and not own.equal(other)
        assert len({id(weight) for weight in network.parameters()}) == len([*network.parameters()])


@KINDS
def test_one_z_makes_both_halves_of_a_pair(spec):
    variant, seen = build(spec), []
    variant.G.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    variant.eval()
    torch.manual_seed(3)
    pair = variant.pair(batch_of(spec))
    torch.manual_seed(3)
    drawn = variant.sample(batch_of(spec))
    assert drawn.equal(pair.x) and pair.returned is None
    assert len(seen) == 2 and seen[0].shape == (4, 100) and seen[0].equal(seen[1])
    variant.G.own[1] = variant.G.own[0]
    same = variant.pair(batch_of(spec))
    assert same.x.equal(same.x_other), "all that tells the halves apart is the last layer"


# Two domains in one batch


@KINDS
def test_d_sees_both_domains_in_turn_and_each_passes_its_own_first_layer(spec):
    variant, batch, seen = build(spec), batch_of(spec), {}
    for i, layer in enumerate(variant.D.own):
        layer.register_forward_pre_hook(lambda _, given, i=i: seen.setdefault(i, given[0]))
    variant.pair = lambda like: type("Pair", (), {"x": like.x + 10, "x_other": like.x_other + 20})
    variant.d_loss(batch)
    assert seen[0].equal(torch.cat([batch.x, batch.x + 10]))
    assert seen[1].equal(torch.cat([batch.x_other, batch.x_other + 20]))


@KINDS
def test_real_and_fake_have_the_same_scores_together_as_apart(spec):
    variant, batch = build(spec), batch_of(spec)
    real, fake = variant.real(batch), variant.fake(batch)
    for together, x in zip(variant.score_both(real, fake, batch), (real, fake), strict=True):
        torch.testing.assert_close(together, variant.score(x, batch))


def test_beliefs_are_of_the_datas_own_domain():
    variant, batch = build(POINTS), batch_of(POINTS)
    own = variant.score(variant.real(batch), batch)[:4]
    torch.testing.assert_close(variant.belief(batch.x), own.sigmoid())
    assert variant.belief(batch.x[:1]).shape == (1,)


def test_no_norm_in_d_and_batch_norm_in_g():
    variant = build(IMAGES)
    assert not any(isinstance(module, nn.BatchNorm2d | nn.GroupNorm) for module in variant.D.modules())
    assert sum(isinstance(module, nn.BatchNorm2d) for module in variant.G.modules()) == 3
    assert not variant.D.mixes_rows


@pytest.mark.parametrize("remedy", [MinibatchDiscrimination(), MinibatchStddev()], ids=lambda remedy: remedy.name)
def test_samples_are_compared_with_those_of_their_domain_alone(remedy):
    variant, batch = build(POINTS, remedies=(remedy,)), batch_of(POINTS)
    before = variant.score(variant.real(batch), batch)
    after = variant.score(variant.real(batch._replace(x_other=batch.x_other * 3)), batch)
    assert after[:4].equal(before[:4]) and not after[4:].equal(before[4:])
    mixed = variant.score(variant.real(batch._replace(x=torch.cat([batch.x[:3], batch.x[:1]]))), batch)
    assert not mixed[:3].equal(before[:3])


def test_features_are_matched_within_each_domain():
    variant, batch = build(POINTS, remedies=(FeatureMatching(),)), batch_of(POINTS)
    h = variant.D.features(variant.real(batch))
    assert variant.features(variant.real(batch), batch).equal(torch.cat([h[:4], h[4:]], 1))


def test_a_pack_holds_samples_of_one_domain():
    variant, batch = build(POINTS, remedies=(Packing(samples=2),)), batch_of(POINTS)
    seen = {}
    for i, layer in enumerate(variant.D.own):
        layer.register_forward_pre_hook(lambda _, given, i=i: seen.setdefault(i, given[0]))
    variant.score(variant.real(batch), batch)
    assert seen[0].equal(batch.x.view(2, 4)) and seen[1].equal(batch.x_other.view(2, 4))


def test_an_autoencoder_for_d_is_trained_on_both_domains():
    variant = build(DataSpec((1, 16, 16)), loss=ebgan())
    terms = variant.g_loss(batch_of(DataSpec((1, 16, 16))))
    assert {"loss", "repelling"} <= terms.keys() and all(term.isfinite() for term in terms.values())


# Constants


def test_the_constants_are_the_authors():
    variant = CoGAN(IMAGES)
    assert (variant.batch, variant.z_dim, variant.loss, variant.domains) == (64, 100, nonsaturating, 2)
    assert [player.name for player in variant.players] == ["D", "G"]
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.Adam)
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 5e-4)
    for layer in variant.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            fans = (layer.weight.shape[0] + layer.weight.shape[1]) * layer.weight[0, 0].numel()
            assert layer.weight.abs().max() <= (2 * 6 / fans) ** 0.5
            assert layer.weight.std().item() == pytest.approx((2 * 2 / fans) ** 0.5, rel=0.1)
            assert layer.bias is None or layer.bias.eq(torch.tensor(0.1)).all()


def test_weight_decay_draws_weights_to_0():
    variant = build(POINTS, weight_decay=0.1)
    player = variant.players[0]
    before = [weight.detach().clone() for weight in variant.D.parameters()]
    sum(0 * weight.sum() for weight in variant.D.parameters()).backward()
    player.optimizer.step()
    pairs = zip(variant.D.parameters(), before, strict=True)
    assert all((weight.abs() < old.abs()).float().mean() > 0.99 for weight, old in pairs)


@KINDS
def test_a_loss_never_asks_the_device_for_a_number(spec):
    """Fake tensors have no values: `.item()` or a branch on one raises."""
    variant = build(spec)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        real = batch_of(spec)
        batch = Batch(mode.from_tensor(real.x), None, mode.from_tensor(real.x_other))
        for terms in (variant.d_loss(batch), variant.g_loss(batch)):
            sum(terms.values()).backward()


def test_it_learns_both_rings():
    torch.manual_seed(0)
    ring = Ring8()
    variant = CoGAN(POINTS, z_dim=2, width=64, lr=2e-3, weight_decay=0.0, batch=32)
    for _ in train(variant, ring.halves(), Budget("updates", 700), Ledger(), intervals=1):
        pass
    pair = variant.eval().pair(batch_of(POINTS, 2000))
    for x in (pair.x, rotation(15).undo(pair.x_other)):
        gap, mode = torch.cdist(x, ring.mixture.means.float()).min(1)
        assert gap.mean() < 0.2, "noise has 0.8"
        assert mode.bincount(minlength=8).min() > 30, "all modes are visited"
