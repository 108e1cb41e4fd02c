"""Principal components of a network's answers, fitted to real data: fewer numbers, and each with a unit.

Jolliffe, "Principal Component Analysis", 2002.
"""

from typing import Self

import torch
from torch import Tensor, nn

LEAST = 1e-6  # of the largest variance: a component with less is not blown up


class Projection(nn.Module):
    """(n, width) -> (n, components): centred, and turned to the directions in which real data vary most."""

    mean: Tensor
    matrix: Tensor

    def __init__(self, width: int, components: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("matrix", torch.zeros(width, components))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) @ self.matrix

    def fit(self, x: Tensor, *, whiten: bool = False) -> Self:
        """Take mean and directions of (n, width) answers to real data; `whiten`: all components get a variance of 1."""
        mean = x.double().mean(0)
        variances, directions = torch.linalg.eigh((x.double() - mean).T.cov())
        components = self.matrix.shape[1]
        variances, directions = variances.flip(0)[:components], directions.flip(1)[:, :components]
        # A direction has no sign of its own: its largest entry is positive, whatever the machine.
        directions = directions * directions.gather(0, directions.abs().argmax(0, keepdim=True)).sign()
        if whiten:
            directions = directions * variances.clamp(min=float(variances[0]) * LEAST).rsqrt()
        self.mean.copy_(mean)
        self.matrix[:, : directions.shape[1]] = directions.float()
        return self
