import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganbench.losses import wasserstein
from ganbench.penalties import Clip, Gradient
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.wgan import WGAN

IMAGES, POINTS = DataSpec((1, 16, 16), 10), DataSpec((2,), 8)


def finish(variant: WGAN, rounds: int) -> Ledger:
    ledger, data = Ledger(), Batch(torch.randn(50, 2))
    for _ in train(variant, data, Budget("updates", rounds), ledger, intervals=1):
        pass
    return ledger


def test_every_critic_weight_is_within_the_clip_after_a_round():
    torch.manual_seed(0)
    variant = WGAN(POINTS, width=16, batch=8)
    assert max(weight.abs().max() for weight in variant.D.parameters()) > 0.01
    finish(variant, 1)
    assert max(weight.abs().max().item() for weight in variant.D.parameters()) <= 0.01
    assert max(weight.abs().max() for weight in variant.G.parameters()) > 0.01, "the generator is free"


def test_another_clip_is_kept_too():
    variant = WGAN(POINTS, width=16, batch=8, penalty=Clip(limit=0.05), lr=0.1)
    finish(variant, 2)
    assert max(weight.abs().max() for weight in variant.D.parameters()) == torch.tensor(0.05)


def test_the_constants_are_those_of_algorithm_1():
    variant = WGAN(IMAGES)
    critic, generator = variant.players
    assert variant.loss is wasserstein
    assert variant.penalty == Clip(limit=0.01)
    assert variant.batch == 64
    assert (critic.name, critic.repeats, generator.repeats) == ("D", 5, 1)
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.RMSprop)
        assert (group["lr"], group["momentum"], group["weight_decay"]) == (5e-5, 0, 0)


def test_the_ledger_counts_five_critic_steps_for_one_of_the_generator():
    ledger = finish(WGAN(POINTS, width=8, batch=8), 4)
    assert (ledger.d_updates, ledger.g_updates, ledger.images) == (20, 4, 160)


def test_without_warmup_the_critic_never_takes_more_steps():
    variant, steps = WGAN(POINTS, width=8), set()
    for rounds in (0, 24, 25, 500, 1000):
        variant.advance(0.0, rounds)
        steps.add(variant.players[0].repeats)
    assert steps == {5}


def test_warmup_takes_a_hundred_steps_in_the_first_25_rounds_and_in_every_500th():
    variant, long = WGAN(POINTS, width=8, warmup=True, n_critic=3), []
    for rounds in range(1100):
        variant.advance(rounds / 1100, rounds)
        assert variant.players[0].repeats in (3, 100)
        if variant.players[0].repeats == 100:
            long.append(rounds)
    assert long == [*range(25), 500, 1000]
    assert finish(WGAN(POINTS, width=8, batch=4, warmup=True), 1).d_updates == 100


def test_the_networks_are_dcgans_with_4_by_4_convolutions():
    variant = WGAN(IMAGES, width=8)
    layers = [layer for layer in variant.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert {layer.kernel_size for layer in layers} == {(4, 4)}
    assert variant.D.head.in_features == 16 * 4 * 4, "the last one of 4 x 4 pixels, written as a dense layer"
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in variant.D.modules())


def test_the_critics_score_is_not_squashed():
    assert not any(isinstance(layer, nn.Sigmoid | nn.Tanh) for layer in WGAN(IMAGES).D.modules())


# With a gradient penalty: WGAN-GP


@pytest.mark.parametrize("spec", [IMAGES, POINTS], ids=["images", "points"])
def test_with_a_gradient_penalty_the_constants_are_wgan_gps(spec):
    variant = WGAN(spec, penalty=Gradient())
    critic, generator = variant.players
    assert (variant.penalty.weight, variant.penalty.target, variant.penalty.one_sided) == (10, 1, False)
    assert variant.loss is wasserstein
    assert (critic.name, critic.repeats, generator.repeats) == ("D", 5, 1)
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.Adam)
        assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-4, (0.0, 0.9), 0)
    assert not any(isinstance(layer, _BatchNorm | nn.GroupNorm) for layer in variant.D.modules())
    assert any(isinstance(layer, _BatchNorm) for layer in variant.G.modules()), "the generator keeps its own"


def test_with_a_gradient_penalty_the_loss_has_its_term_and_no_weight_is_clipped():
    torch.manual_seed(0)
    variant = WGAN(POINTS, width=16, batch=8, penalty=Gradient())
    assert set(variant.d_loss(Batch(torch.randn(8, 2)))) == {"loss", "real", "fake", "gradient"}
    ledger = finish(variant, 2)
    assert max(weight.abs().max() for weight in variant.D.parameters()) > 0.01
    assert (ledger.d_updates, ledger.g_updates) == (10, 2)


def test_the_critics_norm_can_be_chosen_under_either_penalty():
    def norms(variant: WGAN) -> set[str]:
        return {type(m).__name__ for m in variant.D.modules() if isinstance(m, _BatchNorm | nn.GroupNorm)}

    assert norms(WGAN(IMAGES, width=8, penalty=Gradient(), d_norm="layer")) == {"GroupNorm"}
    assert norms(WGAN(IMAGES, width=8, d_norm="none")) == set()
    with pytest.raises(ValueError, match="Set `d_norm` to 'layer' or 'none'"):
        WGAN(IMAGES, width=8, penalty=Gradient(), d_norm="batch")


@pytest.mark.parametrize(("norm", "spread"), [(None, (2 / 256) ** 0.5), ("layer", 0.02)])
def test_a_critic_without_norm_begins_with_weights_scaled_by_fan_in(norm, spread):
    torch.manual_seed(0)
    variant = WGAN(POINTS, width=256, penalty=Gradient(), d_norm=norm)
    assert variant.D.body[2].weight.std().item() == pytest.approx(spread, rel=0.05)


def test_another_rate_is_that_of_either_optimiser():
    for penalty in (Clip(), Gradient()):
        for player in WGAN(POINTS, width=8, lr=0.3, penalty=penalty).players:
            assert player.optimizer.param_groups[0]["lr"] == 0.3
