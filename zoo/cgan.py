"""CGAN: both networks are told the class.

Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014, https://arxiv.org/abs/1411.1784.
Equation 2: G draws a sample for a label, and D judges pairs of a sample and a label. Fakes are made for
the labels of the real batch, which are a draw from the label prior.

The paper's networks were maxout perceptrons with dropout. Here they are DCGAN's, conditioned as in the
authors' code of that paper for MNIST (Radford et al. 2016, https://github.com/Newmu/dcgan_code): the
one-hot label joins the input of every layer, at every pixel, in both networks. From there also Adam
2e-4, beta1 0.5, batch 128, latents uniform on (-1, 1). Deviations from that code: no hidden dense layers,
tanh instead of sigmoid, no weight decay and no decay of the rate. On points they are perceptrons, as in
the paper, without batch norm: three hidden layers with ReLU in G and LeakyReLU 0.2 in D.
"""

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.variant import Batch, DataSpec, Player
from zoo.parts import TwoPlayers, adam, dcgan_discriminator, dcgan_generator, dense, init_normal, labelled, leaky


class CGAN(TwoPlayers):
    """G draws for a label, D judges pairs of sample and label."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        z_dim: int = 100,  # latents, uniform on (-1, 1)
        width: int = 64,  # channels next to the image, doubled at each halving; units of a hidden layer on points
        kernel: int = 5,  # side of the convolutions
        lr: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),  # of Adam
        batch: int = 128,
    ):
        super().__init__()
        self.loss, self.z_dim, self.batch = loss, z_dim, batch
        classes = labelled(spec, "CGAN")
        if spec.is_image:
            self.G = Conditional(dcgan_generator(spec, z_dim, width, kernel, classes), classes)
            self.D = Conditional(dcgan_discriminator(spec, width, kernel, classes), classes)
            init_normal(self.modules())
        else:
            self.G = Conditional(perceptron([z_dim, width, width, width, *spec.shape], nn.ReLU, classes), classes)
            scores = perceptron([*spec.shape, width, width, width, 1], leaky, classes)
            self.D = Conditional(scores.append(nn.Flatten(0)), classes)
        self.players = [
            Player("D", self.D, self.d_loss, adam(self.D, lr, betas)),
            Player("G", self.G, self.g_loss, adam(self.G, lr, betas)),
        ]

    def score(self, x: Tensor, like: Batch) -> Tensor:
        scores: Tensor = self.D(x, like.y)
        return scores

    def sample(self, like: Batch) -> Tensor:
        z = torch.rand(len(like.x), self.z_dim, device=like.x.device) * 2 - 1
        fake: Tensor = self.G(z, like.y)
        return fake


def perceptron(sizes: list[int], activation: Callable[[], nn.Module], classes: int) -> nn.Sequential:
    return nn.Sequential(*dense(sizes[:-1], activation, labels=classes), nn.Linear(sizes[-2] + classes, sizes[-1]))


class Conditional(nn.Module):
    """Layers of which each that has weights also sees the one-hot label, as `classes` more channels."""

    def __init__(self, layers: nn.Sequential, classes: int):
        super().__init__()
        self.layers, self.classes = layers, classes

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        label = F.one_hot(y, self.classes).to(x.dtype)
        for layer in self.layers:
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                x = torch.cat([x, spread(label, x)], 1)
            x = cast(Tensor, layer(x))
        return x


def spread(label: Tensor, x: Tensor) -> Tensor:
    """(n, classes) -> (n, classes, h, w) for images x (n, c, h, w); as it is for vectors."""
    return label.reshape(*label.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
