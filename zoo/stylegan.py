"""StyleGAN: latents become styles, which steer every layer of a generator that starts from a constant.

Karras, Laine and Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks", 2019,
https://arxiv.org/abs/1812.04948. Configuration F, with the constants of the authors' code: a mapping network
of 8 dense layers that learns at 0.01 of the rate; a learned 4 x 4 constant; after each convolution noise
with learned strengths that begin at 0, LeakyReLU, instance norm and a style; blurred up- and downsampling;
nine in ten images have two styles, the second from a random layer on; non-saturating loss with R1, gamma 10;
Adam 1e-3 with betas 0 and 0.99; samples from a moving average of G. It grows as ProGAN, from 8 x 8 pixels.

Deviations: one learning rate at all levels (the authors' is 1.5e-3 at 128 pixels); the second style begins at
a layer of each image's own, not of the batch's; biases come before the blur; no mirrored images; a budget of
any length is split as ProGAN's. On points dense layers take the convolutions' place, and each vector is
normalised over its features, for it has no pixels; noise is one number for each vector.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import R1, Penalty
from ganbench.plugins.spec import Decay, Depth, NotNegative, Positive, Rate, Share, Side, Size
from ganbench.remedies import Remedy
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.growing import (
    EPSILON,
    EqualLinear,
    Exits,
    Growing,
    GrowingDiscriminator,
    PixelNorm,
    blur,
    enlarge,
    equal,
    level_widths,
)
from ganbench.zoo.parts import SLOPE, Average, adam, leaky

MEAN_DECAY = 0.995  # of the mean style, in a step
TRUNCATED = 8  # layers, from the first, that truncation reaches: up to 32 x 32 pixels


class StyleGAN(Growing):
    """A mapping network, styles, noise and mixing; R1; grows from 8 x 8 pixels."""

    truncations = (1.0, 0.7, 0.5, 0.0)

    G: "StyleGenerator"

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        penalty: Penalty = R1(gamma=10),  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_dim: Size = 512,  # standard normal latents, brought to one length; as many in a style
        width: Size = 512,  # channels up to a side of `taper`; units of a hidden layer on points
        taper: Side = 32,  # side from which each doubling halves the channels
        mapping: Depth = 8,  # layers of the mapping network
        lr_mul: Rate = 0.01,  # share of the learning rate that the mapping network has
        mixing: Share = 0.9,  # share of training images with two styles
        truncation: NotNegative = 1.0,  # psi of the first 8 layers in samples: 0.7 in the paper, 1 for its FID
        growing: Share = 0.8,  # share of the budget until all levels have faded in; 0: no growth
        ema: Positive = 10_000,  # half-life of G's moving average, in images
        lr: Rate = 1e-3,
        betas: tuple[Decay, Decay] = (0.0, 0.99),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 32,
    ):
        super().__init__(spec, loss, penalty, remedies, z_dim, growing, first=1)
        self.mixing, self.truncation, self.ema = mixing, truncation, ema
        self.batch, self.decay_from = batch, decay_from
        sizes = level_widths(spec, width, taper)
        self.G = StyleGenerator(spec, z_dim, sizes, mapping, lr_mul)
        self.set_discriminator(GrowingDiscriminator(self.packed_spec(spec), sizes, blurred=True), spec)
        self.average = Average(self.G)
        self.set_players(adam(self.D, lr, betas), adam(self.G, lr, betas))

    def fake(self, batch: Batch) -> Tensor:
        w, other = self.G.mapping(torch.cat([self.latents(batch), self.latents(batch)])).chunk(2)
        self.G.watch(w)
        fake: Tensor = self.G.synthesis(self.mixed(w, other), self.level, self.alpha)
        return fake

    def mixed(self, w: Tensor, other: Tensor) -> Tensor:
        """Styles of all layers, (n, layers, z_dim): `w`, in most samples with `other` from some layer on."""
        n, used = len(w), 2 * (self.level + 1)
        crossover = torch.randint(1, used, (n, 1), device=w.device)
        crossover = torch.where(torch.rand(n, 1, device=w.device) < self.mixing, crossover, used)
        layer = torch.arange(self.G.layers, device=w.device)
        return torch.where((layer < crossover)[..., None], w[:, None], other[:, None])

    def averaged(self, z: Tensor) -> Tensor:
        x: Tensor = self.average(z, self.level, self.alpha, self.truncation)
        return x

    def after_g(self) -> None:
        self.average.update(self.G, 0.5 ** (self.batch / self.ema))


class StyleGenerator(nn.Module):
    """The mapping and the synthesis network, and the mean style."""

    mean: Tensor

    def __init__(self, spec: DataSpec, z_dim: int, sizes: list[int], mapping: int, lr_mul: float):
        super().__init__()
        hidden = [layer for _ in range(mapping) for layer in (EqualLinear(z_dim, z_dim, lr_mul=lr_mul), leaky())]
        self.mapping = nn.Sequential(PixelNorm(), *hidden)
        self.synthesis = Synthesis(spec, z_dim, sizes)
        self.layers = len(self.synthesis.finish)
        self.register_buffer("mean", torch.zeros(z_dim))

    def forward(
        self, z: Tensor, level: int | None = None, alpha: Tensor | None = None, truncation: float = 1.0
    ) -> Tensor:
        w = self.mapping(z)[:, None].expand(-1, self.layers, -1)
        near = torch.lerp(self.mean.expand_as(w), w, truncation)
        few = torch.arange(self.layers, device=w.device)[:, None] < TRUNCATED
        x: Tensor = self.synthesis(torch.where(few, near, w), level, alpha)
        return x

    @torch.no_grad()
    def watch(self, w: Tensor) -> None:
        """Move the mean style towards these."""
        self.mean.lerp_(w.mean(0).to(self.mean), 1 - MEAN_DECAY)


class Synthesis(nn.Module):
    """Styles (n, layers, z_dim) -> samples of any level; two layers make a level."""

    def __init__(self, spec: DataSpec, z_dim: int, sizes: list[int]):
        super().__init__()
        self.constant = nn.Parameter(torch.ones(1, sizes[0], *[4, 4][: len(spec.shape) - 1]))
        # The constant has the place of the first convolution.
        self.convolve = nn.ModuleList([nn.Identity(), equal(spec, sizes[0], sizes[0])])
        for level, (before, size) in enumerate(pairwise(sizes), 1):
            self.convolve.append(nn.Sequential(enlarge(spec), equal(spec, before, size), *blur(spec, level)))
            self.convolve.append(equal(spec, size, size))
        self.finish = nn.ModuleList(Finish(size, z_dim) for size in sizes for _ in range(2))
        self.exits = Exits(spec, sizes)

    def forward(self, w: Tensor, level: int | None = None, alpha: Tensor | None = None) -> Tensor:
        level = len(self.finish) // 2 - 1 if level is None else level
        older = h = self.constant.expand(len(w), *self.constant.shape[1:])
        for i in range(2 * (level + 1)):
            older = h if i == 2 * level else older
            h = self.finish[i](self.convolve[i](h), w[:, i])
        x: Tensor = self.exits(older, h, level, alpha)
        return x


class Finish(nn.Module):
    """What follows a convolution: noise, LeakyReLU, norm, style (figure 1b)."""

    def __init__(self, size: int, z_dim: int):
        super().__init__()
        self.noise = nn.Parameter(torch.zeros(size))
        self.style = EqualLinear(z_dim, 2 * size, gain=1.0)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        pixels = [1] * (x.dim() - 2)
        noise = torch.randn(len(x), 1, *x.shape[2:], device=x.device)
        x = F.leaky_relu(torch.addcmul(x, noise, self.noise.view(-1, *pixels)), SLOPE)
        scale, shift = self.style(w).unflatten(1, (-1, *pixels)).chunk(2, 1)
        return torch.addcmul(shift, standardised(x), scale + 1)


def standardised(x: Tensor) -> Tensor:
    """Mean 0 and variance 1 over each channel's pixels; on points over each vector's features."""
    return F.group_norm(x, x.shape[1] if x.dim() == 4 else 1, eps=EPSILON)
