"""VAE: an encoder guesses the latent, a decoder draws the data from it, and both raise a bound on the likelihood.

Kingma and Welling, "Auto-Encoding Variational Bayes", 2014, https://arxiv.org/abs/1312.6114.

The encoder is Gaussian with a diagonal covariance, latents are drawn by the reparameterisation of section 2.4, and the
loss is the negative of the bound with the closed form of appendix B for its second term. Networks are perceptrons, as
in section 3 and appendix C, with one hidden layer of `width` units and tanh; the decoder is Gaussian, as on the paper's
Frey faces.

Deviations: the decoder's variance is one number for all dimensions, not a network's output: images of few levels have
pixels that never vary, on which a variance of their own runs away. Adam in the place of Adagrad, as in the authors'
later code. On points there are two hidden layers. An image that is drawn is the decoder's mean, as in the paper's
figures; a point gets the decoder's noise too.

Where the decoder's noise begins as wide as the data, points may leave the encoder unused for ever: of a ring's samples
6 % lay within three sigma with `sigma = 1`, 76 % with 0.1. Digits want it wide: an FID of 34 with 1, 285 with 0.1.
"""

import math
from math import prod

import torch
from torch import Tensor, nn

from ganbench.plugins.spec import Count, Decay, Positive, Share
from ganbench.variant import Batch, DataSpec
from ganbench.zoo.parts import adam, dense
from ganbench.zoo.references.one_player import LEVELS, OnePlayer, dequantised


class VAE(OnePlayer):
    """A variational autoencoder with Gaussian encoder and decoder."""

    likelihood = "bound"

    def __init__(
        self,
        spec: DataSpec,
        *,
        z_dim: Count = 20,
        width: Count = 500,  # units of a hidden layer
        sigma: Positive = 1.0,  # of the decoder, at the start
        lr: Positive = 1e-3,
        betas: tuple[Decay, Decay] = (0.9, 0.999),  # of Adam
        decay_from: Share = 1.0,  # share of the budget from which the rate falls in a straight line to 0
        batch: Count = 100,
    ):
        super().__init__()
        self.spec, self.z_dim, self.batch, self.decay_from = spec, z_dim, batch, decay_from
        numbers, hidden = prod(spec.shape), [width] if spec.is_image else [width] * 2
        self.encoder = nn.Sequential(nn.Flatten(), *dense([numbers, *hidden], nn.Tanh), nn.Linear(width, 2 * z_dim))
        squash = [nn.Tanh()] if spec.is_image else []
        self.decoder = nn.Sequential(
            *dense([z_dim, *reversed(hidden)], nn.Tanh),
            nn.Linear(width, numbers),
            *squash,
            nn.Unflatten(1, spec.shape),
        )
        self.log_sigma = nn.Parameter(torch.tensor(math.log(sigma)))  # of the decoder
        self.set_player(self.loss, adam(self, lr, betas))

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The negative bound, in nats a sample, and its two terms."""
        mean, log_variance = self.encoder(batch.x).chunk(2, 1)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        reconstruction = -self.log_density_given(z, batch.x).mean()
        apart = divergence(mean, log_variance).mean()
        return {"loss": reconstruction + apart, "reconstruction": reconstruction.detach(), "divergence": apart.detach()}

    def log_density_given(self, z: Tensor, x: Tensor) -> Tensor:
        """(n,) nats of samples given latents (n, z_dim)."""
        apart = (x - self.decoder(z)).flatten(1).square().sum(1)
        numbers = prod(self.spec.shape)
        nats: Tensor = -apart / 2 * (-2 * self.log_sigma).exp()
        return nats - numbers * (self.log_sigma + math.log(2 * math.pi) / 2)

    def log_likelihood(self, x: Tensor) -> Tensor:
        if self.spec.is_image:
            return self.bound(dequantised(x)) + prod(self.spec.shape) * math.log(2 / (LEVELS - 1))
        return self.bound(x)

    def bound(self, x: Tensor) -> Tensor:
        """(n,) nats that the log density of samples is at least: equation 3, from one latent each."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return self.log_density_given(z, x) - divergence(mean, log_variance)

    def weighted_bound(self, x: Tensor, draws: int) -> Tensor:
        """(n,) the tighter bound of Burda et al. 2016, https://arxiv.org/abs/1509.00519, from so many latents each."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        found = []
        for _ in range(draws):
            noise = torch.randn_like(mean)
            z = mean + (log_variance / 2).exp() * noise
            found.append(self.log_density_given(z, x) + normal(z) - normal(noise) + log_variance.sum(1) / 2)
        return torch.stack(found).logsumexp(0) - math.log(draws)

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        mean: Tensor = self.decoder(z)
        return mean if self.spec.is_image else mean + self.log_sigma.exp() * torch.randn_like(mean)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(n,) KL from N(mean, exp(log_variance)) to N(0, 1), in nats: appendix B."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2


def normal(z: Tensor) -> Tensor:
    """(n,) log density of standard normal latents (n, d)."""
    return -(z.square() + math.log(2 * math.pi)).flatten(1).sum(1) / 2
