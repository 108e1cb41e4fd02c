"""Remedies against mode collapse, by hand on small networks."""

from copy import deepcopy
from math import exp, sqrt
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Adam

from ganbench import plugins
from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import R1, Orthogonal, Penalty, Spectral, none
from ganbench.plugins.spec import choose
from ganbench.remedies import (
    FeatureMatching,
    GroupDeviation,
    HistoricalAveraging,
    Kernels,
    MeanWeights,
    MinibatchDiscrimination,
    MinibatchStddev,
    Packing,
    Remedy,
    Unrolling,
)
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.twoplayers import Discriminator, TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.cgan import CGAN
from ganbench.zoo.dcgan import DCGAN
from ganbench.zoo.gan import GAN
from ganbench.zoo.sagan import SAGAN
from ganbench.zoo.wgan import WGAN

POINTS, IMAGES = DataSpec((2,)), DataSpec((1, 8, 8))
INSTALLED = plugins.names("remedies")


class Curved(Discriminator):
    """Two layers, in double precision."""

    def __init__(self, n_in: int):
        super().__init__(3, nn.Linear(3, 1))
        self.body = nn.Sequential(nn.Linear(n_in, 3), nn.Tanh())

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        h: Tensor = self.body(x)
        return h


class Tiny(TwoPlayers):
    """A line against two layers, whose latents are always the same."""

    def __init__(
        self,
        *remedies: Remedy,
        loss: Formulation = nonsaturating,
        penalty: Penalty = none,
        lr: float = 0.1,
        decay: float = 0.0,
        batch: int = 4,
    ):
        torch.manual_seed(0)
        super().__init__(loss, penalty, remedies)
        self.batch = batch
        self.G = nn.Linear(2, 2)
        self.set_discriminator(Curved(self.packed_spec(POINTS).shape[0]), POINTS)
        self.z = torch.randn(batch * self._pack, 2, dtype=torch.float64)
        self.double()
        self.set_players(Adam(self.D.parameters(), lr, (0.5, 0.9), weight_decay=decay), Adam(self.G.parameters(), lr))

    def sample(self, like: Batch) -> Tensor:
        fake: Tensor = self.G(self.z)
        return fake


def some(n: int = 4, shape: tuple[int, ...] = (2,)) -> Batch:
    return Batch(torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))


def total(terms: Any) -> Tensor:
    return sum(term for term in terms.values() if term.requires_grad)


def slopes_of_g(variant: TwoPlayers, batch: Batch) -> list[Tensor]:
    return [*torch.autograd.grad(total(variant.g_loss(batch)), [*variant.G.parameters()])]


# Feature matching


def test_feature_matching_is_the_mean_squared_difference_of_mean_features():
    variant = Tiny(FeatureMatching())
    variant.features = lambda x, like: 2 * x
    fake = torch.tensor([[1.0, 0.0], [3.0, 2.0]], dtype=torch.float64, requires_grad=True)
    variant.sample = lambda like: fake
    real = torch.tensor([[0.0, 0.0], [0.0, 4.0]], dtype=torch.float64)
    terms = variant.g_loss(Batch(real))
    # Means are (0, 4) and (4, 2).
    assert terms["loss"].item() == pytest.approx((4**2 + 2**2) / 2)
    assert [*terms] == ["loss"]
    terms["loss"].backward()
    torch.testing.assert_close(fake.grad, torch.tensor([[4.0, -2.0], [4.0, -2.0]], dtype=torch.float64))


def test_feature_matching_is_nothing_where_the_samples_are_the_same_and_leaves_ds_loss_alone():
    variant, batch = Tiny(FeatureMatching()), some()
    terms, plain = variant.d_loss(batch), Tiny().d_loss(batch)
    assert terms.keys() == plain.keys() and all(terms[name].equal(plain[name]) for name in terms)
    variant.sample = lambda like: batch.x[torch.tensor([2, 0, 3, 1])]
    assert variant.g_loss(batch)["loss"].item() == pytest.approx(0, abs=1e-30)


def test_features_are_those_before_the_last_layer():
    variant, batch = Tiny(FeatureMatching()), some()
    means = [variant.D.body(x).mean(0) for x in (batch.x, variant.sample(batch))]
    torch.testing.assert_close(variant.g_loss(batch)["loss"], (means[0] - means[1]).square().mean())


# Minibatch discrimination and standard deviation


