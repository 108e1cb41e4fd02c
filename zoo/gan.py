"""GAN: two multilayer perceptrons play the original game.

Goodfellow et al., "Generative Adversarial Nets", 2014, https://arxiv.org/abs/1406.2661.

The networks are those most people meet first, in tutorials on MNIST: 100-256-512-1024-784 with ReLU and
tanh against 784-1024-512-256-1 with LeakyReLU 0.2, both with Adam 2e-4, betas 0.5 and 0.999, batch 64.
The paper's own experiments had maxout and dropout in D and momentum SGD. The loss is the non-saturating
one of its section 3, as in the authors' released code; `loss = "minimax"` gives equation 1.
On points the hidden layers are three of `width` units and the output is linear.
"""

from math import prod

import torch
from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.variant import Batch, DataSpec, Player
from zoo.parts import TwoPlayers, adam, dense, leaky


class GAN(TwoPlayers):
    """The original game on multilayer perceptrons."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        z_dim: int = 100,  # standard normal latents
        width: int = 256,  # units of the narrowest hidden layer
        lr: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),  # of Adam
        batch: int = 64,
        d_steps: int = 1,  # D updates in a round
        g_steps: int = 1,  # G updates in a round
    ):
        super().__init__()
        self.loss, self.z_dim, self.batch = loss, z_dim, batch
        hidden = [width, 2 * width, 4 * width] if spec.is_image else [width] * 3
        n = prod(spec.shape)
        squash = [nn.Tanh()] if spec.is_image else []
        self.G = nn.Sequential(
            *dense([z_dim, *hidden], nn.ReLU), nn.Linear(hidden[-1], n), *squash, nn.Unflatten(1, spec.shape)
        )
        self.D = nn.Sequential(
            nn.Flatten(), *dense([n, *reversed(hidden)], leaky), nn.Linear(hidden[0], 1), nn.Flatten(0)
        )
        self.players = [
            Player("D", self.D, self.d_loss, adam(self.D, lr, betas), repeats=d_steps),
            Player("G", self.G, self.g_loss, adam(self.G, lr, betas), repeats=g_steps),
        ]

    def d_loss(self, batch: Batch) -> dict[str, Tensor]:
        # One pass for real and fake: nothing in this D mixes the rows of a batch.
        real, fake = self.D(torch.cat([batch.x, self.sample(batch)])).chunk(2)
        return self.loss.d_terms(real, fake)

    def sample(self, like: Batch) -> Tensor:
        z = torch.randn(len(like.x), self.z_dim, device=like.x.device)
        fake: Tensor = self.G(z)
        return fake
