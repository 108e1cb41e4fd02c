"""What the references share: one player, which looks at data and makes the samples."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganbench.variant import Batch, Loss, Player, Variant, no_step

LEVELS = 256  # of a channel of an image


class OnePlayer(Variant):
    """A generative model that no adversary trains. Its player is called "model"."""

    kind = "reference"

    def set_player(
        self,
        loss: Callable[[Batch], Loss],
        optimizer: Optimizer,
        weights: nn.Module | None = None,  # those that the loss moves; default: all
        after_step: Callable[[], None] = no_step,
    ) -> None:
        """Name the one player."""
        own = self if weights is None else weights
        self.players = [
            Player("model", own, loss, optimizer, after_step=after_step, sees_data=True, makes_samples=True)
        ]


def level_of(x: Tensor) -> Tensor:
    """Images in [-1, 1] -> the nearest of `LEVELS` levels, 0 to 255, as floats."""
    return ((x + 1) * ((LEVELS - 1) / 2)).round().clamp(0, LEVELS - 1)


def dequantised(x: Tensor) -> Tensor:
    """Images in [-1, 1] with even noise of one level: a density of these is a bound on a chance of levels."""
    return of_level(level_of(x) + torch.rand_like(x) - 0.5)


def of_level(level: Tensor) -> Tensor:
    """Levels 0 to 255 -> images in [-1, 1]."""
    return level * (2 / (LEVELS - 1)) - 1
