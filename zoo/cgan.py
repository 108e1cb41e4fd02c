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

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Count, Decay, Positive
from ganbench.remedies import Remedy
from ganbench.twoplayers import Discriminator, TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import DNorm, adam, count_classes, dcgan_features, dcgan_generator, dense, init_normal, leaky


class CGAN(TwoPlayers):
    """G draws for a label, D judges pairs of sample and label."""

    conditional = True

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        penalty: Penalty = none,  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_dim: Count = 100,  # latents, uniform on (-1, 1)
        width: Count = 64,  # channels next to the image, doubled at each halving; units of a hidden layer on points
        kernel: Count = 5,  # side of the convolutions
        d_norm: DNorm = "batch",  # between D's convolutions; a penalty on slopes wants "layer" or "none"
        lr: Positive = 2e-4,
        betas: tuple[Decay, Decay] = (0.5, 0.999),  # of Adam
        batch: Count = 128,
    ):
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch = z_dim, batch
        classes = count_classes(spec, "CGAN")
        if spec.is_image:
            self.G = Conditional(dcgan_generator(spec, z_dim, width, kernel, classes), classes)
            self.set_discriminator(LabelledLayers(*dcgan_features(spec, width, kernel, d_norm, classes), classes), spec)
            init_normal(self.modules())
        else:
            hidden = [width] * 3
            layers = dense([z_dim, *hidden], nn.ReLU, labels=classes)
            self.G = Conditional(nn.Sequential(*layers, nn.Linear(width + classes, spec.shape[0])), classes)
            body = nn.Sequential(*dense([*spec.shape, *hidden], leaky, labels=classes))
            self.set_discriminator(LabelledLayers(body, width, classes), spec)
        self.set_players(adam(self.D, lr, betas), adam(self.G, lr, betas))

    def conditions(self, like: Batch) -> tuple[Any, ...]:
        return (like.y,)

    def latents(self, like: Batch) -> Tensor:
        return torch.rand(len(like.x), self.z_dim, device=like.x.device) * 2 - 1

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = self.G(z, like.y)
        return fake


class Conditional(nn.Module):
    """Layers of which each that has weights also sees the one-hot label, as `classes` more channels."""

    def __init__(self, layers: nn.Sequential, classes: int):
        super().__init__()
        self.layers, self.classes = layers, classes

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        label = F.one_hot(y, self.classes).to(x.dtype)
        for layer in self.layers:
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                x = torch.cat([x, spread_label(label, x)], 1)
            x = cast(Tensor, layer(x))
        return x


class LabelledLayers(Discriminator):
    """A chain of layers and a dense one at its end, all of which see the label."""

    def __init__(self, body: nn.Sequential, n_features: int, classes: int):
        super().__init__(n_features, Conditional(nn.Sequential(nn.Linear(n_features + classes, 1)), classes))
        self.body = Conditional(body, classes)

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        h: Tensor = self.body(x, *conditions)
        return h.flatten(1)

    def scores(self, h: Tensor, *conditions: Any) -> Tensor:
        scores: Tensor = self.head(h, *conditions)
        return scores.flatten()


def spread_label(label: Tensor, x: Tensor) -> Tensor:
    """(n, classes) -> (n, classes, h, w) for images x (n, c, h, w); as it is for vectors."""
    return label.reshape(*label.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
