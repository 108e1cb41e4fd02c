"""What turns a discriminator into an autoencoder, for formulations whose scores are energies."""

from math import log2

import torch
from torch import Tensor, nn

from ganbench.variant import DataSpec

WIDTH = 64  # hidden units on points; channels at 4 pixels on images, halved with each doubling of the side


class Energy(nn.Module):
    """Features (n, n_features) and samples (n, *shape) -> squared error (n,) of decoding them, in units of the data's.

    The unit is the mean squared error with which the best constant, their mean, stands for all training samples. An
    energy of 1 is no reconstruction at all, on points and on images of any size. Until `measure` the unit is 1.

    D's features are the encoder up to the last layer; here are that layer, to `codes` numbers, and the decoder.
    """

    unit: Tensor

    def __init__(self, spec: DataSpec, n_features: int, codes: int):
        super().__init__()
        self.register_buffer("unit", torch.ones(()), persistent=False)  # measured before training and after loading
        self.encode = nn.Linear(n_features, codes)
        self.decode = image_decoder(spec, codes) if spec.is_image else point_decoder(spec, codes)

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        error: Tensor = self.decode(self.encode(h)) - x
        return error.square().flatten(1).mean(1) / self.unit

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Take the unit from training samples (n, *shape); samples that are all the same keep it as it is."""
        variance = x.flatten(1).var(0, correction=0).mean()
        self.unit.copy_(torch.where(variance > 0, variance, self.unit))


def point_decoder(spec: DataSpec, codes: int) -> nn.Module:
    """From codes to points, through one hidden layer."""
    return nn.Sequential(nn.ReLU(), nn.Linear(codes, WIDTH), nn.ReLU(), nn.Linear(WIDTH, spec.shape[0]))


def image_decoder(spec: DataSpec, codes: int) -> nn.Module:
    """From 4 x 4 pixels up by transposed convolutions. Raises ValueError if the side is not reached by doublings."""
    doublings = int(log2(spec.side // 4)) if spec.side >= 8 else 0
    if not doublings or 4 * 2**doublings != spec.side:
        raise ValueError(
            f"Found images of side {spec.side}, but the decoder doubles from 4: set a size of 8, 16, 32, 64 or 128."
        )
    layers: list[nn.Module] = [nn.Linear(codes, WIDTH * 16), nn.ReLU(), nn.Unflatten(1, (WIDTH, 4, 4))]
    channels = [max(WIDTH // 2**i, 8) for i in range(doublings)] + [spec.channels]
    for i in range(doublings):
        layers += [nn.ConvTranspose2d(channels[i], channels[i + 1], 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Tanh())
