"""ProGAN: both networks begin with 4 x 4 pixels, and new layers fade in while they train.

Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation", 2018,
https://arxiv.org/abs/1710.10196. Table 2 and appendix A.1, with the constants of the authors' code:
each level is trained for a period and the next fades in for another, in G's outputs, in D's inputs and in
the real images alike; equalised learning rates; pixel norm after every convolution of G; a minibatch
standard deviation in D; WGAN-GP with weight 10 and a drift term of 0.001; Adam 1e-3 with betas 0 and 0.99,
forgotten when a level begins to fade in and when it has; samples from a moving average of G.

Deviations: one learning rate and one batch size at all levels (the authors' rise and fall above 128
pixels); a budget of any length is split in their proportion, 9.6 of 12 million images until the last level
stands. On points dense layers take the convolutions' place, a level adds a block of two, and the real
points need no fade.
"""

from itertools import pairwise
from math import sqrt

from torch import Tensor, nn

from ganbench.losses import Formulation, wasserstein
from ganbench.penalties import Gradient, Penalty
from ganbench.plugins.spec import Decay, NotNegative, Rate, Share, Side, Size
from ganbench.remedies import Remedy
from ganbench.variant import DataSpec
from ganbench.zoo.growing import (
    EqualLinear,
    Exits,
    Growing,
    GrowingDiscriminator,
    PixelNorm,
    enlarge,
    equal,
    level_widths,
)
from ganbench.zoo.parts import Average, adam, leaky

FIRST_GAIN = sqrt(2) / 4  # of G's first layer


class ProGAN(Growing):
    """Grows from 4 x 4 pixels; equalised rates, pixel norm, minibatch standard deviation, WGAN-GP."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = wasserstein,  # what D and G minimise
        penalty: Penalty = Gradient(weight=10),  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_dim: Size = 512,  # standard normal latents, brought to one length
        width: Size = 512,  # channels up to a side of `taper`; units of a hidden layer on points
        taper: Side = 32,  # side from which each doubling halves the channels
        growing: Share = 0.8,  # share of the budget until all levels have faded in; 0: no growth
        drift: NotNegative = 1e-3,  # weight of D's squared scores of real samples
        ema: Decay = 0.999,  # decay of G's moving average in a step
        lr: Rate = 1e-3,
        betas: tuple[Decay, Decay] = (0.0, 0.99),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 16,
    ):
        super().__init__(spec, loss, penalty, remedies, z_dim, growing)
        self.drift, self.ema, self.batch, self.decay_from = drift, ema, batch, decay_from
        sizes = level_widths(spec, width, taper)
        self.G = GrowingGenerator(spec, z_dim, sizes)
        self.set_discriminator(GrowingDiscriminator(self.packed_spec(spec), sizes), spec)
        self.average = Average(self.G)
        self.set_players(adam(self.D, lr, betas), adam(self.G, lr, betas))

    def after_g(self) -> None:
        self.average.update(self.G, self.ema)

    def d_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {"drift": self.drift * real.square().mean()}


class GrowingGenerator(nn.Module):
    """Latents -> samples of any level; by default all levels are in use."""

    def __init__(self, spec: DataSpec, z_dim: int, sizes: list[int]):
        super().__init__()
        first = sizes[0]
        spread = [EqualLinear(z_dim, 16 * first, FIRST_GAIN), nn.Unflatten(1, (first, 4, 4))]
        begin = spread if spec.is_image else [EqualLinear(z_dim, first)]
        self.first = nn.Sequential(
            PixelNorm(), *begin, leaky(), PixelNorm(), equal(spec, first, first), leaky(), PixelNorm()
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                enlarge(spec),
                equal(spec, before, size),
                leaky(),
                PixelNorm(),
                equal(spec, size, size),
                leaky(),
                PixelNorm(),
            )
            for before, size in pairwise(sizes)
        )
        self.exits = Exits(spec, sizes)

    def forward(self, z: Tensor, level: int | None = None, alpha: Tensor | None = None) -> Tensor:
        level = len(self.blocks) if level is None else level
        older = h = self.first(z)
        for block in self.blocks[:level]:
            older, h = h, block(h)
        x: Tensor = self.exits(older, h, level, alpha)
        return x
