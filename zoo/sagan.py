"""SAGAN: every place of an image can look at every other.

Zhang, Goodfellow, Metaxas and Odena, "Self-Attention Generative Adversarial Networks", 2018,
https://arxiv.org/abs/1805.08318. Self-attention in G and in D at one resolution in the middle, entering
by a gain that starts at 0; spectral norm on every layer of both; hinge loss; two time scales, Adam 1e-4
for G and 4e-4 for D with betas 0 and 0.9 (the authors' code leaves beta2 at 0.999); one D step, batch
256; residual blocks; Xavier weights. With labels, conditional batch norm in G and a projection D; without,
plain batch norm and no projection.

The paper attends at 32 pixels of 128; here at 32, or at half the side of smaller images. Deviations: G's
class-wise gains and biases have no spectral norm, real and fake go through D in one pass, and fakes have the
labels of the real batch, where the authors' code draws all classes evenly.
"""

from torch import Tensor, nn

from ganbench.losses import Formulation, hinge
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Decay, Depth, Rate, Share, Size
from ganbench.remedies import Remedy
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import adam
from ganbench.zoo.residual import (
    ClassNorm,
    Projecting,
    ProjectionDiscriminator,
    ResidualGenerator,
    normalise_spectrally,
)


class SAGAN(Projecting):
    """Self-attention, spectral norm in both networks, two time scales."""

    G: ResidualGenerator

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = hinge,  # what D and G minimise
        penalty: Penalty = none,  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_dim: Size = 128,  # standard normal latents
        width: Size = 64,  # channels next to the image, doubled at each halving; on points hidden units, 8 or 16 or ..
        lr_g: Rate = 1e-4,
        lr_d: Rate = 4e-4,
        betas: tuple[Decay, Decay] = (0.0, 0.9),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 256,
        d_steps: Depth = 1,  # D updates in a round
    ):
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch, self.decay_from = z_dim, batch, decay_from
        self.conditional = spec.classes > 0
        attend = min(32, spec.side // 2)
        self.G = ResidualGenerator(spec, z_dim, width, attend, lambda channels: ClassNorm(spec, channels))
        self.D = ProjectionDiscriminator(self.packed_spec(spec), width, attend)
        normalise_spectrally(self.G, nn.init.xavier_uniform_, (nn.Linear, nn.Conv2d))
        normalise_spectrally(self.D, nn.init.xavier_uniform_)
        self.set_discriminator(self.D, spec)
        self.set_players(adam(self.D, lr_d, betas), adam(self.G, lr_g, betas), d_steps)

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = self.G(z, [like.y] * len(self.G.blocks))
        return fake
