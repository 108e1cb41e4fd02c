"""Remedies: measures against mode collapse, by what D sees, what G descends, or how both move.

A remedy is a small value. A variant takes any number of them: `remedies = ["packing"]`, or
`remedies = [{ name = "packing", samples = 3 }, "minibatch_stddev"]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Adam

from ganbench.plugins.spec import Choice, Count, Natural, NotNegative, Size
from ganbench.variant import Batch, Player

GROUPS = (4, 3, 2)  # samples whose deviation D sees, the first size that divides the batch; Karras et al. have 4


class Game(Protocol):
    """The parts of a variant that remedies use. `ganbench.twoplayers` has them."""

    D: Any  # a `Discriminator`
    players: list[Player]
    batch: int
    conditional: bool
    histories: nn.ModuleDict

    def real(self, batch: Batch) -> Tensor: ...

    def fake(self, batch: Batch) -> Tensor: ...

    def features(self, x: Tensor, like: Batch) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class Remedy(Choice):
    """The base of all remedies, which does nothing."""

    kind: ClassVar[str] = "remedies"
    name: ClassVar[str]
    compares: ClassVar[bool] = False  # its `g_loss` looks at real samples

    @property
    def pack(self) -> int:
        """How many samples D judges as one."""
        return 1

    def change_discriminator(self, variant: Game) -> None:
        """Change D, before there are optimisers. Raises ValueError if it cannot."""

    def prepare(self, variant: Game) -> None:
        """Look at the finished variant, before the first round. Raises ValueError if the remedy has no place there."""

    def terms(self, variant: Game, player: str) -> dict[str, Tensor]:
        """Named scalars that join the loss of the player "D" or "G"."""
        return {}

    def g_loss(self, variant: Game, batch: Batch) -> Tensor | None:
        """G's loss in place of the formulation's; None: the formulation's."""
        return None


@dataclass(frozen=True, kw_only=True)
class FeatureMatching(Remedy):
    """G minimises the mean squared difference of D's mean features on real and on fake, instead of its own loss.

    Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.1, https://arxiv.org/abs/1606.03498.
    The features are those before D's last layer.
    """

    name: ClassVar[str] = "feature_matching"
    compares: ClassVar[bool] = True

    def g_loss(self, variant: Game, batch: Batch) -> Tensor:
        real, fake = (variant.features(x, batch).mean(0) for x in (variant.real(batch), variant.fake(batch)))
        return (real.detach() - fake).square().mean()


@dataclass(frozen=True, kw_only=True)
class MinibatchDiscrimination(Remedy):
    """D also scores how close each sample is to the others of its batch, by kernels on its features.

    o_b(i) = sum over j of exp(-|M_ib - M_jb|_1), M_i = features T, joins the features before D's last layer.

    Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.2, https://arxiv.org/abs/1606.03498.
    Real and fake go through D apart, and a sample is not compared with itself, as in the authors' code; its weight
    normalisation is left out.
    """

    kernels: Size = 100  # numbers that join the features
    dims: Size = 5  # of each kernel

    name: ClassVar[str] = "minibatch_discrimination"

    def change_discriminator(self, variant: Game) -> None:
        variant.D.extend(Kernels(variant.D.n_features, self.kernels, self.dims), self.kernels)


class Kernels(nn.Module):
    """Features (n, d) -> how close each is to the others, (n, kernels)."""

    mixes_rows = True

    def __init__(self, n_features: int, kernels: int, dims: int):
        super().__init__()
        self.T = nn.Parameter(torch.randn(n_features, kernels * dims) / sqrt(n_features))
        self.dims = dims

    def forward(self, h: Tensor) -> Tensor:
        m = (h @ self.T).view(len(h), -1, self.dims).unbind(2)  # dims times (n, kernels)
        # One after the other, since a sum over so short an axis takes longer than all the rest. `cdist` would be twice
        # as fast again, but has no second derivative, which unrolling and penalties on slopes need.
        distance = torch.stack([(x[:, None] - x[None]).abs() for x in m]).sum(0)
        return (-distance).exp().sum(1) - 1


