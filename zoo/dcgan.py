"""DCGAN: convolutions, batch norm, and the recipe that made GANs train.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks", 2016, https://arxiv.org/abs/1511.06434. Sections 3 and 4, with the constants of
the authors' code: strided and fractionally-strided 5 x 5 convolutions, no pooling, no hidden dense
layer; batch norm except at G's output and D's input; N(0, 0.02) weights; ReLU and tanh in G, LeakyReLU
0.2 in D; Adam 2e-4, beta1 0.5, batch 128; latents uniform on (-1, 1).

Deviations: no weight decay (the authors' code has 1e-5 for faces), `width` 64 instead of 128 next to
the image, batch norm's running averages when sampling, and its epsilon PyTorch's 1e-5 instead of 1e-8. On
points dense layers take the convolutions' place, and all the rest stays.
"""

import torch
from torch import Tensor

from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Decay, Depth, Rate, Share, Side, Size
from ganbench.remedies import Remedy
from ganbench.twoplayers import TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import DNorm, adam, dcgan_discriminator, dcgan_generator, init_dcgan


class DCGAN(TwoPlayers):
    """The convolutional recipe: batch norm in both networks, Adam with beta1 0.5."""

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
        d_norm: DNorm = "batch",  # between D's layers; a penalty on slopes wants "layer" or "none"
        lr: Rate = 2e-4,
        betas: tuple[Decay, Decay] = (0.5, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 128,
        d_steps: Depth = 1,  # D updates in a round
        g_steps: Depth = 1,  # G updates in a round
    ):
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch, self.decay_from = z_dim, batch, decay_from
        self.G = dcgan_generator(spec, z_dim, width, kernel)
        self.set_discriminator(dcgan_discriminator(self.packed_spec(spec), width, kernel, d_norm), spec)
        init_dcgan(self, d_norm)
        self.set_players(adam(self.D, lr, betas), adam(self.G, lr, betas), d_steps, g_steps)

    def latents(self, like: Batch) -> Tensor:
        return torch.rand(len(like.x), self.z_dim, device=like.x.device) * 2 - 1

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = self.G(z)
        return fake
