"""Networks that grow while they train, from 4 x 4 pixels to the image: what ProGAN brought and StyleGAN kept.

Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation", 2018,
https://arxiv.org/abs/1710.10196, with the constants of the authors' code. A level doubles the side;
on points, where there is no side, it deepens the networks by a block. `level` counts the levels in use
beyond 4 x 4; each has two stages, in which it fades in and in which it stands. All levels are built at the
start, so that growth changes no list of weights.
"""

from itertools import pairwise
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.losses import Formulation
from ganbench.penalties import Penalty
from ganbench.remedies import GroupDeviation, Remedy, check_groups
from ganbench.twoplayers import Discriminator, TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import Average, halvings, leaky

EPSILON = 1e-8
GAIN = sqrt(2)  # of equalised weights: that of He et al. for ReLU
POINT_LEVELS = 2  # blocks that join the first one where samples are points


class EqualLinear(nn.Module):
    """A dense layer with an equalised learning rate (section 4.1).

    Weights begin as N(0, 1) and are scaled by gain / sqrt(fan in) in every pass, not once, so that Adam
    moves all layers at the same pace. `lr_mul` makes that pace faster or slower.
    """

    def __init__(self, n_in: int, n_out: int, gain: float = GAIN, lr_mul: float = 1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / lr_mul)
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.scale, self.lr_mul = gain / sqrt(n_in) * lr_mul, lr_mul

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.weight.t(), beta=self.lr_mul, alpha=self.scale)


class EqualConv2d(nn.Module):
    """A convolution that keeps the side, with an equalised learning rate (section 4.1)."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, gain: float = GAIN):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.scale = gain / sqrt(c_in * kernel**2)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class PixelNorm(nn.Module):
    """Scale each pixel's features, or each vector, to a mean square of 1 (section 4.2)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


class MinibatchStd(nn.Module):
    """Append one feature map: how much the samples of a group of 4 differ (section 3)."""

    mixes_rows = True

    def __init__(self) -> None:
        super().__init__()
        self.deviation = GroupDeviation()

    def forward(self, x: Tensor) -> Tensor:
        column: Tensor = self.deviation(x).view(-1, *[1] * (x.dim() - 1))
        return torch.cat([x, column.expand(-1, -1, *x.shape[2:])], 1)