@dataclass(frozen=True, kw_only=True)
class MinibatchStddev(Remedy):
    """D also scores how much the samples of a group of four differ: the standard deviation, averaged over features.

    Karras et al., "Progressive Growing of GANs", 2018, section 3, https://arxiv.org/abs/1710.10196.
    There it joins the maps before the last convolution. Here it joins the features before the last layer, for any D.
    Of a batch that 4 does not divide, a group has 3 samples or 2, where the authors' code wants another batch.
    """

    name: ClassVar[str] = "minibatch_stddev"

    def change_discriminator(self, variant: Game) -> None:
        variant.D.extend(GroupDeviation(), 1)

    def prepare(self, variant: Game) -> None:
        check_groups(variant)


class GroupDeviation(nn.Module):
    """(n, ...) -> (n, 1): how much the samples of a group differ, averaged over all their numbers.

    The group has 4 samples, or 3 or 2 where these divide n, or else all n.
    """

    mixes_rows = True

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        group = next((size for size in GROUPS if n % size == 0), n)
        groups = x.reshape(group, n // group, -1)
        variance = (groups - groups.mean(0)).square().mean(0)  # `var` takes 20 times as long on a CPU
        deviation = (variance + 1e-8).sqrt().mean(1)  # (n / group,)
        return deviation.repeat(group)[:, None]


def check_groups(variant: Game) -> None:
    """Raise ValueError if a batch does not fall into groups of samples that can be compared."""
    n = variant.batch // variant.D.pack
    if all(n % size for size in GROUPS):
        raise ValueError(
            f"Found a batch of {n}, which falls into no groups of {', '.join(map(str, GROUPS[:-1]))} or {GROUPS[-1]}, "
            "but a minibatch deviation compares the samples of a group. Change `batch` to a multiple of 4."
        )


@dataclass(frozen=True, kw_only=True)
class HistoricalAveraging(Remedy):
    """Both players pay weight * |theta - mean of theta over all steps so far|^2 for moving away from their past.

    Salimans et al., "Improved Techniques for Training GANs", 2016, section 3.3, https://arxiv.org/abs/1606.03498,
    which gives no weight.
    """

    weight: NotNegative = 1e-3  # of the term in both losses

    name: ClassVar[str] = "historical_averaging"

    def prepare(self, variant: Game) -> None:
        variant.histories = nn.ModuleDict({player.name: MeanWeights(player.weights) for player in variant.players})

    def terms(self, variant: Game, player: str) -> dict[str, Tensor]:
        (weights,) = (each.weights for each in variant.players if each.name == player)
        return {"history": self.weight * variant.histories[player](weights)}


class MeanWeights(nn.Module):
    """The mean of some weights over time."""

    mean: Tensor
    steps: Tensor

    def __init__(self, network: nn.Module):
        super().__init__()
        self.register_buffer("mean", torch.zeros_like(as_vector(network)))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, network: nn.Module) -> Tensor:
        """Add the weights to the mean, and return their squared distance from it."""
        weights = as_vector(network)
        with torch.no_grad():
            self.steps += 1
            self.mean += (weights - self.mean) / self.steps
        return (weights - self.mean).square().sum()


def as_vector(network: nn.Module) -> Tensor:
    """All weights in a row, however they lie in memory."""
    return torch.cat([weight.reshape(-1) for weight in network.parameters()])


