"""Spectral norm: weights divided by their largest singular values, those of all layers of a network at once.

Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018, https://arxiv.org/abs/1802.05957.
The numbers are those of `torch.nn.utils.parametrizations.spectral_norm`, and so are the names in a state dict. That one
asks a GPU for a dozen small kernels a layer and pass; here the lengths of all layers' vectors are computed together.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

SHORTEST = 1e-12  # a vector is divided by no less


def normalise(network: nn.Module, layers: Iterable[nn.Module]) -> None:
    """Let every use divide the weights of a network's layers by their largest singular values.

    One power iteration a pass through the network, in training only; its vectors are part of the state dict.
    """
    for layer in layers:
        spectral_norm(layer)  # draws the vectors, and brings them near
        parts: Any = layer.parametrizations
        parts["weight"][0] = SpectralNorm(parts["weight"][0])
    together = Together(network)
    network.register_forward_pre_hook(together.before)
    network.register_forward_hook(together.after, always_call=True)


class SpectralNorm(nn.Module):
    """A layer's weight -> the weight that it uses. Within a pass through its network, that is ready."""

    _u: Tensor  # (rows,) of the weight as a matrix with a row for each output, of length 1
    _v: Tensor  # (columns,)

    def __init__(self, of_torch: Any):
        super().__init__()
        self.register_buffer("_u", of_torch._u)
        self.register_buffer("_v", of_torch._v)
        self.dim: int = of_torch.dim  # of the weight's outputs: 1 in a transposed convolution
        self.ready: Tensor | None = None

    def forward(self, weight: Tensor) -> Tensor:
        return divided([weight], [self])[0] if self.ready is None else self.ready

    def matrix(self, weight: Tensor) -> Tensor:
        """A weight with a row for each output."""
        return weight.movedim(self.dim, 0).flatten(1)


class Together:
    """All normalised layers of a network, whose weights are made before it is called and forgotten after."""

    def __init__(self, network: nn.Module):
        self.network = network
        self.layers: list[Any] | None = None

    def before(self, *_: Any) -> None:
        if self.layers is None:  # not sooner: a network may still change while its variant is built
            modules = [m for m in self.network.modules() if is_parametrized(m, "weight")]
            parts = [m.parametrizations["weight"] for m in modules]  # type: ignore[index]
            self.layers = [part for part in parts if isinstance(part[0], SpectralNorm)]
        norms = [part[0] for part in self.layers]
        for norm, weight in zip(norms, divided([part.original for part in self.layers], norms), strict=True):
            norm.ready = weight

    def after(self, *_: Any) -> None:
        for part in self.layers or []:
            part[0].ready = None


def divided(weights: Sequence[Tensor], norms: Sequence[SpectralNorm]) -> list[Tensor]:
    """Each weight divided by its largest singular value, u^T W v; the vectors are constants for a gradient."""
    matrices = [norm.matrix(weight) for weight, norm in zip(weights, norms, strict=True)]
    if norms[0].training:
        us, vs = iterate(matrices, norms)
    else:
        us, vs = [norm._u.clone() for norm in norms], [norm._v.clone() for norm in norms]
    values = [torch.vdot(u, torch.mv(matrix, v)) for u, matrix, v in zip(us, matrices, vs, strict=True)]
    return [weight / value for weight, value in zip(weights, values, strict=True)]


@torch.no_grad()
def iterate(matrices: Sequence[Tensor], norms: Sequence[SpectralNorm]) -> tuple[list[Tensor], list[Tensor]]:
    """One power iteration of all matrices: u = W v, then v = W^T u, both of length 1; the norms keep them."""
    us = unit_products(matrices, [norm._v for norm in norms])
    torch._foreach_copy_([norm._u for norm in norms], us)
    vs = unit_products([matrix.mT for matrix in matrices], us)
    torch._foreach_copy_([norm._v for norm in norms], vs)
    return us, vs


def unit_products(matrices: Sequence[Tensor], vectors: Sequence[Tensor]) -> list[Tensor]:
    """W x / |W x| of each, as parts of one new tensor."""
    sizes = [len(matrix) for matrix in matrices]
    joined = matrices[0].new_empty(sum(sizes))
    products = list(torch.split(joined, sizes))
    for matrix, vector, product in zip(matrices, vectors, products, strict=True):
        torch.mv(matrix, vector, out=product)
    lengths = torch.stack(torch._foreach_norm(products)).clamp_min_(SHORTEST)
    joined.div_(torch.cat([length.expand(n) for length, n in zip(lengths.unbind(), sizes, strict=True)]))
    return products
