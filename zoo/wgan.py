"""WGAN: the discriminator becomes a critic that estimates a distance.

Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017, https://arxiv.org/abs/1701.07875.
Algorithm 1 with its constants: RMSProp 5e-5, every critic weight clipped to [-0.01, 0.01], five critic
steps for one of the generator, batch 64, on DCGAN's networks with the 4 x 4 convolutions of the authors'
code. `warmup` gives the critic the 100 steps that their code takes in each of the first 25 rounds and in
every 500th.

With `penalty = "gradient"` it is WGAN-GP: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017,
https://arxiv.org/abs/1704.00028. Algorithm 1 with its constants: weight 10, Adam 1e-4 with betas 0 and 0.9,
five critic steps, and a critic without batch norm. Where the critic has no norm its weights are scaled by
fan-in (`init_fan_in` says how the authors' code does that); otherwise they are N(0, 0.02), as in that code
with layer norm.
"""

from torch import Tensor, nn
from torch.optim import Optimizer, RMSprop

from ganbench.losses import Formulation, wasserstein
from ganbench.penalties import Clip, Penalty
from ganbench.plugins.spec import Depth, Share, Size
from ganbench.remedies import Remedy
from ganbench.twoplayers import TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import DNorm, adam, dcgan_discriminator, dcgan_generator, init_dcgan

RATE = 5e-5  # of RMSProp
GP_RATE, GP_BETAS = 1e-4, (0.0, 0.9)  # of Adam, with a penalty on slopes
WARM_STEPS, WARM_ROUNDS, WARM_EVERY = 100, 25, 500  # the critic's many steps, in the first rounds and every 500th


class WGAN(TwoPlayers):
    """A critic held smooth, by clipped weights or by a gradient penalty, and trained ahead of the generator."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = wasserstein,  # what D and G minimise
        penalty: Penalty = Clip(limit=0.01),  # what keeps D smooth; "gradient" makes it WGAN-GP
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_dim: Size = 100,  # standard normal latents
        width: Size = 64,  # channels next to the image, doubled at each halving; units of a hidden layer on points
        d_norm: DNorm | None = None,  # between D's layers; by default "none" with a penalty on slopes, "batch" without
        lr: Share = 0.0,  # 0: 5e-5 of RMSProp, or 1e-4 of Adam with a penalty on slopes
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        n_critic: Depth = 5,  # critic steps for each generator step
        warmup: bool = False,  # 100 critic steps in each of the first 25 rounds and every 500th
        batch: Size = 64,
    ):
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch, self.decay_from = z_dim, batch, decay_from
        self.n_critic, self.warmup = n_critic, warmup
        self.G = dcgan_generator(spec, z_dim, width, kernel=4)
        norm: DNorm = d_norm or ("none" if penalty.per_sample else "batch")
        self.set_discriminator(dcgan_discriminator(self.packed_spec(spec), width, 4, norm), spec)
        init_dcgan(self, norm)

        def optimizer(network: nn.Module) -> Optimizer:
            if penalty.per_sample:
                return adam(network, lr or GP_RATE, GP_BETAS)
            return RMSprop(network.parameters(), lr or RATE)

        self.set_players(optimizer(self.D), optimizer(self.G), d_steps=n_critic)

    def advance(self, progress: float, rounds: int) -> None:
        ahead = self.warmup and (rounds < WARM_ROUNDS or rounds % WARM_EVERY == 0)
        self.stage = int(ahead)
        self.players[0].repeats = WARM_STEPS if ahead else self.n_critic

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = self.G(z)
        return fake
