"""What SAGAN and BigGAN share: residual networks with self-attention, spectral norm and a projection D.

Residual blocks and the projection: Miyato and Koyama, "cGANs with Projection Discriminator", 2018,
https://arxiv.org/abs/1802.05637; spectral norm: Miyato et al., "Spectral Normalization for Generative
Adversarial Networks", 2018, https://arxiv.org/abs/1802.05957; attention: Zhang et al., "Self-Attention
Generative Adversarial Networks", 2018, https://arxiv.org/abs/1805.08318. Where a 1 x 1 convolution and a
resampling stand side by side they are swapped, which changes no value and saves most of the work.

On points every convolution is a dense layer, nothing is resampled, and attention looks at the hidden
vector as 8 tokens of width / 8 channels.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import log2
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench import spectral
from ganbench.twoplayers import Discriminator, TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import halvings

FEWER_KEYS, FEWER_VALUES = 8, 2  # channels of attention's keys and values: the features' by these
TOKENS = 8  # of a hidden layer on points
Norm = Callable[[int], nn.Module]  # channels -> a module that is called with features and a condition


class Projecting(TwoPlayers):
    """A variant whose D is a `ProjectionDiscriminator`."""

    def conditions(self, like: Batch) -> tuple[Any, ...]:
        return (like.y,)


class ResidualGenerator(nn.Module):
    """z (n, z_dim) and one condition for each block -> samples; images in [-1, 1].

    Each block doubles the side, from 4 pixels on; attention works on maps of side `attend`.
    """

    def __init__(self, spec: DataSpec, z_dim: int, width: int, attend: int, norm: Norm):
        super().__init__()
        channels = [*widths(spec, width)[:0:-1], width] if spec.is_image else [width] * 3
        self.attend = int(log2(attend // 4)) if spec.is_image else 1
        shape = (channels[0], 4, 4) if spec.is_image else (channels[0],)
        self.start = nn.Sequential(nn.Linear(z_dim, torch.Size(shape).numel()), nn.Unflatten(1, shape))
        self.blocks = nn.ModuleList(Up(spec, n, m, norm) for n, m in pairwise(channels))
        self.attention = Attention(spec, channels[self.attend])
        self.norm = batch_norm(spec, width)
        self.end = layer(spec, width, spec.shape[0])
        self.squash = nn.Tanh() if spec.is_image else nn.Identity()

    def forward(self, z: Tensor, conditions: Sequence[Tensor | None]) -> Tensor:
        x: Tensor = self.start(z)
        for i, (block, condition) in enumerate(zip(self.blocks, conditions, strict=True)):
            x = block(self.attention(x) if i == self.attend else x, condition)
        fake: Tensor = self.squash(self.end(F.relu(self.norm(x))))
        return fake


class ProjectionDiscriminator(Discriminator):
    """Samples and labels -> scores (n,): w . h + e_y . h, with h the features summed over all pixels.

    Without classes only the first term is left (Miyato and Koyama 2018, eq. 8).
    """

    def __init__(self, spec: DataSpec, width: int, attend: int):
        channels = [spec.shape[0], *widths(spec, width)]
        super().__init__(channels[-1], nn.Linear(channels[-1], 1))
        halved = len(channels) - 2 if spec.is_image else 0  # the last block keeps the side
        self.attend = int(log2(spec.side // attend)) if spec.is_image else 1
        self.blocks = nn.ModuleList(
            Down(spec, n, m, first=i == 0, halve=i < halved) for i, (n, m) in enumerate(pairwise(channels))
        )
        self.attention = Attention(spec, channels[self.attend])
        self.embedding = nn.Embedding(spec.classes, channels[-1]) if spec.classes else None

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        for i, block in enumerate(self.blocks):
            x = block(self.attention(x) if i == self.attend else x)
        return F.relu(x).flatten(2).sum(2) if x.dim() == 4 else F.relu(x)

    def scores(self, h: Tensor, *conditions: Any) -> Tensor:
        scores, y = super().scores(h), conditions[0] if conditions else None
        return scores if self.embedding is None or y is None else scores + (self.embedding(y) * h).sum(1)


class Up(nn.Module):
    """G's block: (norm, ReLU, twice the side, 3 x 3), (norm, ReLU, 3 x 3), plus 1 x 1 of its input."""

    def __init__(self, spec: DataSpec, n_in: int, n_out: int, norm: Norm):
        super().__init__()
        self.norm1, self.layer1 = norm(n_in), layer(spec, n_in, n_out)
        self.norm2, self.layer2 = norm(n_out), layer(spec, n_out, n_out)
        self.skip = layer(spec, n_in, n_out, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        h = self.layer1(double(F.relu(self.norm1(x, condition))))
        h = self.layer2(F.relu(self.norm2(h, condition)))
        y: Tensor = h + double(self.skip(x))
        return y


class Down(nn.Module):
    """D's block: (ReLU, 3 x 3), (ReLU, 3 x 3), half the side, plus 1 x 1 of its input. No ReLU before the first."""

    def __init__(self, spec: DataSpec, n_in: int, n_out: int, first: bool, halve: bool):
        super().__init__()
        self.first, self.halve = first, halve
        self.layer1, self.layer2 = layer(spec, n_in, n_out), layer(spec, n_out, n_out)
        self.skip = layer(spec, n_in, n_out, 1) if halve or n_in != n_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer2(F.relu(self.layer1(x if self.first else F.relu(x))))
        if self.halve:
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        y: Tensor = h + self.skip(x)
        return y


class Attention(nn.Module):
    """x + gamma * o, where o gathers from all places what each place attends to; gamma starts at 0.

    Zhang et al. 2018, section 3, with keys and values max-pooled 2 x 2 as in the authors' code.
    """

    def __init__(self, spec: DataSpec, channels: int):
        super().__init__()
        if not spec.is_image:
            if channels % TOKENS:
                raise ValueError(
                    f"Found a width of {channels}, but on points attention splits a hidden layer "
                    f"into {TOKENS} tokens: the width must be a multiple of {TOKENS}."
                )
            channels //= TOKENS
        few, half = max(channels // FEWER_KEYS, 1), max(channels // FEWER_VALUES, 1)
        self.theta, self.phi = (nn.Linear(channels, few, bias=False) for _ in range(2))
        self.g, self.o = nn.Linear(channels, half, bias=False), nn.Linear(half, channels, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        maps = x if x.dim() == 4 else x.reshape(len(x), -1, 1, TOKENS)
        places = maps.flatten(2).mT  # (n, h * w, c): a dense layer on these is a 1 x 1 convolution
        keys, values = (pooled(layer(places), *maps.shape[2:]) for layer in (self.phi, self.g))
        weights = torch.bmm(keys, self.theta(places).mT).softmax(1)  # (n, pooled places, h * w)
        y: Tensor = x + self.gamma * self.o(torch.bmm(weights.mT, values)).mT.reshape(x.shape)
        return y


class ClassNorm(nn.Module):
    """Batch norm with a gain and a bias for each class (Dumoulin et al. 2017, https://arxiv.org/abs/1610.07629)."""

    def __init__(self, spec: DataSpec, channels: int):
        super().__init__()
        self.norm = batch_norm(spec, channels, affine=not spec.classes)  # without classes, plain batch norm
        self.classes = nn.Embedding(spec.classes, 2 * channels) if spec.classes else None  # gain - 1 and bias of each
        if self.classes is not None:
            nn.init.zeros_(self.classes.weight)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        x = self.norm(x)
        return x if self.classes is None else modulate(x, *self.classes(y).chunk(2, 1))


def widths(spec: DataSpec, width: int) -> list[int]:
    """Channels after each block of D; read backwards, those into each block of G on images."""
    if not spec.is_image:
        return [width] * 2
    n = halvings(spec)
    return [*(width * 2**i for i in range(n)), width * 2 ** (n - 1)]


def layer(spec: DataSpec, n_in: int, n_out: int, kernel: int = 3) -> nn.Module:
    """A convolution that keeps the side; on points, a dense layer."""
    return nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2) if spec.is_image else nn.Linear(n_in, n_out)


def batch_norm(spec: DataSpec, channels: int, affine: bool = True) -> nn.Module:
    """Batch norm for images or for points."""
    return (nn.BatchNorm2d if spec.is_image else nn.BatchNorm1d)(channels, affine=affine)


def modulate(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """x * (1 + gain) + bias, with a gain and a bias (n, c) for each channel of each sample."""
    shape = (*gain.shape, *[1] * (x.dim() - 2))
    return torch.addcmul(bias.reshape(shape), x, 1 + gain.reshape(shape))


def double(x: Tensor) -> Tensor:
    """Maps of twice the side; vectors as they are."""
    return F.interpolate(x, scale_factor=2) if x.dim() == 4 else x


def pooled(places: Tensor, h: int, w: int) -> Tensor:
    """The largest of each 2 x 2 places, or of each 2 in a single row: (n, h * w, c) -> (n, fewer, c)."""
    maps = places.mT.unflatten(2, (h, w))  # type: ignore[no-untyped-call]
    return F.max_pool2d(maps, (min(h, 2), 2)).flatten(2).mT


def normalise_spectrally(
    network: nn.Module,
    init: Callable[[Tensor], object],
    kinds: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv2d, nn.Embedding),
) -> None:
    """Draw weights by `init`, and let every use divide them by their largest singular value.

    Biases start at 0.
    """
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    spectral.normalise(network, (initialised(layer, init) for layer in layers))


def initialised(layer: nn.Module, init: Callable[[Tensor], object]) -> nn.Module:
    """The layer, with a weight drawn by `init` and without a bias."""
    init(layer.weight)  # type: ignore[arg-type]
    if getattr(layer, "bias", None) is not None:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer
