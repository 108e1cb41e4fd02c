"""RBM: hidden and visible units that know no neighbours of their own kind, trained by contrastive divergence.

Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural Computation 14, 2002.

Images have binary units: a pixel's brightness is the chance that its unit is on, as in section 6. Points have Gaussian
units of one fixed standard deviation `sigma`: Welling, Rosen-Zvi and Hinton, "Exponential Family Harmoniums with an
Application to Information Retrieval", 2004. The loss is the difference of free energies between data and what `gibbs`
steps of Gibbs sampling made of them; its gradient is that of contrastive divergence. Samples are the ends of chains of
`chain` steps from noise. A pixel's bias begins at the log odds of its being on: Hinton, "A Practical Guide to Training
Restricted Boltzmann Machines", 2010, section 8.1. With biases of 0 digits ended worse than noise.

Deviations: Adam in the place of plain descent with momentum. The last step of a chain gives the chances of pixels, not
on and off, as the paper's figures do.

What it cannot do: Gibbs chains seldom cross from one mode to another where little lies between them, so the shares of
modes are those of where chains begin.
"""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from ganbench.plugins.spec import Count, Decay, Positive, Share
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import adam
from ganbench.zoo.references.one_player import OnePlayer


class RBM(OnePlayer):
    """A restricted Boltzmann machine."""

    centre: Tensor  # of points, and what one unit of them is
    unit: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Count = 500,  # hidden units
        gibbs: Count = 1,  # steps of Gibbs sampling in training
        chain: Count = 200,  # steps of Gibbs sampling for a sample
        sigma: Positive = 0.2,  # of a point's units, in standard deviations of the data
        lr: Positive = 1e-3,
        betas: tuple[Decay, Decay] = (0.9, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rate falls in a straight line to 0
        batch: Count = 100,
    ):
        super().__init__()
        self.spec, self.batch, self.decay_from = spec, batch, decay_from
        self.gibbs, self.chain, self.sigma, self.passes = gibbs, chain, sigma, chain
        numbers = prod(spec.shape)
        self.weight = nn.Parameter(0.01 * torch.randn(width, numbers))
        self.visible_bias, self.hidden_bias = nn.Parameter(torch.zeros(numbers)), nn.Parameter(torch.zeros(width))
        self.register_buffer("centre", torch.zeros(numbers))
        self.register_buffer("unit", torch.ones(()))
        self.set_player(self.loss, adam(self, lr, betas))

    def prepare(self, train: Batch) -> None:
        """Points are taken in standard deviations from their mean; a pixel's bias begins at its own log odds."""
        if self.spec.is_image:
            on = ((train.x.flatten(1).mean(0) + 1) / 2).clamp(0.01, 0.99)  # of pixels that never vary too
            self.visible_bias.data.copy_(on.logit())
        else:
            self.centre, self.unit = train.x.mean(0), train.x.std() * self.sigma

    def loss(self, batch: Batch) -> Tensor:
        data = self._seen(batch.x)
        with torch.no_grad():
            made = self.steps(data, self.gibbs)
        return (self.free_energy(data) - self.free_energy(made)).mean()

    def free_energy(self, v: Tensor) -> Tensor:
        """(n,) of visible units (n, d): -log of the sum over all hidden ones, but for a constant."""
        own = -(v @ self.visible_bias) if self.spec.is_image else (v - self.visible_bias).square().sum(1) / 2
        return own - softplus(linear(v, self.weight, self.hidden_bias)).sum(1)

    def steps(self, v: Tensor, n: int) -> Tensor:
        """Visible units (n, d) after n steps of Gibbs sampling."""
        for _ in range(n):
            v = self.draw(self.mean_given(self.hidden(v)))
        return v

    def hidden(self, v: Tensor) -> Tensor:
        """Draw hidden units given visible ones."""
        return torch.bernoulli(linear(v, self.weight, self.hidden_bias).sigmoid())

    def mean_given(self, h: Tensor) -> Tensor:
        """Visible units' means given hidden ones."""
        field = h @ self.weight + self.visible_bias
        return field.sigmoid() if self.spec.is_image else field

    def draw(self, mean: Tensor) -> Tensor:
        """Draw visible units of that mean."""
        return torch.bernoulli(mean) if self.spec.is_image else mean + torch.randn_like(mean)

    def sample(self, like: Batch) -> Tensor:
        n, numbers = len(like.x), self.visible_bias.numel()
        if self.spec.is_image:
            v = self.steps(torch.bernoulli(torch.full((n, numbers), 0.5, device=like.x.device)), self.chain - 1)
            return (2 * self.mean_given(self.hidden(v)) - 1).view(-1, *self.spec.shape)
        v = self.steps(torch.randn(n, numbers, device=like.x.device) / self.sigma, self.chain)
        return v * self.unit + self.centre

    def _seen(self, x: Tensor) -> Tensor:
        """Samples as visible units: pixels on or off by chance, points in units of sigma."""
        flat = x.flatten(1)
        return torch.bernoulli(((flat + 1) / 2).clamp(0, 1)) if self.spec.is_image else (flat - self.centre) / self.unit
