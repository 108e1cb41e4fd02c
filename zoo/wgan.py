"""WGAN: the discriminator becomes a critic that estimates a distance.

Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017, https://arxiv.org/abs/1701.07875.
Algorithm 1 with its constants: RMSProp 5e-5, every critic weight clipped to [-0.01, 0.01], five critic
steps for one of the generator, batch 64, on DCGAN's networks with the 4 x 4 convolutions of the authors'
code. `warmup` gives the critic the 100 steps that their code takes in each of the first 25 rounds and in
every 500th. Clipping follows the step, as in the paper; the authors' code clips before it.
"""

import torch
from torch import Tensor
from torch.optim import RMSprop

from ganbench.losses import Formulation, wasserstein
from ganbench.variant import Batch, DataSpec, Player
from zoo.parts import TwoPlayers, dcgan_discriminator, dcgan_generator, init_normal


class WGAN(TwoPlayers):
    """A critic with clipped weights, trained ahead of the generator."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = wasserstein,  # what D and G minimise
        z_dim: int = 100,  # standard normal latents
        width: int = 64,  # channels next to the image, doubled at each halving; units of a hidden layer on points
        lr: float = 5e-5,
        clip: float = 0.01,  # every critic weight is held in [-clip, clip]
        n_critic: int = 5,  # critic steps for each generator step
        warmup: bool = False,  # 100 critic steps in each of the first 25 rounds and every 500th
        batch: int = 64,
    ):
        super().__init__()
        self.loss, self.z_dim, self.clip, self.batch = loss, z_dim, clip, batch
        self.n_critic, self.warmup = n_critic, warmup
        self.G = dcgan_generator(spec, z_dim, width, kernel=4)
        self.D = dcgan_discriminator(spec, width, kernel=4)
        init_normal(self.modules())
        self.players = [
            Player("D", self.D, self.d_loss, RMSprop(self.D.parameters(), lr), n_critic, self.clip_critic),
            Player("G", self.G, self.g_loss, RMSprop(self.G.parameters(), lr)),
        ]

    def advance(self, progress: float, rounds: int) -> None:
        ahead = self.warmup and (rounds < 25 or rounds % 500 == 0)
        self.players[0].repeats = 100 if ahead else self.n_critic

    @torch.no_grad()
    def clip_critic(self) -> None:
        # Bounds the critic's slope, which the loss assumes. Crude: a gradient penalty does it better.
        for weight in self.D.parameters():
            weight.clamp_(-self.clip, self.clip)

    def sample(self, like: Batch) -> Tensor:
        z = torch.randn(len(like.x), self.z_dim, device=like.x.device)
        fake: Tensor = self.G(z)
        return fake