class Blur(nn.Module):
    """The binomial filter [1, 2, 1] / 4 along both sides of an image; outside of it are zeros.

    As two products with a banded matrix, because pooling and grouped convolutions crawl on a CPU.
    """

    band: Tensor

    def __init__(self, side: int):
        super().__init__()
        beside = torch.ones(side - 1).diag(1)
        self.register_buffer("band", (2 * torch.eye(side) + beside + beside.t()) / 4, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.band @ (x @ self.band)


class Halve(nn.Module):
    """Half the side: each 2 x 2 pixels become their mean."""

    def forward(self, x: Tensor) -> Tensor:
        rows = x[..., ::2, :] + x[..., 1::2, :]
        return (rows[..., ::2] + rows[..., 1::2]) / 4


def levels(spec: DataSpec) -> int:
    """How many levels there are beyond the first. Raises ValueError if the side is no power of two."""
    return halvings(spec) if spec.is_image else POINT_LEVELS


def level_widths(spec: DataSpec, width: int, taper: int) -> list[int]:
    """Features of each level: `width` up to a side of `taper`, half as many with each doubling from there (table 2)."""
    sides = [4 * 2**i if spec.is_image else 0 for i in range(levels(spec) + 1)]
    return [max(width * taper // max(side, taper), 1) for side in sides]


def equal(spec: DataSpec, n_in: int, n_out: int, kernel: int = 3, gain: float = GAIN) -> nn.Module:
    """A convolution for images, a dense layer for points."""
    return EqualConv2d(n_in, n_out, kernel, gain) if spec.is_image else EqualLinear(n_in, n_out, gain)


def enlarge(spec: DataSpec) -> nn.Module:
    """Twice the side, by repeating pixels."""
    return nn.Upsample(scale_factor=2) if spec.is_image else nn.Identity()


def halve(spec: DataSpec) -> nn.Module:
    """Half the side, by means of four pixels; points stay."""
    return Halve() if spec.is_image else nn.Identity()


def blur(spec: DataSpec, level: int) -> list[nn.Module]:
    """A blur for the images of a level; points have nothing to blur."""
    return [Blur(4 * 2**level)] if spec.is_image else []


class Exits(nn.Module):
    """Features of each level -> samples, linear; the newest level's are faded in (figure 2)."""

    def __init__(self, spec: DataSpec, sizes: list[int]):
        super().__init__()
        self.heads = nn.ModuleList(equal(spec, size, spec.shape[0], kernel=1, gain=1.0) for size in sizes)
        self.enlarge = enlarge(spec)

    def forward(self, older: Tensor, newest: Tensor, level: int, alpha: Tensor | None) -> Tensor:
        """Samples from the features of `level`, mixed with those of the level before unless alpha is None."""
        x: Tensor = self.heads[level](newest)
        if level == 0 or alpha is None:
            return x
        return torch.lerp(self.enlarge(self.heads[level - 1](older)), x, alpha)


class GrowingDiscriminator(Discriminator):
    """Samples of any level -> one score each, (n,): table 2, without any norm.

    A block that is `blurred` halves its maps before their activation, as StyleGAN's code does. Otherwise the activation
    comes first, as in ProGAN's table 2; ProGAN's code has it last too where it fuses convolution and halving.

    `sizes` are the features of each level, `level` and `alpha` the newest and the share of its block; by
    default all levels are in use.
    """

    def __init__(self, spec: DataSpec, sizes: list[int], blurred: bool = False):
        first, image = sizes[0], spec.is_image
        super().__init__(first, EqualLinear(first, 1, gain=1.0))
        self.halve = halve(spec)
        self.entries = nn.ModuleList(
            nn.Sequential(equal(spec, spec.shape[0], size, kernel=1), leaky()) for size in sizes
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                equal(spec, size, size),
                leaky(),
                *(blur(spec, level) if blurred else []),
                equal(spec, size, before),
                *([halve(spec), leaky()] if blurred else [leaky(), halve(spec)]),
            )
            for level, (before, size) in enumerate(pairwise(sizes), 1)
        )
        self.last = nn.Sequential(
            MinibatchStd(),
            equal(spec, first + 1, first),
            leaky(),
            nn.Flatten(),
            EqualLinear(first * (16 if image else 1), first),
            leaky(),
        )

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        newest, alpha = conditions or (len(self.blocks), None)
        h = self.entries[newest](x)
        for level in range(newest, 0, -1):
            h = self.blocks[level - 1](h)
            if level == newest and alpha is not None:
                h = torch.lerp(self.entries[level - 1](self.halve(x)), h, alpha)
        features: Tensor = self.last(h)
        return features


class Growing(TwoPlayers):
    """Growth, its fades and its fresh optimisers; a subclass brings the networks.

    `average` is the generator's moving average, which samples are drawn from.
    """

    autoencodable = False  # what D sees grows
    memory_format = torch.contiguous_format  # blurs work along rows: a step of StyleGAN takes 15 % less time on a CPU

    G: nn.Module  # (z, level, alpha) -> samples of that level
    average: Average
    level: int
    alpha: Tensor  # share of the newest level, on the device
    saved_stage: Tensor  # the level: stored weights know it by this name

    def __init__(
        self,
        spec: DataSpec,
        loss: Formulation,
        penalty: Penalty,
        remedies: tuple[Remedy, ...],
        z_dim: int,
        growing: float,
        first: int = 0,
    ):
        super().__init__(loss, penalty, remedies)
        self.spec, self.z_dim, self.growing = spec, z_dim, growing
        self.levels = levels(spec)
        self.halve, self.enlarge = halve(spec), enlarge(spec)
        self.first = self.level = min(first, self.levels)
        self.stage = stage_of(self.level, 1.0)
        self.register_buffer("alpha", torch.ones(()))
        self.register_buffer("saved_stage", torch.tensor(self.level))
        self.register_load_state_dict_post_hook(_recall_level)  # type: ignore[no-untyped-call]

    def set_players(self, *given: Any, **named: Any) -> None:
        super().set_players(*given, **named)
        check_groups(self)

    def schedule(self, progress: float) -> tuple[int, float]:
        """Level and alpha at that share of the budget: one period to train a level, one to fade in the next."""
        steps = self.levels - self.first
        if not steps or progress >= self.growing:
            return self.levels, 1.0
        period, within = divmod(progress / self.growing * 2 * steps, 1)
        return self.first + (int(period) + 1) // 2, within if period % 2 else 1.0

    def advance(self, progress: float, rounds: int) -> None:
        self.level, alpha = self.schedule(progress)
        self.saved_stage.fill_(self.level)
        if (stage := stage_of(self.level, alpha)) != self.stage:
            self.stage = stage
            for player in self.players:
                player.optimizer.state.clear()  # as the authors': moments of another loss mislead
        self.alpha.fill_(alpha)

    def fake(self, batch: Batch) -> Tensor:
        """(n, ...) samples of the current level, from the weights in training."""
        fake: Tensor = self.G(self.latents(batch), self.level, self.alpha)
        return fake

    def real(self, batch: Batch) -> Tensor:
        """Real samples at the current level, and as blurred as the fakes while it fades in."""
        x = batch.x
        if not self.spec.is_image:
            return x
        for _ in range(self.levels - self.level):
            x = self.halve(x)
        return torch.lerp(self.enlarge(self.halve(x)), x, self.alpha) if self.level > self.first else x

    def conditions(self, like: Batch) -> tuple[Any, ...]:
        return self.level, self.alpha

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        """Samples of the data's own shape at any level: small images are enlarged, and all are held in [-1, 1]."""
        x = self.averaged(z)
        if not self.spec.is_image:
            return x
        return F.interpolate(x, scale_factor=2.0 ** (self.levels - self.level)).clamp(-1, 1)

    def averaged(self, z: Tensor) -> Tensor:
        """(n, ...) samples of the current level from the average."""
        x: Tensor = self.average(z, self.level, self.alpha)
        return x


def stage_of(level: int, alpha: float) -> int:
    """Even where a level stands, odd where it fades in."""
    return 2 * level - (alpha < 1)


def _recall_level(variant: nn.Module, _keys: Any) -> None:
    """Keep the level as a plain number too, so that no loss asks the device for it."""
    assert isinstance(variant, Growing)
    variant.level = int(variant.saved_stage)
    variant.stage = stage_of(variant.level, float(variant.alpha))