def test_a_kernel_sums_how_close_the_others_are():
    kernels = Kernels(1, kernels=1, dims=1)
    kernels.T = nn.Parameter(torch.ones(1, 1))
    found = kernels(torch.tensor([[0.0], [1.0], [3.0]]))
    expected = [[exp(-1) + exp(-3)], [exp(-1) + exp(-2)], [exp(-3) + exp(-2)]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_each_kernel_measures_with_a_matrix_of_its_own():
    kernels, h = Kernels(3, kernels=2, dims=4), torch.randn(5, 3)
    matrices = kernels.T.reshape(3, 2, 4)
    expected = torch.zeros(5, 2)
    for i in range(5):
        for j in {*range(5)} - {i}:
            for b in range(2):
                expected[i, b] += (-((h[i] - h[j]) @ matrices[:, b]).abs().sum()).exp()
    torch.testing.assert_close(kernels(h), expected)


@pytest.mark.parametrize("module", [Kernels(3, 4, 5), GroupDeviation()], ids=["kernels", "deviation"])
def test_the_order_of_a_batch_of_four_does_not_matter(module):
    h, order = torch.randn(4, 3), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(module(h[order]), module(h)[order])


def test_a_kernel_of_copies_counts_them_and_one_of_strangers_sees_none():
    kernels = Kernels(3, kernels=4, dims=5)
    torch.testing.assert_close(kernels(torch.ones(6, 3)), torch.full((6, 4), 5.0))
    torch.testing.assert_close(kernels(1e3 * torch.randn(6, 3)), torch.zeros(6, 4))


def test_the_deviation_is_that_of_a_group_averaged_over_its_numbers():
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [3.0, 0.0], [3.0, 4.0]])
    # Of 1, 1, 3, 3 it is 1, of 0, 0, 0, 4 the root of 3.
    torch.testing.assert_close(GroupDeviation()(x), torch.full((4, 1), (1 + sqrt(3)) / 2), atol=1e-4, rtol=0)
    torch.testing.assert_close(GroupDeviation()(torch.tensor([[0.0], [6.0]])), torch.full((2, 1), 3.0))
    assert GroupDeviation()(torch.tensor([[0.0], [6.0]]).repeat(4, 1)).max() < 2e-4, "eight make two groups of four"
    assert GroupDeviation()(torch.tensor([0.0, 6, 3, 9, 12])[:, None]).std() == 0, "five can be but one group"


@pytest.mark.parametrize(
    "remedy", [MinibatchDiscrimination(kernels=6, dims=2), MinibatchStddev()], ids=lambda r: r.name
)
def test_ds_last_layer_sees_further_numbers_and_real_and_fake_apart(remedy):
    variant, batch = Tiny(remedy), some()
    ((module, last, _),) = variant.D.extensions
    assert last.bias is None and last.in_features == (6 if remedy.name == "minibatch_discrimination" else 1)
    wide = nn.Linear(3 + last.in_features, 1).double()
    with torch.no_grad():
        wide.weight.copy_(torch.cat([variant.D.head.weight, last.weight], 1))
        wide.bias.copy_(variant.D.head.bias)
    h = variant.D.body(batch.x)
    torch.testing.assert_close(variant.D(batch.x), wide(torch.cat([h, module(h)], 1)).flatten())
    passes = []
    variant.D.register_forward_pre_hook(lambda _, given: passes.append(given[0]))
    variant.d_loss(batch)
    assert variant.D.mixes_rows and len(passes) == 2
    assert passes[0].equal(batch.x) and passes[1].equal(variant.sample(batch))
    (group,) = variant.players[0].optimizer.param_groups
    assert any(weight is last.weight for weight in group["params"])


# Historical averaging


def test_history_is_the_squared_distance_from_the_mean_of_all_steps_so_far():
    network = nn.Linear(1, 1, bias=False)
    history, found = MeanWeights(network), []
    for weight in (1.0, 2.0, 6.0):  # whose means are 1, 1.5 and 3
        nn.init.constant_(network.weight, weight)
        found.append(history(network))
    assert [value.item() for value in found] == pytest.approx([0, 0.25, 9])
    found[-1].backward()
    assert network.weight.grad.item() == pytest.approx(2 * 3), "the mean is a constant"
    assert (history.mean.item(), history.steps.item()) == (3, 3)


def test_both_players_pay_for_their_own_history_which_is_part_of_the_state():
    variant, batch = Tiny(HistoricalAveraging(weight=0.5)), some()
    expected = {}
    for player in ("D", "G"):
        loss, network = getattr(variant, f"{player.lower()}_loss"), getattr(variant, player)
        assert loss(batch)["history"].item() == 0
        with torch.no_grad():
            for weight in network.parameters():
                weight += 2
        n = sum(weight.numel() for weight in network.parameters())
        terms = loss(batch)
        assert terms["history"].item() == pytest.approx(0.5 * n * 1**2) and terms["history"].requires_grad
        expected[f"histories.{player}.steps"] = 2.0
    state = variant.state_dict()
    assert {key: state[key].item() for key in expected} == expected
    other = Tiny(HistoricalAveraging(weight=0.5))
    other.load_state_dict(state)
    assert other.d_loss(batch)["history"].equal(variant.d_loss(batch)["history"])


