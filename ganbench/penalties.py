"""Penalties on the slope of D's scores, as functions: scores in, scalar out, to be weighed and added to D's loss.

They are differentiable themselves, so that D can descend them. `score` gives D's scores (n,) of a batch.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.linalg import vector_norm

Score = Callable[[Tensor], Tensor]


def slopes(score: Score, x: Tensor) -> Tensor:
    """Gradient of each sample's score by that sample, (n, k) for samples of k numbers.

    Where D lets the samples of a batch look at each other, the other samples' scores count too.
    """
    x = x.detach().requires_grad_()
    # A view, because the counter of FLOPs cannot follow `grad` to a leaf that is a module's own input.
    (gradient,) = torch.autograd.grad(score(x.view_as(x)).sum(), x, create_graph=True)
    return gradient.flatten(1)


def gradient_penalty(score: Score, real: Tensor, fake: Tensor, target: float = 1.0) -> Tensor:
    """E (|grad D(x)|_2 - target)^2, x at a random place between each real and its fake sample.

    Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, algorithm 1, with weight 10 and a
    target of 1, https://arxiv.org/abs/1704.00028.
    """
    share = torch.rand(len(real), *[1] * (real.dim() - 1), dtype=real.dtype, device=real.device)
    between = torch.lerp(real.detach(), fake.detach(), share)
    norms: Tensor = vector_norm(slopes(score, between), dim=1)
    return (norms - target).square().mean()


def r1(score: Score, real: Tensor) -> Tensor:
    """E |grad D(x)|_2^2 over real samples x; its weight is gamma / 2.

    Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", 2018,
    equation 9, https://arxiv.org/abs/1801.04406.
    """
    return slopes(score, real).square().sum(1).mean()
