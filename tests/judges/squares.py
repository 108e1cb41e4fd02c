"""Images of which one quarter is bright, and that quarter is the class; a judge learns them in a second."""

import torch
from torch import Generator

from ganbench.data import Dataset
from ganbench.variant import Batch, DataSpec


class Squares(Dataset):
    """600 grey images for training; validation lacks the last class."""

    preprocessing = "none"
    judge = "trained"

    def __init__(self, *, size: int = 8, channels: int = 1):
        self.spec = DataSpec((channels, size, size), classes=4)
        self.fingerprint = f"squares of {size}"
        self.prior = torch.full((4,), 0.25)

    def train(self) -> Batch:
        return self.draw(600, 1)

    def fresh(self, split, n):
        return self.draw(n, 2)

    def reference(self, split):
        drawn = self.draw(200, 3 if split == "test" else 4)
        return drawn if split == "test" else Batch(drawn.x[drawn.y < 3], drawn.y[drawn.y < 3])

    def draw(self, n: int, seed: int) -> Batch:
        g, (channels, size, _) = Generator().manual_seed(seed), self.spec.shape
        y = torch.randint(4, (n,), generator=g)
        x = 0.2 * torch.randn(n, channels, 2, size // 2, 2, size // 2, generator=g) - 0.5
        x[torch.arange(n), :, y // 2, :, y % 2] += 1
        return Batch(x.reshape(n, channels, size, size).clamp(-1, 1), y)


class Plain(Squares):
    """The same without labels."""

    def __init__(self):
        super().__init__()
        self.spec = DataSpec((1, 8, 8))
