"""Penalties: what keeps D smooth, by a term on the slope of its scores or on its weights, or by force.

A penalty is a small value: `penalty = { name = "gradient", weight = 1 }` among a variant's options. A list is several
at once: `penalty = ["r1", "r2"]`. `score` gives D's scores (n,) of a batch. Terms are differentiable, so that D can
descend them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm
from torch.nn.utils.parametrize import is_parametrized

from ganbench import spectral
from ganbench.errors import BadSuite
from ganbench.plugins.spec import Choice, NotNegative, Positive

Score = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Penalty(Choice):
    """No penalty, and the base of all others. A penalty overrides one of the three methods."""

    kind: ClassVar[str] = "penalties"
    joins: ClassVar[bool] = True
    name: ClassVar[str] = "none"
    per_sample: ClassVar[bool] = False  # looks at the slope at one sample alone: D must not mix the rows of a batch

    @classmethod
    def join(cls, several: Sequence[Any]) -> Any:
        return several[0] if len(several) == 1 else Several(penalties=tuple(several))

    @property
    def parts(self) -> tuple["Penalty", ...]:
        """The penalties that this one is made of: itself, unless it is `Several`."""
        return (self,)

    def prepare(self, d: nn.Module) -> None:
        """Change D once, before training. Raises ValueError if it cannot."""

    def term(self, d: nn.Module, score: Score, real: Tensor, fake: Tensor) -> Tensor | None:
        """A scalar that joins D's loss; None: no term."""
        return None

    def after_step(self, d: nn.Module) -> None:
        """Mend D's weights after each of its steps."""


none = Penalty()


@dataclass(frozen=True, kw_only=True)
class Several(Penalty):
    """Several penalties at once, none of them twice: what a suite writes as a list."""

    penalties: tuple[Penalty, ...]

    @property
    def parts(self) -> tuple[Penalty, ...]:
        return self.penalties

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        if len({*names}) < len(names):
            raise BadSuite(f"Found the penalties {', '.join(names)}, but each can be there once. Give it one weight.")

    @property
    def name(self) -> str:  # type: ignore[override]
        return " + ".join(part.name for part in self.parts)

    @property
    def per_sample(self) -> bool:  # type: ignore[override]
        return any(part.per_sample for part in self.parts)

    def prepare(self, d: nn.Module) -> None:
        for part in self.parts:
            part.prepare(d)

    def term(self, d: nn.Module, score: Score, real: Tensor, fake: Tensor) -> Tensor | None:
        terms = [term for part in self.parts if (term := part.term(d, score, real, fake)) is not None]
        return torch.stack(terms).sum() if terms else None

    def after_step(self, d: nn.Module) -> None:
        for part in self.parts:
            part.after_step(d)


@dataclass(frozen=True, kw_only=True)
class Clip(Penalty):
    """Every weight of D is held in [-limit, limit].

    Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017, algorithm 1, https://arxiv.org/abs/1701.07875.
    Clipping follows the step, as in the paper; the authors' code clips before it.
    """

    limit: Positive = 0.01  # of a weight's size

    name: ClassVar[str] = "clip"

    @torch.no_grad()
    def after_step(self, d: nn.Module) -> None:
        # Bounds D's slope, if crudely: most weights end up at the limit.
        weights: list[Tensor] = [*d.parameters()]
        torch._foreach_clamp_min_(weights, -self.limit)
        torch._foreach_clamp_max_(weights, self.limit)


