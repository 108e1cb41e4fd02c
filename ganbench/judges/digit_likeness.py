"""What makes digits alike to an eye: their shapes, as a classifier sees them, beside their grain, blur and contrast.

A classifier learns to forgive what does not change the class, and its features forgive it too: through them alone,
noise that spoils digits for any eye costs less than a missing class. Random filters see such faults, and hardly see
classes. The features are both, side by side: principal components of either, those of the random filters whitened and
then scaled so that noise of standard deviation 60 (of 255) has the Fréchet distance of half of the classes missing.
"""

from typing import Self

import torch
from torch import Tensor, nn

from ganbench.judges.digit_reader import SIDE
from ganbench.judges.projection import Projection
from ganbench.judges.random_network import RandomNetwork

SHAPES = 32  # components of the classifier's features: 99 % of their variance
TEXTURES = 32  # components of what the random filters answer


class Likeness(nn.Module):
    """Digits (n, 1, 28, 28) in [-1, 1], and a classifier's features of them, (n, width) -> (n, 64)."""

    width = SHAPES + TEXTURES

    def __init__(self, width: int, seed: int, kernel: int):
        """Have random filters of that `seed` and side `kernel`; the projections are those of a file, or fitted."""
        super().__init__()
        self.seed, self.kernel = seed, kernel
        self.random = RandomNetwork(1, SIDE, seed, kernel)
        self.shapes = Projection(width, SHAPES)
        self.textures = Projection(self.random.width, TEXTURES)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        return torch.cat([self.shapes(features), self.textures(self.random(x))], 1)

    def fitted(self) -> dict[str, Tensor]:
        """What a file keeps: the projections, without the random filters, which their recipe gives."""
        parts = {"shapes": self.shapes, "textures": self.textures}
        return {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}

    def load_fitted(self, stored: dict[str, Tensor]) -> Self:
        """Take the projections that a file keeps."""
        for name, part in (("shapes", self.shapes), ("textures", self.textures)):
            part.load_state_dict({key: stored[f"{name}.{key}"] for key in part.state_dict()})
        return self
