"""Blocks that more than one paper uses."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import pairwise
from math import log2
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from ganbench.twoplayers import Discriminator, TwoPlayers
from ganbench.variant import Batch, DataSpec

SLOPE = 0.2  # of LeakyReLU below 0
SPREAD = 0.02  # standard deviation of initial weights


class Layers(Discriminator):
    """A discriminator that is a chain of layers, and a dense one at its end."""

    def __init__(self, body: nn.Sequential, n_features: int):
        super().__init__(n_features, nn.Linear(n_features, 1))
        self.body = body

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        h: Tensor = self.body(x)
        return h.flatten(1)


class TwoDomains(TwoPlayers):
    """A game in two domains at once: D sees n samples of the data's own domain, then n of the second.

    A subclass implements `pair`. Its D gets no condition for rows in that order, and 0 if all are of the data's own.
    """

    domains = 2

    def real(self, batch: Batch) -> Tensor:
        return batch.x if batch.x_other is None else torch.cat([batch.x, batch.x_other])

    def fake(self, batch: Batch) -> Tensor:
        pair = self.pair(batch)
        return torch.cat([pair.x, pair.x_other])

    def sample(self, like: Batch) -> Tensor:
        return self.pair(like).x

    def conditions(self, like: Batch) -> tuple[Any, ...]:
        return (0,) if like.x_other is None else ()

    def score_both(self, real: Tensor, fake: Tensor, like: Batch) -> tuple[Tensor, Tensor]:
        if self.D.mixes_rows:
            return self.score(real, like), self.score(fake, like)
        (mine, other), (my_fake, other_fake) = real.chunk(2), fake.chunk(2)
        scores = self.score(torch.cat([mine, my_fake, other, other_fake]), like).view(4, -1)
        return scores[::2].flatten(), scores[1::2].flatten()


class Average(nn.Module):
    """A network whose weights are the exponential moving average of another's; buffers are copied."""

    updates: Tensor  # how often it has moved since it was built: a tensor, which a captured round counts up too

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = deepcopy(network)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, *inputs: Any) -> Any:
        return self.network(*inputs)

    @torch.no_grad()
    def update(self, network: nn.Module, beta: float) -> None:
        """average <- beta * average + (1 - beta) * weights."""
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - beta)
        mine, its = list(self.network.buffers()), list(network.buffers())
        for kind in dict.fromkeys(buffer.dtype for buffer in mine):  # of one kind they are one operation
            alike = [i for i, buffer in enumerate(mine) if buffer.dtype == kind]
            torch._foreach_copy_([mine[i] for i in alike], [its[i] for i in alike])
        self.updates.add_(1)


DNorm = Literal["batch", "layer", "none"]  # what D has between its layers; only batch norm mixes samples


def dense(
    sizes: list[int], activation: Callable[[], nn.Module], norm: bool = False, labels: int = 0
) -> list[nn.Module]:
    """Hidden layers sizes[0] -> sizes[1] -> ...: linear, batch norm if asked, activation.

    The input of each linear layer has room for `labels` channels more.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in + labels, n_out), *([nn.BatchNorm1d(n_out)] if norm else []), activation()]
    return layers


def leaky() -> nn.Module:
    """LeakyReLU, the discriminator's activation since DCGAN."""
    return nn.LeakyReLU(SLOPE)


def adam(network: nn.Module, lr: float, betas: tuple[float, float], decay: float = 0.0) -> Adam:
    """Adam that updates all weights in one call; `decay` times each weight joins its gradient."""
    return Adam(network.parameters(), lr, betas, weight_decay=decay, fused=True)


def halvings(spec: DataSpec) -> int:
    """How often an image's side halves until it is 4 pixels. Raises ValueError if it never is."""
    if spec.side not in (8, 16, 32, 64, 128):
        raise ValueError(
            f"Found images of side {spec.side}, but this architecture halves them down to 4: "
            "the side must be 8, 16, 32, 64 or 128. Set the dataset's size."
        )
    return int(log2(spec.side)) - 2


def count_classes(spec: DataSpec, name: str) -> int:
    """How many classes the data has. Raises ValueError if it has no labels."""
    if not spec.classes:
        raise ValueError(
            f"Found data without labels, but {name} is trained on samples and their classes. "
            "Choose a labelled dataset, or a variant that needs no labels."
        )
    return spec.classes


