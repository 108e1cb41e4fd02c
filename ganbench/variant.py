"""What a generative model must be to enter the bench: some players, and a way to draw samples."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

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

    A model has any number of players, of any names. Three fields say what the ledger enters for a player. Their
    defaults suit the two players of a GAN: "D" sees data, "G" makes samples, and a further player (the "Q" of
    InfoGAN) does neither. A model with one player, which fits its samples to the data, sets both.
    """

    name: str  # unique in its variant; also heads the curves: "D", "G"
    weights: nn.Module
    loss: Callable[[Batch], Loss]  # a scalar, or named scalars: those with a gradient are summed, all become curves
    optimizer: Optimizer
    repeats: int = 1  # steps in a round, each on a fresh batch
    after_step: Callable[[], None] = no_step
    sees_data: bool | None = None  # the real samples in its batches count towards a budget of images; None: D's do
    makes_samples: bool | None = None  # its steps count towards a budget of updates; None: G's do
    compares: bool = False  # sees no data, yet its loss looks at real samples, which the ledger counts as `images_g`

    def __post_init__(self) -> None:
        self.sees_data = self.name == "D" if self.sees_data is None else self.sees_data
        self.makes_samples = self.name == "G" if self.makes_samples is None else self.makes_samples


VariantKind = Literal["variant", "reference", "control"]


class Variant(nn.Module):
    """A generative model.

    `__init__(spec, *, ...)` builds the networks as attributes, so that `to` and `state_dict` reach
    them, and lists `players` in the order they move. Its keyword-only arguments are what a suite
    may set; their defaults are the paper's. All state that later steps depend on (moving averages,
    growth, image pools) lives in the state dict, so that a resumed run equals an uninterrupted one.

    A loss never talks to the host: no `.item()`, no branch on a tensor's value, and no randomness
    but torch's default generator of the device.
    """

    players: list[Player]
    batch: int = 64  # real samples in each player's batch; may change in `advance`
    kind: VariantKind = "variant"  # "reference": a model that is no GAN; "control": nothing trains it
    conditional: bool = False  # `sample` draws of the class that it is asked for
    z_dim: int = 0  # numbers in a latent
    truncation: float  # of a variant that can trade variety for quality when it samples
    truncations: tuple[float, ...] = ()  # settings of it that are worth showing, from none to much
    domains: int = 1  # 2: trains on `x_other` too, which `like` then also has
    # How images' features lie in memory: on CPUs convolutions of few channels are a tenth faster with channels last.
    memory_format: torch.memory_format = torch.channels_last
    stage: int = 0  # `advance` changes it when it changes anything but the values of tensors

    def prepare(self, train: Batch) -> None:
        """Look once at the whole training split, on the device, before the first round."""

    def advance(self, progress: float, rounds: int) -> None:
        """Get ready for the next round: growth, decay. `progress` climbs from 0 to 1 along the
        budget; `rounds` are behind us.

        Between two values of `stage` it only fills tensors. Whatever else it changes (`batch`, the `repeats` of a
        player, a number of a schedule that is no tensor, an optimiser's state) goes with another `stage`, and one
        value of `stage` always stands for the same round. So a round can be captured once for each stage.
        """

    def count_weights(self) -> tuple[int, int]:
        """How many numbers the weights have of the players that see data, and of those that make samples.

        A player that does both is counted among the latter, so that the sum counts nobody twice.
        """
        d = [player for player in self.players if player.sees_data and not player.makes_samples]
        g = [player for player in self.players if player.makes_samples]
        return _numbers(d), _numbers(g)

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


def _numbers(players: Iterable[Player]) -> int:
    return sum(weight.numel() for player in players for weight in player.weights.parameters())
