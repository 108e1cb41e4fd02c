"""PacGAN's networks for points, which no variant of the zoo has.

Lin, Khetan, Fanti and Oh, "PacGAN: The power of two samples in generative adversarial networks", 2018,
https://arxiv.org/abs/1712.04086, section 4.1, and the authors' code: G has four hidden layers of 400 with batch norm
and ReLU; D three of 200 linear maxout units with 5 pieces each, and sees m samples side by side; N(0, 0.02) weights;
standard normal latents in the plane; Adam 1e-4 with beta1 0.8; batch 100; non-saturating.

Deviations: D and G move in turn, each on a batch of its own, where the authors update both at once from one.
"""

import torch
from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Count, Decay, Positive
from ganbench.remedies import Remedy
from ganbench.twoplayers import TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import Layers, adam, init_normal


class PacGAN(TwoPlayers):
    """Points from the plane to the plane; with the remedy `packing` PacGAN2 and so on, without it the paper's GAN."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        penalty: Penalty = none,  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        width: Count = 400,  # units of G's hidden layers; D has half as many
        lr: Positive = 1e-4,
        betas: tuple[Decay, Decay] = (0.8, 0.999),  # of Adam
        batch: Count = 100,
    ):
        if spec.is_image:
            raise ValueError("Found images, but these networks are for points. Use a mixture, or a variant of the zoo.")
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch = spec.shape[0], batch
        self.G = nn.Sequential(
            *hidden(self.z_dim, width), *hidden(width, width), *hidden(width, width), *hidden(width, width),
            nn.Linear(width, spec.shape[0]),
        )  # fmt: skip
        numbers, units = self.packed_spec(spec).shape[0], width // 2
        body = nn.Sequential(Maxout(numbers, units), Maxout(units, units), Maxout(units, units))
        self.set_discriminator(Layers(body, units), spec)
        init_normal(self.modules())
        self.set_players(adam(self.D, lr, betas), adam(self.G, lr, betas))

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = self.G(z)
        return fake


def hidden(n_in: int, n_out: int) -> list[nn.Module]:
    """A hidden layer of G: linear, batch norm, ReLU."""
    return [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out, momentum=0.05), nn.ReLU()]


class Maxout(nn.Module):
    """Goodfellow et al., "Maxout Networks", 2013: each unit is the largest of several linear ones."""

    def __init__(self, n_in: int, n_out: int, pieces: int = 5):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out * pieces)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return torch.amax(self.linear(x).unflatten(1, (-1, self.pieces)), 2)
