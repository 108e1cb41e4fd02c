"""Small variants that do more than draw: of a class, in two domains, with a belief. For suites and tests."""

import torch
from torch import Tensor, nn
from torch.optim import SGD

from ganbench.variant import Batch, DataSpec, Pair, Player, Variant


class Lines(Variant):
    """Lines against lines, for points: as many outputs of G and inputs of D as it has domains."""

    def __init__(self, spec: DataSpec, *, batch: int = 8):
        super().__init__()
        self.batch = batch
        width = spec.shape[0] * self.domains
        self.G, self.D = nn.Linear(2, width), nn.Linear(width, 1)
        self.players = [
            Player("D", self.D, self.d_loss, SGD(self.D.parameters(), 0.01), sees_data=True),
            Player("G", self.G, self.g_loss, SGD(self.G.parameters(), 0.01), makes_samples=True),
        ]

    def drawn(self, like: Batch) -> Tensor:
        return self.G(torch.randn(len(like.x), 2, device=like.x.device))

    def real(self, batch: Batch) -> Tensor:
        return batch.x

    def d_loss(self, batch: Batch) -> Tensor:
        return (self.D(self.drawn(batch)) - self.D(self.real(batch))).mean()

    def g_loss(self, batch: Batch) -> Tensor:
        return -self.D(self.drawn(batch)).mean()

    def sample(self, like: Batch) -> Tensor:
        return self.drawn(like)


class Obedient(Lines):
    """Gives real data of the class that it is asked for, since it cannot draw."""

    conditional = True
    given_real = True

    def sample(self, like: Batch) -> Tensor:
        return like.x


class Believer(Lines):
    """Says what it believes, in eval mode only."""

    def belief(self, x: Tensor) -> Tensor:
        assert not self.training and not torch.is_grad_enabled()
        return self.D(x).squeeze(1).sigmoid()


class Joint(Lines):
    """Draws both halves of a pair: the second is the first, turned as the data's second domain is."""

    domains = 2

    def real(self, batch: Batch) -> Tensor:
        assert batch.x_other is not None
        return torch.cat([batch.x, batch.x_other], 1)

    def sample(self, like: Batch) -> Tensor:
        return self.pair(like).x

    def pair(self, like: Batch) -> Pair:
        x, x_other = self.drawn(like).chunk(2, 1)
        return Pair(x, x_other)


class Translator(Joint):
    """Takes what it is given for its own translation, and brings it back as it was."""

    given_real = True

    def pair(self, like: Batch) -> Pair:
        return Pair(like.x_other, like.x_other, like.x_other.clone())


class Runaway(Joint):
    """Its first halves are finite, its second ones are not."""

    def pair(self, like: Batch) -> Pair:
        pair = super().pair(like)
        return pair._replace(x_other=pair.x_other * torch.inf)


class Collapsing(Obedient):
    """Fails after its first judgement."""

    def advance(self, progress: float, rounds: int) -> None:
        if progress >= 0.5:
            raise RuntimeError("a wheel came off")
