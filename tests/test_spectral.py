"""All layers at once are normalised as torch normalises each."""

from contextlib import suppress
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganbench.runs.operations import Watch
from ganbench.spectral import normalise

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 7, 3), nn.ReLU(), nn.ConvTranspose2d(7, 4, 2, stride=2),
        nn.Flatten(), nn.Linear(256, 9), nn.Linear(9, 1),
    )  # fmt: skip


def network(ours: bool) -> nn.Sequential:
    made = plain()
    layers = [module for module in made if isinstance(module, LAYERS)]
    if ours:
        normalise(made, layers)
    else:
        for layer in layers:
            spectral_norm(layer)
    return made.to(memory_format=torch.channels_last)


def images(n: int = 4) -> Tensor:
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5


def trained(made: nn.Sequential) -> nn.Sequential:
    """After five steps of two passes each, of which the second has a gradient of a gradient."""
    optimizer = torch.optim.SGD(made.parameters(), 0.1)
    for _ in range(5):
        x = images().requires_grad_()
        (slope,) = torch.autograd.grad(made(x).sum(), x, create_graph=True)
        optimizer.zero_grad()
        (made(images()).mean() + slope.square().sum()).backward()
        optimizer.step()
    return made


def test_weights_vectors_and_outputs_are_those_of_torch():
    ours, theirs = trained(network(True)), trained(network(False))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(ours.eval()(images()), theirs.eval()(images()), rtol=1e-6, atol=1e-7)


def test_a_state_of_either_is_a_state_of_the_other():
    ours, theirs = network(True), trained(network(False))
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours.eval()(images()), theirs.eval()(images()), rtol=1e-6, atol=1e-7)


def test_a_layer_called_outside_its_network_takes_an_iteration_of_its_own():
    made = network(True)
    made(images())
    before = made[0].parametrizations.weight[0]._v.clone()
    made[0](images())
    assert not made[0].parametrizations.weight[0]._v.equal(before)
    assert made[0].weight.shape == (5, 3, 3, 3)


def test_nothing_is_ready_after_a_pass_even_one_that_failed():
    made = network(True)
    for x in (images(), images()[:, :1]):
        with suppress(RuntimeError):
            made(x)
        assert all(layer.parametrizations.weight[0].ready is None for layer in made if isinstance(layer, LAYERS))


def test_a_copy_goes_its_own_way():
    made = trained(network(True))
    copy = deepcopy(made)
    assert copy(images()).equal(made(images()))
    copy(images())
    assert not copy[0].parametrizations.weight[0]._u.equal(made[0].parametrizations.weight[0]._u)


def test_a_layer_that_is_replaced_after_is_no_longer_normalised():
    made = network(True)
    made[7] = nn.Identity()
    made(images())
    assert made(images()).shape == (4, 9)


def test_a_device_gets_fewer_operations_for_it():
    """Of each layer three products, a sum, a quotient and a copy in torch's order; the rest is of all together."""
    ours, theirs, none = (kernels(made) for made in (network(True), network(False), plain()))
    assert none < ours and 3 * (ours - none) < 2 * (theirs - none)


def kernels(made: nn.Module) -> int:
    """Of a pass without a gradient."""
    made, x = made.to("meta"), images().to("meta")
    with torch.no_grad(), Watch(x.device) as watch:
        made(x)
    return watch.seen.kernels