def dcgan_generator(spec: DataSpec, z_dim: int, width: int, kernel: int, affine: bool = True) -> nn.Sequential:
    """z (n, z_dim) -> images in [-1, 1] by fractionally-strided convolutions; on points, dense layers.

    `width` channels stand next to the image and double at each halving. Batch norm everywhere but
    at the output (Radford et al. 2016, section 3), with gains and biases if `affine`.
    """
    if not spec.is_image:
        return nn.Sequential(*dense([z_dim, width, width, width], nn.ReLU, norm=True), nn.Linear(width, spec.shape[0]))
    n = halvings(spec)
    channels = [width * 2**i for i in reversed(range(n))]
    layers: list[nn.Module] = [
        nn.Unflatten(1, (z_dim, 1, 1)),
        nn.ConvTranspose2d(z_dim, channels[0], 4, bias=False),
        nn.BatchNorm2d(channels[0], affine=affine),
        nn.ReLU(),
    ]
    for c_in, c_out in pairwise(channels):
        layers += [_upscale(c_in, c_out, kernel, bias=False), nn.BatchNorm2d(c_out, affine=affine), nn.ReLU()]
    return nn.Sequential(*layers, _upscale(width, spec.channels, kernel, bias=True), nn.Tanh())


def dcgan_discriminator(spec: DataSpec, width: int, kernel: int, norm: DNorm = "batch") -> Layers:
    """Images or points -> one score each, (n,), by strided convolutions; mirrors the generator.

    A norm everywhere but at the input and the output (Radford et al. 2016, section 3).
    """
    return Layers(*dcgan_features(spec, width, kernel, norm))


def dcgan_features(spec: DataSpec, width: int, kernel: int, norm: DNorm = "batch") -> tuple[nn.Sequential, int]:
    """D's layers but for the last, and how many features they yield."""
    if not spec.is_image:
        hidden = [
            layer
            for _ in range(2)
            for layer in (nn.Linear(width, width), *_d_norm(norm, width, nn.BatchNorm1d), leaky())
        ]
        return nn.Sequential(*dense([*spec.shape, width], leaky), *hidden), width
    channels = [width * 2**i for i in range(halvings(spec))]
    layers: list[nn.Module] = [_downscale(spec.channels, width, kernel, bias=True), leaky()]
    for c_in, c_out in pairwise(channels):
        layers += [
            _downscale(c_in, c_out, kernel, bias=norm == "none"),
            *_d_norm(norm, c_out, nn.BatchNorm2d),
            leaky(),
        ]
    return nn.Sequential(*layers), channels[-1] * 16


def _d_norm(norm: DNorm, channels: int, batch_norm: Callable[[int], nn.Module]) -> list[nn.Module]:
    norms: dict[DNorm, list[nn.Module]] = {"batch": [batch_norm(channels)], "layer": [nn.GroupNorm(1, channels)]}
    return norms.get(norm, [])


def init_normal(modules: Iterable[nn.Module]) -> None:
    """N(0, 0.02) for weights, N(1, 0.02) for batch norm's gain, 0 for biases (Radford et al. 2016, section 4)."""
    for module in modules:
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, SPREAD)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, SPREAD)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def init_fan_in(modules: Iterable[nn.Module]) -> None:
    """Uniform weights of variance 2 / fan in (He et al. 2015, https://arxiv.org/abs/1502.01852); biases as they are.

    A D without norm begins with slopes near 1 by it, and with N(0, 0.02) on points with slopes of 1e-4. The authors'
    code of WGAN-GP has it where the critic has no norm, but takes the mean of fan in and fan out of a convolution, and
    half the variance of the last layer.
    """
    for module in modules:
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")


def init_dcgan(variant: TwoPlayers, d_norm: DNorm) -> None:
    """The weights of DCGAN's networks: `init_normal`, and `init_fan_in` of a D without norm."""
    init_normal(variant.modules())
    if d_norm == "none":
        init_fan_in(variant.D.modules())


def _upscale(c_in: int, c_out: int, kernel: int, bias: bool) -> nn.Module:
    """Exactly doubles the side, for odd and even kernels."""
    return nn.ConvTranspose2d(
        c_in, c_out, kernel, stride=2, padding=(kernel - 1) // 2, output_padding=kernel % 2, bias=bias
    )


def _downscale(c_in: int, c_out: int, kernel: int, bias: bool) -> nn.Module:
    """Exactly halves the side."""
    return nn.Conv2d(c_in, c_out, kernel, stride=2, padding=(kernel - 1) // 2, bias=bias)
