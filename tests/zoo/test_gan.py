import pytest
import torch
from torch import nn

from ganbench.losses import minimax, nonsaturating
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.twoplayers import Discriminator
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.gan import GAN

DIGITS, POINTS = DataSpec((1, 28, 28), 10), DataSpec((2,), 8)


def layers(network: nn.Module) -> list[nn.Module]:
    """In the order in which they are passed."""
    return [*network.body, network.head] if isinstance(network, Discriminator) else [*network]


def kinds(network: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in layers(network)]


def sizes(network: nn.Module) -> list[int]:
    linear = [layer for layer in layers(network) if isinstance(layer, nn.Linear)]
    return [linear[0].in_features, *(layer.out_features for layer in linear)]


def test_on_digits_the_networks_are_the_tutorials():
    variant = GAN(DIGITS)
    assert sizes(variant.G) == [100, 256, 512, 1024, 784]
    assert sizes(variant.D) == [784, 1024, 512, 256, 1]
    assert kinds(variant.G) == ["Linear", "ReLU"] * 3 + ["Linear", "Tanh", "Unflatten"]
    assert kinds(variant.D) == ["Flatten"] + ["Linear", "LeakyReLU"] * 3 + ["Linear"]
    assert variant.D(torch.randn(3, 1, 28, 28)).shape == (3,)
    assert {layer.negative_slope for layer in layers(variant.D) if isinstance(layer, nn.LeakyReLU)} == {0.2}


def test_there_are_as_many_inputs_and_outputs_as_pixels():
    variant = GAN(DataSpec((3, 16, 16)), width=32)
    assert sizes(variant.G) == [100, 32, 64, 128, 768]
    assert sizes(variant.D) == [768, 128, 64, 32, 1]


def test_on_points_three_equal_layers_and_a_linear_output():
    variant = GAN(POINTS, z_dim=5, width=32)
    assert sizes(variant.G) == [5, 32, 32, 32, 2]
    assert sizes(variant.D) == [2, 32, 32, 32, 1]
    assert "Tanh" not in kinds(variant.G)


def test_both_players_have_the_tutorials_adam_and_batch():
    variant = GAN(DIGITS)
    assert variant.batch == 64
    assert variant.loss is nonsaturating
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert isinstance(player.optimizer, torch.optim.Adam)
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 0)


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (3, 1), (2, 5)])
def test_steps_in_a_round_are_as_asked_for_and_are_counted(d_steps, g_steps):
    variant, ledger = GAN(POINTS, width=8, batch=16, d_steps=d_steps, g_steps=g_steps), Ledger()
    data = Batch(torch.randn(50, 2))
    for _ in train(variant, data, Budget("updates", 4 * g_steps), ledger, intervals=1):
        pass
    assert (ledger.rounds, ledger.d_updates, ledger.g_updates) == (4, 4 * d_steps, 4 * g_steps)
    assert ledger.images == 4 * d_steps * 16


@pytest.mark.parametrize("loss", [nonsaturating, minimax])
def test_one_pass_for_real_and_fake_gives_the_loss_of_two(loss):
    variant = GAN(POINTS, loss=loss, width=8).double()
    batch = Batch(torch.randn(6, 2, dtype=torch.float64))
    fake = torch.randn(6, 2, dtype=torch.float64)
    variant.sample = lambda like: fake
    terms, expected = variant.d_loss(batch), loss.d(variant.D(batch.x), variant.D(fake))
    torch.testing.assert_close(terms["loss"], expected)
    torch.testing.assert_close(terms["real"], variant.D(batch.x).mean())
    torch.testing.assert_close(terms["fake"], variant.D(fake).mean())


def test_latents_are_standard_normal():
    variant = GAN(POINTS, z_dim=2)
    variant.G = nn.Identity()
    z = variant.sample(Batch(torch.empty(20_000, 2)))
    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=0.03, rtol=0)
    torch.testing.assert_close(z.std(0), torch.ones(2), atol=0.03, rtol=0)
