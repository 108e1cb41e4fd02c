from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from ganbench.losses import nonsaturating
from ganbench.runs.budget import Budget, Ledger
from ganbench.runs.training import train
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.cgan import CGAN

IMAGES, POINTS = DataSpec((3, 32, 32), 10), DataSpec((2,), 2)
WEIGHTED = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


def inputs(network: nn.Module, run: object) -> list[Tensor]:
    """What each layer with weights is given while `run` is called."""
    seen: list[Tensor] = []
    layers = [layer for layer in network.modules() if isinstance(layer, WEIGHTED)]
    hooks = [layer.register_forward_pre_hook(lambda _, given: seen.append(given[0])) for layer in layers]
    run()
    for hook in hooks:
        hook.remove()
    return seen


def test_on_points_the_one_hot_label_joins_the_input_of_every_layer_of_both_networks():
    variant, y = CGAN(POINTS, width=4), torch.tensor([1, 0, 1])
    for network, given in ((variant.G, torch.randn(3, 100)), (variant.D, torch.randn(3, 2))):
        seen = inputs(network, lambda network=network, given=given: network(given, y))
        assert len(seen) == 4
        assert all(x[:, -2:].equal(nn.functional.one_hot(y, 2).float()) for x in seen)


def test_on_images_the_one_hot_label_joins_vectors_and_maps_get_a_bias_of_the_class():
    variant, y = CGAN(IMAGES, width=4), torch.tensor([1, 0, 9])
    label = nn.functional.one_hot(y, 10).float()
    z, x = torch.randn(3, 100), torch.randn(3, 3, 32, 32)
    first, *_ = inputs(variant.G, lambda: variant.G(z, y))
    assert first.flatten(1).equal(torch.cat([z, label], 1))
    *_, last = inputs(variant.D, lambda: variant.D(x, y))
    assert last[:, -10:].equal(label)
    for network in (variant.G, variant.D.body):
        on_maps = [m for m in network.layers if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
        assert [bias.weight.shape for bias in network.biases.values()] == [(10, m.out_channels) for m in on_maps]
    layer, bias = variant.D.body.layers[0], variant.D.body.biases["0"]
    torch.testing.assert_close(
        inputs(variant.D, lambda: variant.D(x, y))[1],
        nn.functional.leaky_relu(layer(x) + bias.weight[y][:, :, None, None], 0.2),
    )


def test_a_thousand_classes_cost_no_plane_each():
    """Of 128 pixels the planes of a batch of 128 would take 8 GB for D's first layer alone."""
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, given=(), named=None):
            nonlocal largest
            made = function(*given, **(named or {}))
            largest = max([largest, *(x.numel() for x in tree_flatten(made)[0] if isinstance(x, Tensor))])
            return made

    variant, n = CGAN(DataSpec((3, 128, 128), 1000), width=4).to("meta"), 128
    y = torch.zeros(n, dtype=torch.int64, device="meta")
    with Watch(), mock.patch.object(nn.functional, "one_hot", lambda y, k: torch.empty(len(y), k, device="meta")):
        variant.score(variant.G(torch.empty(n, 100, device="meta"), y), Batch(y, y)).sum().backward()
    assert largest == n * 3 * 128 * 128, "the images themselves"


def test_fakes_are_made_and_judged_for_the_labels_of_the_batch():
    """On points nothing mixes rows: both are judged in one pass, each with its label."""
    variant = CGAN(POINTS, width=4)
    pairs = []
    variant.D.register_forward_pre_hook(lambda _, given: pairs.append(given))
    drawn = []
    variant.G.register_forward_hook(lambda _, given, made: drawn.append((made, given[1])))
    batch = Batch(torch.randn(6, 2), torch.tensor([0, 1, 1, 1, 0, 1]))
    variant.d_loss(batch)
    ((both, labels),) = pairs
    (real, fake), (real_y, fake_y) = both.chunk(2), labels.chunk(2)
    ((made, asked),) = drawn
    assert real.equal(batch.x) and fake.equal(made)
    assert real_y.equal(batch.y) and fake_y.equal(batch.y) and asked.equal(batch.y)


def two_classes(n: int) -> Batch:
    """Around -1 and around 1 of the first coordinate."""
    y = torch.arange(n) % 2
    return Batch(torch.stack([2.0 * y - 1, torch.zeros(n)], 1) + 0.2 * torch.randn(n, 2), y)


def trained(variant: CGAN, rounds: int) -> CGAN:
    for _ in train(variant, two_classes(1000), Budget("updates", rounds), Ledger(), intervals=1):
        pass
    return variant.eval()


def test_d_told_the_wrong_label_scores_lower_where_only_the_label_betrays_a_fake():
    torch.manual_seed(0)
    variant = CGAN(POINTS, width=32, z_dim=2, lr=2e-3, batch=64)
    variant.sample = lambda like: two_classes(64).x[torch.randperm(64)]  # perfect but for the label
    variant.players[1].loss = lambda batch: 0 * variant.G(batch.x, batch.y).sum()
    trained(variant, 100)
    x, y = two_classes(400)[:2]
    right, wrong = variant.score(x, Batch(x, y)), variant.score(x, Batch(x, 1 - y))
    assert (right > wrong).float().mean() > 0.99
    assert right.mean() > wrong.mean() + 1


def test_once_trained_samples_follow_their_label():
    torch.manual_seed(0)
    variant, like = trained(CGAN(POINTS, width=32, z_dim=2, lr=2e-3, batch=64), 150), two_classes(400)
    assert ((variant.sample(like)[:, 0] > 0) == (like.y == 1)).float().mean() > 0.95


def test_data_without_labels_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"without labels.*CGAN.*Choose a labelled dataset"):
        CGAN(DataSpec((2,)))


def test_images_meet_dcgans_layers_and_points_the_papers_perceptrons():
    variant = CGAN(IMAGES, width=4)
    assert [layer.stride for layer in variant.D.modules() if isinstance(layer, nn.Conv2d)] == [(2, 2)] * 3
    (last,) = variant.D.head.layers
    assert last.in_features == 16 * 4 * 4 + 10, "all 16 pixels of the last map, and the label"
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in variant.D.modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in CGAN(IMAGES, width=4, d_norm="layer").D.modules())
    assert variant.G(torch.randn(2, 100), torch.tensor([0, 9])).shape == (2, 3, 32, 32)
    kinds = {type(layer) for layer in CGAN(POINTS, width=4).modules()}
    assert nn.Linear in kinds and nn.BatchNorm1d not in kinds


def test_the_constants_are_those_of_the_convolutional_form():
    variant = CGAN(IMAGES, width=4)
    assert (variant.batch, variant.z_dim, variant.loss) == (128, 100, nonsaturating)
    for player in variant.players:
        (group,) = player.optimizer.param_groups
        assert (group["lr"], group["betas"], player.repeats) == (2e-4, (0.5, 0.999), 1)
    images = CGAN(IMAGES)
    weights = [layer.weight for layer in images.modules() if isinstance(layer, WEIGHTED)]
    assert all(weight.std().item() == pytest.approx(0.02, rel=0.15) for weight in weights if weight.numel() > 1000)
