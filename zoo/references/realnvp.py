"""RealNVP: invertible layers carry data to a normal distribution, and the exact density back.

Dinh, Sohl-Dickstein and Bengio, "Density Estimation Using Real NVP", 2017, https://arxiv.org/abs/1605.08803.

Affine couplings (section 3.2) of alternating masks; on images checkerboards, squeezing and channels, with half of the
numbers factored out at every scale (3.3 to 3.6), and data that are dequantised and brought to logits with alpha 0.05
(4.1). Scales are tanh times a learned number.

Deviations: the couplings' networks are small residual ones without weight norm, and the flow has no batch norm: the
density of a sample would depend on the batch it is in, and a sample on its neighbours. Couplings start as the identity.
Weights do not decay (by 5e-5 there). On points the networks are perceptrons with two hidden layers and there is a
single scale.
"""

import math
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from ganbench.plugins.spec import Count, Decay, Positive, Share
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import adam, dense
from ganbench.zoo.references.one_player import LEVELS, OnePlayer, level_of, of_level

ALPHA = 0.05  # how far images stay from the ends of their range before they become logits
COUPLINGS = 3  # in a row with one kind of mask, as in the paper


class RealNVP(OnePlayer):
    """A flow of affine couplings."""

    likelihood = "exact"

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Count = 32,  # channels, or units on points four times as many
        couplings: Count = 8,  # on points
        lr: Positive = 1e-3,
        betas: tuple[Decay, Decay] = (0.9, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rate falls in a straight line to 0
        batch: Count = 64,
    ):
        super().__init__()
        self.spec, self.z_dim, self.batch, self.decay_from = spec, prod(spec.shape), batch, decay_from
        self.flow: Scale | Chain = (
            Scale(spec.channels, spec.side, width)
            if spec.is_image
            else Chain(
                [Coupling(halves(self.z_dim, i % 2), perceptron(self.z_dim, 4 * width)) for i in range(couplings)]
            )
        )
        self.set_player(lambda batch: -self.log_likelihood(batch.x).mean(), adam(self, lr, betas))

    def log_likelihood(self, x: Tensor) -> Tensor:
        if not self.spec.is_image:
            return self.log_density(x)
        share = ALPHA + (1 - 2 * ALPHA) * (level_of(x) + torch.rand_like(x)) / LEVELS
        volume = math.log((1 - 2 * ALPHA) / LEVELS) - share.log() - (1 - share).log()
        return self.log_density(share.logit()) + volume.flatten(1).sum(1)

    def log_density(self, x: Tensor) -> Tensor:
        """(n,) nats of points, or of images' logits."""
        z, volume = self.flow(x)
        nats: Tensor = -(z.square() + math.log(2 * math.pi)).flatten(1).sum(1) / 2 + volume
        return nats

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        made: Tensor = self.flow.back(z.view(-1, *self.spec.shape))
        if not self.spec.is_image:
            return made
        share = ((made.sigmoid() - ALPHA) / (1 - 2 * ALPHA)).clamp(0, 1)
        return of_level((share * LEVELS).floor().clamp(max=LEVELS - 1))


class Coupling(nn.Module):
    """What the mask holds stays, and says how far the rest is stretched and moved."""

    mask: Tensor  # 1 where it stays

    def __init__(self, mask: Tensor, network: nn.Module):
        super().__init__()
        self.network, self.scale = network, nn.Parameter(torch.ones(()))
        self.register_buffer("mask", mask, persistent=False)

    def stretch_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Log of the stretch, and the shift, (n, *shape) each; 0 where the mask is 1."""
        log_stretch, shift = self.network(x * self.mask).chunk(2, 1)
        return self.scale * log_stretch.tanh() * (1 - self.mask), shift * (1 - self.mask)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, *shape) -> the same, and (n,) the log of how much volume grew."""
        log_stretch, shift = self.stretch_and_shift(x)
        return x * log_stretch.exp() + shift, log_stretch.flatten(1).sum(1)

    def back(self, z: Tensor) -> Tensor:
        """Undo it."""
        log_stretch, shift = self.stretch_and_shift(z)
        return (z - shift) * (-log_stretch).exp()


class Chain(nn.ModuleList):
    """Couplings one after the other."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, *shape) -> the same, and (n,) the log of how much volume grew."""
        volume = x.new_zeros(len(x))
        for layer in self:
            x, grown = layer(x)
            volume = volume + grown
        return x, volume

    def back(self, z: Tensor) -> Tensor:
        """Undo all."""
        for layer in reversed(self):
            assert isinstance(layer, Coupling)
            z = layer.back(z)
        return z


class Scale(nn.Module):
    """Couplings at one resolution, then half of the numbers go on to the next one and half are done: equation 14."""

    def __init__(self, channels: int, side: int, width: int):
        super().__init__()
        last = side <= 4 or side % 2 > 0
        rows = [checkerboard(side, i % 2) for i in range(COUPLINGS + last)]
        self.whole = Chain([Coupling(mask, residual(channels, width)) for mask in rows])
        self.squeezed, self.rest = Chain(), None
        if not last:
            masks = [halves(4 * channels, i % 2).view(-1, 1, 1) for i in range(COUPLINGS)]
            self.squeezed = Chain([Coupling(mask, residual(4 * channels, width)) for mask in masks])
            self.rest = Scale(2 * channels, side // 2, 2 * width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, c, side, side) -> latents of the same shape, and (n,) the log of how much volume grew."""
        x, volume = self.whole(x)
        if self.rest is None:
            return x, volume
        x, grown = self.squeezed(pixel_unshuffle(x, 2))
        done, going = x.chunk(2, 1)
        going, further = self.rest(going)
        return pixel_shuffle(torch.cat([done, going], 1), 2), volume + grown + further

    def back(self, z: Tensor) -> Tensor:
        """Undo it."""
        if self.rest is not None:
            done, going = pixel_unshuffle(z, 2).chunk(2, 1)
            z = pixel_shuffle(self.squeezed.back(torch.cat([done, self.rest.back(going)], 1)), 2)
        return self.whole.back(z)


class Residual(nn.Module):
    """A block of two convolutions beside the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, h: Tensor) -> Tensor:
        out: Tensor = h + self.body(h)
        return out


def residual(channels: int, width: int) -> nn.Sequential:
    """(n, c, h, w) -> (n, 2c, h, w); zero at the start."""
    ends = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, 2 * channels, 3, padding=1)
    return nn.Sequential(ends[0], Residual(width), nn.ReLU(), _silent(ends[1]))


def perceptron(numbers: int, width: int) -> nn.Sequential:
    """(n, d) -> (n, 2d); zero at the start."""
    return nn.Sequential(*dense([numbers, width, width], nn.ReLU), _silent(nn.Linear(width, 2 * numbers)))


def _silent(layer: nn.Conv2d | nn.Linear) -> nn.Module:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def checkerboard(side: int, first: int) -> Tensor:
    """(1, side, side) of 0 and 1."""
    place = torch.arange(side)
    return ((place[:, None] + place + first) % 2).float()[None]


def halves(numbers: int, first: int) -> Tensor:
    """(numbers,): half 1, half 0, or the other way round."""
    return ((torch.arange(numbers) < numbers // 2).long() ^ first).float()