# Unrolling


def after_steps(variant: Tiny, batch: Batch, steps: int) -> Tensor:
    """Minus D's loss after steps of its real optimiser, on a copy."""
    other = deepcopy(variant)
    optimizer = Adam(other.D.parameters())
    optimizer.load_state_dict(deepcopy(variant.players[0].optimizer.state_dict()))
    with torch.no_grad():
        fake = other.fake(batch)
    for _ in range(steps):
        optimizer.zero_grad()
        total(other(other.real(batch), fake, batch)).backward()
        optimizer.step()
    return -total(other(other.real(batch), fake, batch)).detach()


def test_without_steps_unrolled_g_minimises_minus_ds_loss():
    variant, batch = Tiny(Unrolling(steps=0)), some()
    torch.testing.assert_close(variant.g_loss(batch)["loss"], -variant.d_loss(batch)["loss"])
    plain = torch.autograd.grad(-variant.d_loss(batch)["loss"], [*variant.G.parameters()])
    for found, expected in zip(slopes_of_g(variant, batch), plain, strict=True):
        torch.testing.assert_close(found, expected)


def test_with_a_tiny_rate_the_gradient_tends_to_that_of_no_steps():
    batch, distances = some(), []
    plain = slopes_of_g(Tiny(Unrolling(steps=0)), batch)
    for lr in (1e-2, 1e-4, 1e-6):
        found = slopes_of_g(Tiny(Unrolling(steps=3), lr=lr), batch)
        distances.append(max((a - b).abs().max().item() for a, b in zip(found, plain, strict=True)))
    assert distances[0] > 1e-3 and distances[2] < 1e-5
    assert distances[0] / distances[1] == pytest.approx(100, rel=0.05), "in proportion to the rate"
    assert distances[1] / distances[2] == pytest.approx(100, rel=0.05)


def test_one_step_is_a_step_of_adam_by_hand():
    """From rest the first step is lr g / (|g| + eps), whatever the betas."""
    variant, batch = Tiny(Unrolling(steps=1)), some()
    weights = [*variant.D.parameters()]
    terms = variant(batch.x, variant.sample(batch), batch)
    slopes = torch.autograd.grad(total(terms), weights, create_graph=True)
    moved = [w - 0.1 * g / ((g**2 + 1e-16).sqrt() + 1e-8) for w, g in zip(weights, slopes, strict=True)]
    names = [f"D.{name}" for name, _ in variant.D.named_parameters()]
    again = torch.func.functional_call(
        variant, dict(zip(names, moved, strict=True)), (batch.x, variant.sample(batch), batch)
    )
    expected = torch.autograd.grad(-total(again), [*variant.G.parameters()])
    for found, by_hand in zip(slopes_of_g(variant, batch), expected, strict=True):
        torch.testing.assert_close(found, by_hand)
    torch.testing.assert_close(variant.g_loss(batch)["loss"], -total(again))


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("penalty", [none, Orthogonal(weight=0.1)], ids=lambda penalty: penalty.name)
@pytest.mark.parametrize("steps", [1, 4])
def test_unrolled_steps_are_those_that_ds_optimiser_would_take(steps, penalty, decay):
    """In value, and in slope by differences; D has moved before, so that its moments are not 0."""
    variant, batch = Tiny(Unrolling(steps=steps), penalty=penalty, lr=0.03, decay=decay), some()
    for _ in range(3):
        variant.players[0].optimizer.zero_grad()
        total(variant.d_loss(batch)).backward()
        variant.players[0].optimizer.step()
    torch.testing.assert_close(
        variant.g_loss(batch)["loss"].detach(), after_steps(variant, batch, steps), rtol=1e-6, atol=0
    )
    found, small = slopes_of_g(variant, batch), 1e-5
    for weight, slope in zip(variant.G.parameters(), found, strict=True):
        for i in range(weight.numel()):
            values = []
            for change in (small, -2 * small, small):
                with torch.no_grad():
                    weight.view(-1)[i] += change
                values.append(after_steps(variant, batch, steps).item())
            assert slope.view(-1)[i].item() == pytest.approx((values[0] - values[1]) / (2 * small), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("plugin", "options"), [(GAN, {"penalty": Spectral()}), (GAN, {"penalty": R1()}), (SAGAN, {}), (DCGAN, {})]
)
def test_unrolling_goes_through_norms_and_penalties_while_flops_are_counted(plugin, options):
    torch.manual_seed(0)
    variant, ledger = plugin(POINTS, width=8, batch=8, remedies=(Unrolling(steps=2),), **options), Ledger()
    (curves,) = train(variant, Batch(torch.randn(40, 2)), Budget("updates", 2), ledger, intervals=1)
    assert torch.tensor([*curves.values()]).isfinite().all() and ledger.flops


def test_gs_step_leaves_d_and_its_optimiser_as_they_are():
    variant, batch = Tiny(Unrolling(steps=2)), some()
    weights = [weight.detach().clone() for weight in variant.D.parameters()]
    total(variant.g_loss(batch)).backward()
    variant.players[1].optimizer.step()
    assert all(weight.equal(was) for weight, was in zip(variant.D.parameters(), weights, strict=True))
    assert all(weight.grad is None for weight in variant.D.parameters())
    assert not variant.players[0].optimizer.state


def test_unrolling_through_another_optimiser_than_adam_is_refused():
    with pytest.raises(ValueError, match=r"Found RMSprop moving D.*'unrolling'.*Adam.*leave the remedy out"):
        WGAN(POINTS, remedies=(Unrolling(),))


# Packing


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_a_pack_has_one_score(samples):
    variant, batch = Tiny(Packing(samples=samples), batch=8 // samples), some(8)
    assert variant.D(batch.x).shape == (8 // samples,)
    real, fake = variant.score_both(batch.x, variant.sample(batch), batch)
    assert real.shape == fake.shape == (8 // samples,)


def test_points_of_a_pack_are_joined_and_images_stacked_as_channels():
    variant = Tiny(Packing(samples=2))
    points = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    assert variant.D.packed(points).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    images = torch.randn(4, 3, 8, 8)
    packed = variant.D.packed(images)
    assert packed.shape == (2, 6, 8, 8)
    assert packed[1, :3].equal(images[2]) and packed[1, 3:].equal(images[3])


def test_packs_are_all_real_or_all_fake():
    variant, seen = Tiny(Packing(samples=2), batch=2), []
    variant.D.body.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    batch = some()
    variant.d_loss(batch)
    (both,) = seen
    assert both.equal(torch.cat([batch.x.view(2, 4), variant.sample(batch).view(2, 4)]))


@pytest.mark.parametrize(("plugin", "spec"), [(GAN, POINTS), (GAN, IMAGES), (DCGAN, POINTS), (DCGAN, IMAGES)])
def test_ds_first_layer_alone_grows_with_packing(plugin, spec):
    plain, packed = plugin(spec, width=4), plugin(spec, width=4, remedies=(Packing(samples=4),))
    assert [w.shape for w in packed.G.parameters()] == [w.shape for w in plain.G.parameters()]
    shapes = {name: (weight.shape, packed.D.get_parameter(name).shape) for name, weight in plain.D.named_parameters()}
    grown = {name: pair for name, pair in shapes.items() if pair[0] != pair[1]}
    ((name, (before, after)),) = grown.items()
    first = next(name for name in shapes if name.startswith("body"))
    assert name == first and after[1] == 4 * before[1]
    assert packed.sample(Batch(torch.empty(3, *spec.shape))).shape == (3, *spec.shape)


def test_a_batch_counts_packs():
    assert [Tiny(Packing(samples=samples), batch=4).batch for samples in (1, 2, 3)] == [4, 8, 12]
    assert Tiny(Packing(samples=2), Packing(samples=4), batch=4).batch == 32
    ledger = Ledger()
    variant = GAN(POINTS, width=8, batch=5, remedies=(Packing(samples=3),))
    next(train(variant, Batch(torch.randn(40, 2)), Budget("updates", 2), ledger, intervals=1))
    assert (ledger.g_updates, ledger.images) == (2, 2 * 5 * 3)


@pytest.mark.parametrize("plugin", [CGAN, SAGAN])
def test_packs_of_several_classes_are_refused(plugin):
    with pytest.raises(ValueError, match=r"tells D the class of each sample.*'packing'.*without labels"):
        plugin(DataSpec((2,), 4), width=8, remedies=(Packing(),))


# All of them


def test_all_remedies_train_together():
    """Each alone trains in every variant: see `tests/zoo/test_contract.py`."""
    variant = GAN(POINTS, width=8, batch=8, remedies=tuple(choose("remedies", name) for name in INSTALLED))
    (curves,) = train(variant, Batch(torch.randn(40, 2)), Budget("updates", 3), Ledger(), intervals=1)
    assert torch.tensor([*curves.values()]).isfinite().all()
    assert {"D.loss", "G.loss", "D.history", "G.history"} <= set(curves)


def test_the_base_of_remedies_changes_nothing():
    variant, plain, batch = Tiny(Remedy()), Tiny(), some()
    for loss in ("d_loss", "g_loss"):
        one, other = getattr(variant, loss)(batch), getattr(plain, loss)(batch)
        assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)