@dataclass(frozen=True, kw_only=True)
class Unrolling(Remedy):
    """G descends the value of the game after D's next steps, and so gains nothing that D would soon undo.

    D takes `steps` further steps of its own Adam on the same batch, and G minimises minus D's loss after them, the
    gradient going through all the steps. D itself moves as usual.

    Metz, Poole, Pfau and Sohl-Dickstein, "Unrolled Generative Adversarial Networks", 2017, section 2.2,
    https://arxiv.org/abs/1611.02163.
    """

    steps: Natural = 5  # of D that G looks ahead

    name: ClassVar[str] = "unrolling"
    compares: ClassVar[bool] = True

    def prepare(self, variant: Game) -> None:
        optimizer = variant.players[0].optimizer
        if not isinstance(optimizer, Adam):
            raise ValueError(
                f"Found {type(optimizer).__name__} moving D, but the remedy 'unrolling' differentiates through steps "
                "of Adam. Choose a variant whose D has Adam, or leave the remedy out."
            )

    def g_loss(self, variant: Game, batch: Batch) -> Tensor:
        inputs = variant.real(batch), variant.fake(batch), batch
        optimizer = variant.players[0].optimizer
        # Views, because the counter of FLOPs cannot follow `grad` to a leaf that is a module's own input.
        leaves = {f"D.{name}": weight.detach().requires_grad_() for name, weight in variant.D.named_parameters()}
        weights = {name: weight.view_as(weight) for name, weight in leaves.items()}
        moments = [_moments(optimizer, weight) for weight in variant.D.parameters()]
        game: Any = variant  # a network too, whose call gives the terms of D's loss
        with torch.enable_grad():
            for _ in range(self.steps):
                loss = _total(functional_call(game, weights, inputs))
                slopes = torch.autograd.grad(loss, [*weights.values()], create_graph=True, allow_unused=True)
                for i, (name, slope) in enumerate(zip(weights, slopes, strict=True)):
                    if slope is not None:
                        weights[name], moments[i] = _adam_step(optimizer, weights[name], slope, moments[i])
            return -_total(functional_call(game, weights, inputs))


Moments = tuple[Tensor, Tensor, Tensor]  # mean of the slope, of its square, steps so far


def _moments(optimizer: torch.optim.Optimizer, weight: Tensor) -> Moments:
    state = optimizer.state.get(weight)
    if not state:
        return torch.zeros_like(weight), torch.zeros_like(weight), weight.new_zeros(())
    return state["exp_avg"], state["exp_avg_sq"], state["step"].to(weight.device)


def _adam_step(
    optimizer: torch.optim.Optimizer, weight: Tensor, slope: Tensor, moments: Moments
) -> tuple[Tensor, Moments]:
    """A step of Adam (Kingma and Ba 2015, algorithm 1) that a gradient can go through."""
    (group,) = optimizer.param_groups
    beta1, beta2 = group["betas"]
    m, v, t = moments
    slope = slope + group["weight_decay"] * weight
    m, v, t = torch.lerp(slope, m, beta1), torch.lerp(slope.square(), v, beta2), t + 1
    # The root of exactly 0 has no slope: a little is added within it.
    size = (v / (1 - beta2**t) + group["eps"] ** 2).sqrt() + group["eps"]
    return weight - group["lr"] * m / (1 - beta1**t) / size, (m, v, t)


def _total(terms: Any) -> Tensor:
    total: Tensor = sum(term for term in terms.values() if term.requires_grad)
    return total


@dataclass(frozen=True, kw_only=True)
class Packing(Remedy):
    """D judges several samples at once, all real or all fake: a lack of variety shows in them together.

    Lin, Khetan, Fanti and Oh, "PacGAN: The power of two samples in generative adversarial networks", 2018,
    https://arxiv.org/abs/1712.04086. Points are joined, images stacked as channels; only D's first layer grows.

    `batch` counts packs, as in the authors' code. With packs of m, a step sees m times as many samples as without, of
    which G makes as many. A budget of updates is then equal in D's scores, a budget of images equal in data.
    """

    samples: Count = 2  # in a pack

    name: ClassVar[str] = "packing"

    @property
    def pack(self) -> int:
        return self.samples

    def prepare(self, variant: Game) -> None:
        if variant.conditional:
            raise ValueError(
                "Found a variant that tells D the class of each sample, but the remedy 'packing' lets D judge several "
                "samples at once. Leave it out, or choose a variant without labels."
            )
