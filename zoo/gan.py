"""GAN: two multilayer perceptrons play the original game.

Goodfellow et al., "Generative Adversarial Nets", 2014, https://arxiv.org/abs/1406.2661.

G is 100-256-512-1024-784 with ReLU and tanh, D 784-1024-512-256-1 with LeakyReLU 0.2: the networks of most tutorials
on MNIST. Both have Adam 2e-4 with betas 0.5 and 0.999, and batches of 64. The loss is the non-saturating one of
section 3, as in the authors' released code; `loss = "minimax"` gives equation 1.

Deviations: the paper's experiments had maxout and dropout in D, and SGD with momentum. On points there are three hidden
layers of `width` units, and the output is linear.
"""

from math import prod

from torch import Tensor, nn

from ganbench.losses import Formulation, nonsaturating
from ganbench.penalties import Penalty, none
from ganbench.plugins.spec import Decay, Depth, Rate, Share, Size
from ganbench.remedies import Remedy
from ganbench.twoplayers import TwoPlayers
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import Layers, adam, dense, leaky


class GAN(TwoPlayers):
    """The original game on multilayer perceptrons."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        loss: Formulation = nonsaturating,  # what D and G minimise
        penalty: Penalty = none,  # what keeps D smooth
        remedies: tuple[Remedy, ...] = (),  # against mode collapse
        z_dim: Size = 100,  # standard normal latents
        width: Size = 256,  # units of the narrowest hidden layer
        lr: Rate = 2e-4,
        betas: tuple[Decay, Decay] = (0.5, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rates fall in a straight line to 0
        batch: Size = 64,
        d_steps: Depth = 1,  # D updates in a round
        g_steps: Depth = 1,  # G updates in a round
    ):
        super().__init__(loss, penalty, remedies)
        self.z_dim, self.batch, self.decay_from = z_dim, batch, decay_from
        hidden = [width, 2 * width, 4 * width] if spec.is_image else [width] * 3
        squash = [nn.Tanh()] if spec.is_image else []
        self.G = nn.Sequential(
            *dense([z_dim, *hidden], nn.ReLU),
            nn.Linear(hidden[-1], prod(spec.shape)),
            *squash,
            nn.Unflatten(1, spec.shape),
        )
        numbers = prod(self.packed_spec(spec).shape)
        body = nn.Sequential(nn.Flatten(), *dense([numbers, *reversed(hidden)], leaky))
        self.set_discriminator(Layers(body, hidden[0]), spec)
        self.set_players(adam(self.D, lr, betas), adam(self.G, lr, betas), d_steps, g_steps)

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        fake: Tensor = self.G(z)
        return fake
