"""The density of a mixture of Gaussians, exactly: what samples can be held against."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ganbench.variant import Batch


@dataclass(frozen=True, eq=False)
class Mixture:
    """Round Gaussians of one width: sum over k of weights[k] * N(means[k], sigma^2 I)."""

    means: Tensor  # (k, 2) float64
    sigma: float
    weights: Tensor  # (k,) float64, above 0, sums to 1

    def sample(self, n: int, generator: Generator) -> Batch:
        """Draw `n` points, (n, 2) float32, labelled with the mode they come from."""
        y = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        offset = torch.randn(n, 2, dtype=torch.float64, generator=generator)
        return Batch((self.means[y] + self.sigma * offset).float(), y)

    def is_of(self, features: Tensor) -> bool:
        """Whether features (n, d) can be coordinates in its plane: a judge may give others."""
        return features.shape[1] == self.means.shape[1]

    def log_density(self, x: Tensor) -> Tensor:
        """Return log p(x), exact: (n, 2) points on any device -> (n,) float64, in nats."""
        return self._log_joint(x).logsumexp(1)

    def log_posterior(self, x: Tensor) -> Tensor:
        """Return log p(mode | x): (n, 2) points on any device -> (n, k) float64; exp of a row sums to 1."""
        return self._log_joint(x).log_softmax(1)

    def _log_joint(self, x: Tensor) -> Tensor:
        """Return log p(x, mode), (n, k)."""
        means, log_weights = self.means.to(x.device), self.weights.to(x.device).log()
        # Expanding the square into a matrix product would cancel: a sigma is a hundredth of the coordinates.
        distance = torch.cdist(x.double(), means, compute_mode="donot_use_mm_for_euclid_dist")
        return log_weights - (distance / self.sigma) ** 2 / 2 - math.log(2 * math.pi * self.sigma**2)
