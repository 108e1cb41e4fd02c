"""What a GAN must be to enter the bench: some players, and a way to draw samples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class DataSpec(NamedTuple):
    """What a network must know of a dataset before it is built."""

    shape: tuple[int, ...]  # of one sample: (2,) for points; (channels, side, side) for images
    classes: int = 0  # 0: unlabelled

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3

    @property
    def channels(self) -> int:
        return self.shape[0]

    @property
    def side(self) -> int:
        """Height and width of an image, in pixels."""
        return self.shape[-1]


class Batch(NamedTuple):
    """Some samples of a dataset: points, or images in [-1, 1]; float32."""

    x: Tensor  # (n, *shape)
    y: Tensor | None = None  # (n,) class indices, int64
    x_other: Tensor | None = None  # (n, *shape) of a second domain, unpaired with x


class Pair(NamedTuple):
    """Samples of two domains that belong together, as a variant sees it."""

    x: Tensor  # (n, *shape) of the data's own domain
    x_other: Tensor  # (n, *shape) of the second domain: the partner of each in x
    returned: Tensor | None = None  # x_other brought into the data's domain and back, by a variant that translates


Loss = Tensor | Mapping[str, Tensor]


def no_step() -> None:
    """What a player does after a step, unless it says otherwise."""


@dataclass
class Player:
    """Some weights, the loss they descend, and how often they move in a round.

    The two sides of a GAN are named "D" and "G": budgets count the real images in D's batches
    and the updates of G, and the ledger has a column for either. Further players (the "Q" of
    InfoGAN) may have any other name.
    """

    name: str  # also heads the curves: "D", "G"
    weights: nn.Module
    loss: Callable[[Batch], Loss]  # a scalar, or named scalars: those with a gradient are summed, all become curves
    optimizer: Optimizer
    repeats: int = 1  # steps in a round, each on a fresh batch
    after_step: Callable[[], None] = no_step


class Variant(nn.Module):
    """A GAN.

    `__init__(spec, *, ...)` builds the networks as attributes, so that `to` and `state_dict` reach
    them, and lists `players` in the order they move. Its keyword-only arguments are what a suite
    may set; their defaults are the paper's. All state that later steps depend on (moving averages,
    growth, image pools) lives in the state dict, so that a resumed run equals an uninterrupted one.

    A loss never talks to the host: no `.item()`, no branch on a tensor's value, and no randomness
    but torch's default generator of the device.
    """

    players: list[Player]
    batch: int = 64  # real samples in each player's batch; may change in `advance`
    control: bool = False  # a row that is no GAN: nothing trains it, reports set it apart
    conditional: bool = False  # `sample` draws of the class that it is asked for
    z_dim: int = 0  # numbers in a latent
    truncation: float  # of a variant that can trade variety for quality when it samples
    truncations: tuple[float, ...] = ()  # settings of it that are worth showing, from none to much
    domains: int = 1  # 2: trains on `x_other` too, which `like` then also has
    # How images' features lie in memory: on CPUs convolutions of few channels are a tenth faster with channels last.
    memory_format: torch.memory_format = torch.channels_last
    stage: int = 0  # raise it in `advance` when the networks grow: a round's FLOPs are then counted anew

    def prepare(self, train: Batch) -> None:
        """Look once at the whole training split, on the device, before the first round."""

    def advance(self, progress: float, rounds: int) -> None:
        """Get ready for the next round: growth, decay. `progress` climbs from 0 to 1 along the
        budget; `rounds` are behind us."""

    def latents(self, like: Batch) -> Tensor:
        """Draw what samples are made of, (n, z_dim), one for each in `like`: by default standard normal numbers."""
        return torch.randn(len(like.x), self.z_dim, device=like.x.device)

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        """The samples (n, *shape) that those latents stand for, each of its class in `like`, if that matters."""
        raise NotImplementedError

    @property
    def decodes(self) -> bool:
        """Whether samples are made of latents: then one can walk between them."""
        return type(self).decode is not Variant.decode

    def sample(self, like: Batch) -> Tensor:
        """Draw one sample, (n, *shape), for each in `like`: of its class `y`, from its `x_other`,
        or, for most variants, from nothing but its length."""
        return self.decode(self.latents(like), like)

    def pair(self, like: Batch) -> Pair:
        """For variants of two domains: one pair for each in `like`, drawn together or translated from its `x_other`."""
        raise NotImplementedError

    def belief(self, x: Tensor) -> Tensor | None:
        """The probability (n,) that each of `x` is real, as D's scores say it; None where they say no such thing."""
        return None
