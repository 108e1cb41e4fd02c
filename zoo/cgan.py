"""CGAN: both networks are told the class.

Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014, https://arxiv.org/abs/1411.1784.
Equation 2: G draws a sample for a label, and D judges pairs of a sample and a label. Fakes are made for
the labels of the real batch, which are a draw from the label prior.

The paper's networks were maxout perceptrons with dropout. Here they are DCGAN's, conditioned as in the
authors' code of that paper for MNIST (Radford et al. 2016, https://github.com/Newmu/dcgan_code): every
layer of both networks is told the label. The one-hot label joins vectors. From there also Adam 2e-4, beta1
0.5, batch 128, latents uniform on (-1, 1), and rates that fall to 0 in the second half of training.
Deviations from that code: maps get a bias for each class and channel, where the code joins them with a plane
for each class (the same but for a map's border, at a cost that does not grow with the classes: with 1,000 of
128 pixels the planes take 8 GB); no hidden dense layers, tanh instead of sigmoid, no weight decay. On points
they are perceptrons, as in the paper, without batch norm: three hidden layers with ReLU in G and LeakyReLU
0.2 in D.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Decay, Rate, Share, Side, Size
from ganbench.remedies import Remedy
from ganbench.twoplayers import Discriminator, TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import (
    SPREAD,
    DNorm,
    adam,
    count_classes,
    dcgan_features,
    dcgan_generator,
    dense,
    init_dcgan,
    leaky,
)


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
        z_dim: Size = 100,  # latents, uniform on (-1, 1)
        width: Size = 64,  # channels next to the image, doubled at each halving; units of a hidden layer on points
        kernel: Side = 5,  # side of the convolutions
        d_norm: DNorm = "batch",  # between D's convolutions; a penalty on slopes wants "layer" or "none"
        lr: Rate = 2e-4,
        betas: tuple[Decay, Decay] = (0.5, 0.999),  # of Adam
        decay_from: Share = 0.5,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 128,
    ):
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch, self.decay_from = z_dim, batch, decay_from
        classes = count_classes(spec, "CGAN")
        if spec.is_image:
            self.G = Conditional(dcgan_generator(spec, z_dim + classes, width, kernel), classes)
            self.set_discriminator(LabelledLayers(*dcgan_features(spec, width, kernel, d_norm), classes), spec)
            init_dcgan(self, d_norm)
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
    """Layers that are told the label: it joins vectors, one-hot, and gives maps a bias for each class and channel.

    Linear layers have room for `classes` numbers more, and so has what unfolds a vector to a map.
    """

    def __init__(self, layers: nn.Sequential, classes: int):
        super().__init__()
        self.layers, self.classes = layers, classes
        on_maps = {i: m for i, m in enumerate(layers) if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)}
        self.biases = nn.ModuleDict({str(i): nn.Embedding(classes, m.out_channels) for i, m in on_maps.items()})
        for bias in self.biases.values():
            nn.init.normal_(bias.weight, 0.0, SPREAD)  # type: ignore[arg-type]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        label = F.one_hot(y, self.classes).to(x.dtype)
        for i, layer in enumerate(self.layers):
            if isinstance(layer, nn.Linear | nn.Unflatten):
                x = torch.cat([x, label], 1)
            x = cast(Tensor, layer(x))
            if str(i) in self.biases:
                x = x + self.biases[str(i)](y).to(x.dtype)[..., None, None]
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
