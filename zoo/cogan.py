"""CoGAN: two GANs that share what means the same, and so learn pairs of two domains without having seen one.

Liu and Tuzel, "Coupled Generative Adversarial Networks", 2016, https://arxiv.org/abs/1606.07536. One z
makes both halves of a pair: all layers of G are shared but the last, of which each domain has its own.
D's first layer is each domain's own, and all after it are shared. Real and generated samples of both
domains go through D as one batch; there is no term for the pairing. Constants of the authors' PyTorch
code: latents from N(0, 1), batch norm without gains and biases in G and none in D, Xavier weights with
gain sqrt(2) and biases of 0.1, Adam 2e-4 with betas 0.5 and 0.999 and weight decay 5e-4, batch 64 of each
domain.

Deviations: the networks are DCGAN's (ReLU for PReLU in G; D with LeakyReLU 0.2 and strides for max
pooling), so that they fit images of any side; tanh for the sigmoid, as
images here lie in [-1, 1]; one score with the non-saturating loss, which is what the authors' softmax of
two comes to. Remedies that compare samples do so within a domain, but for the pulling-away term of `ebgan`.
On points dense layers take the convolutions' place, without batch norm, whose noise would widen the modes.
"""

from copy import deepcopy
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Decay, Depth, NotNegative, Rate, Share, Side, Size
from ganbench.remedies import Remedy
from ganbench.twoplayers import Discriminator
from ganbench.variant import Batch, DataSpec, Pair
from ganbench.zoo.parts import TwoDomains, adam, dcgan_features, dcgan_generator, dense

GAIN, BIAS = sqrt(2), 0.1  # of initial weights


class CoGAN(TwoDomains):
    """Two coupled GANs: one z, shared layers, a pair of samples."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        penalty: Penalty = none,  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_dim: Size = 100,  # standard normal latents
        width: Size = 64,  # channels next to the image, doubled at each halving; units of a hidden layer on points
        kernel: Side = 5,  # side of the convolutions
        lr: Rate = 2e-4,
        betas: tuple[Decay, Decay] = (0.5, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        weight_decay: NotNegative = 5e-4,  # of both networks
        batch: Size = 64,  # of each domain
        d_steps: Depth = 1,  # D updates in a round
        g_steps: Depth = 1,  # G updates in a round
    ):
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch, self.decay_from = z_dim, batch, decay_from
        if spec.is_image:
            self.G = CoupledGenerator(dcgan_generator(spec, z_dim, width, kernel, affine=False), 2)
        else:
            hidden = dense([z_dim, width, width, width], nn.ReLU)
            self.G = CoupledGenerator(nn.Sequential(*hidden, nn.Linear(width, spec.shape[0])), 1)
        self.D = CoupledDiscriminator(*dcgan_features(self.packed_spec(spec), width, kernel, "none"))
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                init_xavier(module)
        self.set_discriminator(self.D, spec)
        self.set_players(adam(self.D, lr, betas, weight_decay), adam(self.G, lr, betas, weight_decay), d_steps, g_steps)

    def features(self, x: Tensor, like: Batch) -> Tensor:
        """D's features of both domains side by side, (n, 2 n_features): their means are matched one by one."""
        return torch.cat(super().features(x, like).chunk(2), 1)

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = self.G(z)[0]
        return fake

    def pair(self, like: Batch) -> Pair:
        return Pair(*self.G(self.latents(like)))


class CoupledGenerator(nn.Module):
    """z -> a sample of each domain, by layers of which all but the last `n_own` are shared."""

    def __init__(self, layers: nn.Sequential, n_own: int):
        super().__init__()
        self.shared = layers[:-n_own]
        self.own = nn.ModuleList([layers[-n_own:], deepcopy(layers[-n_own:])])

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        h = self.shared(z)
        return tuple(head(h) for head in self.own)


class CoupledDiscriminator(Discriminator):
    """Samples, half of them of each domain -> one score each, by layers of which all but the first are shared.

    With the condition 0, all are samples of the first domain.
    """

    def __init__(self, body: nn.Sequential, n_features: int):
        super().__init__(n_features, nn.Linear(n_features, 1))
        self.own = nn.ModuleList([body[0], deepcopy(body[0])])
        self.shared = body[1:]

    def features(self, x: Tensor, *conditions: Any) -> Tensor:
        parts = [x] if conditions else x.chunk(2)
        h: Tensor = self.shared(torch.cat([layer(part) for layer, part in zip(self.own, parts, strict=False)]))
        return h.flatten(1)

    def extend(self, module: nn.Module, n: int) -> None:
        super().extend(EachDomain(module), n)


class EachDomain(nn.Module):
    """A module that compares the samples of a batch: here of each domain with their like."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, h: Tensor) -> Tensor:
        return torch.cat([self.module(part) for part in h.chunk(2)])


def init_xavier(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Xavier-uniform weights and constant biases, as the authors' code has it."""
    nn.init.xavier_uniform_(layer.weight, GAIN)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, BIAS)
