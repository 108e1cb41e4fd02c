"""What a generative model must be to enter the bench: some players, and a way to draw samples."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class DataSpec(NamedTuple):
    """The facts of a dataset that a network is built for."""

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
    """Samples of two domains that a variant holds for partners."""

    x: Tensor  # (n, *shape) of the data's own domain
    x_other: Tensor  # (n, *shape) of the second domain: the partner of each in x
    returned: Tensor | None = None  # x_other brought into the data's domain and back, by a variant that translates


Loss = Tensor | Mapping[str, Tensor]


def no_step() -> None:
    """Do nothing: the default of a player's `after_step`."""


@dataclass
class Player:
    """Some weights, the loss they descend, and how often they move in a round.

    A model has any number of players, of any names. Three fields say what the ledger enters for a player:
    `sees_data`, `makes_samples` and `compares`. D of a GAN sees data, G makes samples, and a further player (the "Q" of
    InfoGAN) does neither. The one player of another model does both.
    """

    name: str  # unique in its variant; also heads the curves: "D", "G"
    weights: nn.Module
    loss: Callable[[Batch], Loss]  # a scalar, or named scalars: those with a gradient are summed, all become curves
    optimizer: Optimizer
    repeats: int = 1  # steps in a round, each on a fresh batch
    after_step: Callable[[], None] = no_step
    sees_data: bool = False  # the real samples in its batches count towards a budget of images
    makes_samples: bool = False  # its steps count towards a budget of updates
    compares: bool = False  # sees no data, yet its loss looks at real samples, which the ledger counts as `images_g`


VariantKind = Literal["variant", "reference", "control"]
Likelihood = Literal["", "exact", "bound"]  # "bound": what a model says is no more than the truth


class Variant(nn.Module):
    """A generative model.

    `__init__(spec, *, ...)` builds the networks as attributes, so that `to` and `state_dict` reach them. It lists
    `players` in the order they move. Its keyword-only arguments are the options of a suite; their defaults are the
    paper's or say why not, their annotations the range (`ganbench.plugins.spec` has names for usual ones).

    The state dict holds all that later steps depend on (moving averages, growth, image pools), so that a resumed run
    equals an uninterrupted one. A loss never talks to the host: no `.item()`, no branch on a tensor's value, and no
    randomness but torch's default generator of the device.
    """

    players: list[Player]
    batch: int = 64  # real samples in each player's batch; may change in `advance`
    kind: VariantKind = "variant"  # "reference": a model that is no GAN; "control": nothing trains it
    conditional: bool = False  # `sample` draws of the class that it is asked for
    z_dim: int = 0  # numbers in a latent
    truncation: float  # of a variant that can trade variety for quality when it samples
    truncations: tuple[float, ...] = ()  # settings of it that are worth showing, from none to much
    domains: int = 1  # 2: trains on `x_other` too, which `like` then also has
    likelihood: Likelihood = ""  # of a model that says it: see `log_likelihood`
    passes: int = 1  # of its largest network, that a sample takes
    given_real: bool = False  # `sample` makes something of the real samples in `like`: no generator among equals
    # How images' features lie in memory: on CPUs convolutions of few channels are a tenth faster with channels last.
    memory_format: torch.memory_format = torch.channels_last
    decay_from: float = 1.0  # share of the budget from which all rates fall in a straight line to 0
    stage: int = 0  # `advance` changes it when it changes anything but the values of tensors

    @classmethod
    def applies(cls, spec: DataSpec) -> bool:
        """Whether it means anything on such data: a suite that names no controls leaves out those that do not."""
        return True

    def prepare(self, train: Batch) -> None:
        """Look once at the whole training split, on the device, before the first round."""

    def advance(self, progress: float, rounds: int) -> None:
        """Get ready for the next round: growth, decay. `progress` climbs from 0 to 1 along the budget; `rounds` are
        done.

        Between two values of `stage` this method only fills tensors. Anything else (`batch`, the `repeats` of a player,
        a number of a schedule that is no tensor, an optimiser's state) changes together with `stage`. One value of
        `stage` always stands for the same round, so that each stage can be captured once.
        """

    def decay(self, progress: float) -> None:
        """Set the players' rates for the next round, before `advance`: of each optimiser the share that is left of the
        rate that it was made with.
        """
        if self.decay_from < 1:
            left = min(1.0, (1 - progress) / (1 - self.decay_from))
            for player in self.players:
                for group in player.optimizer.param_groups:
                    fill_rate(group, left)

    def count_weights(self) -> tuple[int, int]:
        """How many numbers the weights have of the players that see data, and of those that make samples.

        A player that does both is counted among the latter, so that the sum counts nobody twice.
        """
        d = [player for player in self.players if player.sees_data and not player.makes_samples]
        g = [player for player in self.players if player.makes_samples]
        return _numbers(d), _numbers(g)

    def latents(self, like: Batch) -> Tensor:
        """Draw one latent for each in `like`, (n, z_dim): by default standard normal numbers."""
        return torch.randn(len(like.x), self.z_dim, device=like.x.device)

    def decode(self, z: Tensor, like: Batch) -> Tensor:
        """Turn latents into samples (n, *shape); a conditional variant takes their classes from `like`."""
        raise NotImplementedError

    @property
    def decodes(self) -> bool:
        """Whether samples are made of latents, so that there is a way from one to another."""
        return type(self).decode is not Variant.decode

    def sample(self, like: Batch) -> Tensor:
        """Draw one sample for each in `like`, (n, *shape).

        Most look at its length alone, a conditional variant at its class `y`, one that declares `given_real` at all of
        it, such as the `x_other` that it translates. Nobody is told more than that: `x` is then zeros, and the rest
        None. Boards show what a row was given.
        """
        return self.decode(self.latents(like), like)

    def pair(self, like: Batch) -> Pair:
        """Draw one pair for each in `like`, or translate its `x_other`; for variants of two domains."""
        raise NotImplementedError

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Log of the probability (n,) of samples (n, *shape), in nats; of a bound below it, if `likelihood` says so.

        Of points it is a density. An image is one of 256 levels a channel: a density is of levels plus even noise
        (Theis et al. 2016, https://arxiv.org/abs/1511.01844), so that all models speak of the same.
        """
        raise NotImplementedError

    def belief(self, x: Tensor) -> Tensor | None:
        """The probability (n,) that each of `x` is real, by D's scores; None if scores are no probabilities."""
        return None


def fill_rate(group: dict[str, Any], share: float) -> None:
    """Fill the learning rate of an optimiser's group, a tensor beside its weights, with a share of the first one.

    On a CPU it is float64, with which a step has the bits that a float gives it; elsewhere float32, which Adam's kernel
    on CUDA needs.
    """
    if "initial_lr" not in group:  # as PyTorch's own schedules name it
        group["initial_lr"] = float(group["lr"])
    device = group["params"][0].device
    if not isinstance(group["lr"], Tensor) or group["lr"].device != device:
        kind = torch.float64 if device.type == "cpu" else torch.float32
        group["lr"] = torch.empty((), device=device, dtype=kind)
    group["lr"].fill_(group["initial_lr"] * share)


def _numbers(players: Iterable[Player]) -> int:
    return sum(weight.numel() for player in players for weight in player.weights.parameters())
