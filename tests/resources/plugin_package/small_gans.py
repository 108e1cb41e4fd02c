"""LQG: a linear generator against a quadratic discriminator.

Feizi, Farnia, Ginart and Tse, "Understanding GANs: the LQG Setting", 2017, https://arxiv.org/abs/1710.10793.
The smallest game whose answer is known: on Gaussian data G finds the principal components. Deviations: the
quadratic form of D has a rank of `width`, any formulation may be played, and images go through a tanh.
"""

from math import prod

import torch
from torch import Tensor, nn
from torch.optim import Adam

from ganbench.losses import Formulation, nonsaturating
from ganbench.plugins.spec import Count, Positive
from ganbench.variant import Batch, DataSpec, Loss, Player, Variant


class LQG(Variant):
    """A linear G, a quadratic D."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        z_dim: Count = 8,  # standard normal latents
        width: Count = 16,  # rank of D's quadratic form
        lr: Positive = 1e-3,  # of Adam, for both
        batch: Count = 64,
    ):
        super().__init__()
        self.loss, self.z_dim, self.batch = loss, z_dim, batch
        n = prod(spec.shape)
        squash = [nn.Tanh()] if spec.is_image else []
        self.G = nn.Sequential(nn.Linear(z_dim, n), *squash, nn.Unflatten(1, spec.shape))
        self.D = Quadratic(n, width)
        self.players = [
            Player("D", self.D, self.d_loss, Adam(self.D.parameters(), lr), sees_data=True),
            Player("G", self.G, self.g_loss, Adam(self.G.parameters(), lr), compares=loss.compares, makes_samples=True),
        ]

    def d_loss(self, batch: Batch) -> Loss:
        return self.loss.d_terms(self.D(batch.x), self.D(self.sample(batch)))

    def g_loss(self, batch: Batch) -> Loss:
        real = self.D(batch.x) if self.loss.compares else None
        return self.loss.g(real, self.D(self.sample(batch)))

    def sample(self, like: Batch) -> Tensor:
        fake: Tensor = self.G(torch.randn(len(like.x), self.z_dim, device=like.x.device))
        return fake


class Quadratic(nn.Module):
    """Samples -> one score each, (n,): a quadratic form of some rank, a linear form and a constant."""

    def __init__(self, n: int, rank: int):
        super().__init__()
        self.directions, self.form = nn.Linear(n, rank), nn.Linear(2 * rank, 1)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.directions(x.flatten(1))
        scores: Tensor = self.form(torch.cat([h, h.square()], 1)).flatten()
        return scores