@dataclass(frozen=True, kw_only=True)
class Gradient(Penalty):
    """weight * E (|grad D(x)|_2 - target)^2, x at a random place between each real and its fake sample.

    Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, algorithm 1, https://arxiv.org/abs/1704.00028.
    The one-sided penalty leaves slopes below the target free (their section 4).
    """

    weight: NotNegative = 10.0  # of the term in D's loss
    target: NotNegative = 1.0  # the slope that D should have
    one_sided: bool = False  # slopes below the target are free

    name: ClassVar[str] = "gradient"
    per_sample: ClassVar[bool] = True

    def term(self, d: nn.Module, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        between = torch.lerp(real.detach(), fake.detach(), random_shares(real))
        return self.weight * off_target(score, between, self.target, self.one_sided)


@dataclass(frozen=True, kw_only=True)
class Dragan(Penalty):
    """weight * E (|grad D(x)|_2 - target)^2, x near real samples: at a random place between each and a perturbed copy.

    The copy is x + spread * std(x) * u with u uniform on [0, 1) and the deviation of all the batch's numbers.

    Kodali, Abernethy, Hays and Kira, "On Convergence and Stability of GANs", 2017, https://arxiv.org/abs/1705.07215,
    with the perturbation of the authors' code.
    """

    weight: NotNegative = 10.0  # of the term in D's loss
    target: NotNegative = 1.0  # the slope that D should have
    spread: NotNegative = 0.5  # of the perturbation, in standard deviations of the data

    name: ClassVar[str] = "dragan"
    per_sample: ClassVar[bool] = True

    def term(self, d: nn.Module, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        perturbed = real + self.spread * real.std() * torch.rand_like(real)
        return self.weight * off_target(score, torch.lerp(real, perturbed, random_shares(real)), self.target)


@dataclass(frozen=True, kw_only=True)
class R1(Penalty):
    """gamma / 2 * E |grad D(x)|_2^2 over real samples x.

    Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", 2018,
    equation 9, https://arxiv.org/abs/1801.04406.
    """

    gamma: NotNegative = 10.0  # twice the weight of the term in D's loss

    name: ClassVar[str] = "r1"
    per_sample: ClassVar[bool] = True

    def term(self, d: nn.Module, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.gamma / 2 * slopes(score, real).square().sum(1).mean()


@dataclass(frozen=True, kw_only=True)
class R2(Penalty):
    """gamma / 2 * E |grad D(x)|_2^2 over generated samples x.

    Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", 2018,
    equation 10, https://arxiv.org/abs/1801.04406. Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live
    the GAN! A Modern GAN Baseline", 2024, https://arxiv.org/abs/2501.05441, have it beside R1.
    """

    gamma: NotNegative = 10.0  # twice the weight of the term in D's loss

    name: ClassVar[str] = "r2"
    per_sample: ClassVar[bool] = True

    def term(self, d: nn.Module, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.gamma / 2 * slopes(score, fake).square().sum(1).mean()


@dataclass(frozen=True, kw_only=True)
class Spectral(Penalty):
    """Every weight of D is divided by its largest singular value, found by one power iteration a pass.

    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018, https://arxiv.org/abs/1802.05957.
    Raises ValueError if D has layers that are normalised already, or none that it knows.
    """

    name: ClassVar[str] = "spectral"

    def prepare(self, d: nn.Module) -> None:
        known = nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding
        layers = [module for module in d.modules() if isinstance(module, known)]
        if not layers or any(is_parametrized(layer) for layer in layers):
            state = "whose layers are normalised already" if layers else "without plain dense or convolutional layers"
            raise ValueError(f"Found a D {state}, where the penalty 'spectral' has no place. Leave it out.")
        spectral.normalise(d, layers)


@dataclass(frozen=True, kw_only=True)
class Orthogonal(Penalty):
    """weight * sum |W W^T - I|^2 over D's layers, W with a row for each output, or its transpose where that is wider.

    Brock, Lim, Ritchie and Weston, "Neural Photo Editing with Introspective Adversarial Networks", 2017, section 3.3,
    https://arxiv.org/abs/1609.07093, with squares for absolute values as in the authors' later papers.
    """

    weight: NotNegative = 1e-4  # of the term in D's loss

    name: ClassVar[str] = "orthogonal"

    def term(self, d: nn.Module, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        total = real.new_zeros(())
        for weight in d.parameters():
            if weight.dim() > 1:
                gram = grammian(weight)
                total = total + (gram - torch.eye(len(gram), device=gram.device)).square().sum()
        return self.weight * total


def slopes(score: Score, x: Tensor) -> Tensor:
    """Gradient of each sample's score by that sample, (n, k) for samples of k numbers.

    The scores of a batch's other samples count too if D mixes its rows.
    """
    x = x.detach().requires_grad_()
    # A view, because the counter of FLOPs cannot follow `grad` to a leaf that is a module's own input.
    (gradient,) = torch.autograd.grad(score(x.view_as(x)).sum(), x, create_graph=True)
    return gradient.flatten(1)


def off_target(score: Score, x: Tensor, target: float, one_sided: bool = False) -> Tensor:
    """Mean square of how far the length of each sample's slope is from the target, or only above it."""
    excess: Tensor = vector_norm(slopes(score, x), dim=1) - target
    return (excess.relu() if one_sided else excess).square().mean()


def random_shares(x: Tensor) -> Tensor:
    """A uniform number for each sample, of as many dimensions as x (n, ...)."""
    return torch.rand(len(x), *[1] * (x.dim() - 1), dtype=x.dtype, device=x.device)


def grammian(weight: Tensor) -> Tensor:
    """W W^T of a layer's weight, one row an output; of its transpose where there are more rows than columns."""
    rows = weight.flatten(1)
    return rows @ rows.mT if len(rows) <= rows.shape[1] else rows.mT @ rows
