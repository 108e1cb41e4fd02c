"""Formulations: what the two players minimise, as functions of D's scores.

A score is D's last linear output, before any sigmoid; higher means more real. A formulation is a small value with two
functions, scores in, scalar out. Any variant can play any formulation: `loss = "hinge"` in a suite's options.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ganbench.plugins.spec import Choice, Count, NotNegative


@dataclass(frozen=True)
class Formulation(Choice):
    """The losses of D and of G. A suite gives the formulation's name for an option of this type."""

    kind: ClassVar[str] = "losses"

    name: str
    d: Callable[[Tensor, Tensor], Tensor]  # (scores of real, scores of fake) -> scalar that D minimises
    g: Callable[[Any, Tensor], Tensor]  # (scores of real, None unless it compares; of fake) -> scalar that G minimises
    source: str
    belief: Callable[[Tensor], Tensor] | None = None  # score -> p / (p + q), when D is at its optimum
    codes: int = 0  # above 0: D is an autoencoder with as many codes, and a score is minus its error
    repelling: float = 0.0  # weight of the pulling-away term of the codes in G's loss
    forbids: tuple[str, ...] = ()  # penalties that contradict it
    compares: bool = False  # `g` is given the scores of the real samples in G's batch too, which cost a pass through D
    factor: float = 1.0  # that its paper writes before all expectations, and others often leave out

    def __post_init__(self) -> None:
        for player, loss in (("d", self.d), ("g", self.g)):
            if not takes_two(loss):
                raise ValueError(
                    f"Found the formulation {self.name!r} with a `{player}` that cannot be called with two arguments, "
                    "the scores of real and of fake samples. Give it both: lambda real, fake: ..., where G's `real` is "
                    "None unless the formulation compares."
                )

    def d_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """D's loss, and its mean scores as curves of their own."""
        return {"loss": self.d(real, fake), "real": real.detach().mean(), "fake": fake.detach().mean()}


def takes_two(loss: Callable[..., Any]) -> bool:
    """Whether a function can be called with two positional arguments; True of one that does not say."""
    try:
        signature = inspect.signature(loss)
    except ValueError:
        return True
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True


def _d_cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


minimax = Formulation(
    "minimax",
    d=_d_cross_entropy,
    g=lambda _, fake: -F.softplus(fake).mean(),
    belief=torch.sigmoid,
    source='Goodfellow et al., "Generative Adversarial Nets", 2014, eq. 1, https://arxiv.org/abs/1406.2661',
)
"""The zero-sum game: D minimises -E log s(D(x)) - E log(1 - s(D(G(z)))), G what D maximises; s is the sigmoid."""

nonsaturating = Formulation(
    "nonsaturating",
    d=_d_cross_entropy,
    g=lambda _, fake: F.softplus(-fake).mean(),
    belief=torch.sigmoid,
    source='Goodfellow et al., "Generative Adversarial Nets", 2014, section 3, https://arxiv.org/abs/1406.2661',
)
"""`minimax` for D; G minimises -E log s(D(G(z))), whose gradient does not vanish where D is sure."""

lsgan = Formulation(
    "lsgan",
    d=lambda real, fake: ((real - 1).square().mean() + fake.square().mean()) / 2,
    g=lambda _, fake: (fake - 1).square().mean() / 2,
    belief=lambda score: score.clamp(0, 1),
    factor=1 / 2,
    source='Mao et al., "Least Squares Generative Adversarial Networks", 2016, eq. 9, https://arxiv.org/abs/1611.04076',
)
"""Least squares: D minimises E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2, G E (D(G(z)) - 1)^2 / 2."""

wasserstein = Formulation(
    "wasserstein",
    d=lambda real, fake: fake.mean() - real.mean(),
    g=lambda _, fake: -fake.mean(),
    source='Arjovsky et al., "Wasserstein GAN", 2017, algorithm 1, https://arxiv.org/abs/1701.07875',
)
"""D minimises E D(G(z)) - E D(x), G -E D(G(z)); D must be Lipschitz, so give it a penalty, `clip` or `gradient`."""

hinge = Formulation(
    "hinge",
    d=lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
    g=lambda _, fake: -fake.mean(),
    source='Lim and Ye, "Geometric GAN", 2017, https://arxiv.org/abs/1705.02894',
)
"""D minimises E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), G -E D(G(z))."""

relativistic = Formulation(
    "relativistic",
    d=lambda real, fake: F.softplus(fake - real).mean(),
    g=lambda real, fake: F.softplus(real - fake).mean(),
    source='Huang et al., "The GAN is dead; long live the GAN!", 2024, https://arxiv.org/abs/2501.05441',
    compares=True,
)
"""D minimises E log(1 + exp(D(G(z)) - D(x))) over pairs of a fake and a real sample, G E log(1 + exp(D(x) - D(G(z)))).

R3GAN has it with R1 and R2: `penalty = ["r1", "r2"]`. Jolicoeur-Martineau, "The relativistic discriminator", 2018,
https://arxiv.org/abs/1807.00734, has the pairs first.
"""


def ebgan(
    *,
    margin: NotNegative = 0.8,  # energy up to which fakes are pushed; 1 is that of a constant reconstruction
    repelling: NotNegative = 0.1,  # weight of the pulling-away term in G's loss
    codes: Count = 32,  # numbers between encoder and decoder
) -> Formulation:
    """D is an autoencoder, and its reconstruction error is the energy that it gives to fakes and takes from real.

    D minimises E(x) + max(0, margin - E(G(z))), G minimises E(G(z)) + repelling * PT, where PT is the mean squared
    cosine between the codes of different fakes of a batch. D's features become the encoder; a score is minus the
    energy.

    Zhao, Mathieu and LeCun, "Energy-based Generative Adversarial Network", 2017, equations 1 to 4,
    https://arxiv.org/abs/1609.03126. The paper's margins, such as 10 for digits, belong to the scale of its energy and
    data. Here the energy is a share of that of a constant reconstruction, so that a margin means the same for all data.
    That unit and the default margin are ours; docs/log.md has the trials.
    """
    return Formulation(
        "ebgan",
        d=lambda real, fake: F.relu(margin + fake).mean() - real.mean(),
        g=lambda _, fake: -fake.mean(),
        source='Zhao et al., "Energy-based Generative Adversarial Network", 2017, https://arxiv.org/abs/1609.03126',
        codes=codes,
        repelling=repelling,
        forbids=("clip", "gradient", "dragan"),  # a Lipschitz energy could not rise to the margin beside the data
    )


def pulling_away(codes: Tensor) -> Tensor:
    """Mean squared cosine of all pairs of different rows of (n, k) codes: 1 / (n (n - 1)) sum_ij (s_i s_j)^2."""
    n, unit = len(codes), F.normalize(codes)
    return ((unit @ unit.T).square().sum() - unit.square().sum(1).square().sum()) / (n * (n - 1))


# f-GAN: D maximises E_x[T] - E_G[f*(T)], a bound on an f-divergence of data and generator; T is that of a score v.

NOWOZIN = 'Nowozin et al., "f-GAN", 2016, table 6, https://arxiv.org/abs/1606.00709'


def _f_divergence(
    name: str, t: Callable[[Tensor], Tensor], conjugate: Callable[[Tensor], Tensor], belief: Callable[[Tensor], Tensor]
) -> Formulation:
    """`t`: scores -> T, increasing; `conjugate`: scores -> f*(T). G maximises E[T], the alternative of section 3.2."""
    return Formulation(
        name,
        d=lambda real, fake: conjugate(fake).mean() - t(real).mean(),
        g=lambda _, fake: -t(fake).mean(),
        belief=belief,
        source=NOWOZIN,
    )


BEND = 10.0  # from here on the exponential goes on as its tangent: e^10 is enough, and float32 ends at e^88


def _exp(v: Tensor) -> Tensor:
    """e^v, and beyond BEND its tangent: convex, increasing, and never infinite."""
    return v.clamp(max=BEND).exp() * (1 + F.relu(v - BEND))


def _odds(u: Tensor) -> Tensor:
    """p / q -> p / (p + q)."""
    return u / (1 + u)


kl = _f_divergence("kl", t=lambda v: v, conjugate=lambda v: _exp(v - 1), belief=lambda v: (v - 1).sigmoid())
"""Kullback-Leibler divergence KL(p || q): T = v, f*(T) = exp(v - 1)."""

reverse_kl = _f_divergence("reverse_kl", t=lambda v: -_exp(-v), conjugate=lambda v: v - 1, belief=torch.sigmoid)
"""Reverse Kullback-Leibler divergence KL(q || p): T = -exp(-v), f*(T) = -1 - log(-T) = v - 1."""

pearson = _f_divergence(
    "pearson",
    t=lambda v: v,
    conjugate=lambda v: v.square() / 4 + v,
    belief=lambda v: _odds((1 + v / 2).clamp(min=0)),
)
"""Pearson chi-square: T = v, f*(T) = v^2 / 4 + v."""

squared_hellinger = _f_divergence(
    "squared_hellinger",
    t=lambda v: 1 - _exp(-v),
    conjugate=lambda v: _exp(v) - 1,
    belief=lambda v: (2 * v).sigmoid(),
)
"""Squared Hellinger distance: T = 1 - exp(-v), f*(T) = T / (1 - T) = exp(v) - 1."""

jensen_shannon = _f_divergence(
    "jensen_shannon",
    t=lambda v: math.log(2) - F.softplus(-v),
    conjugate=lambda v: F.softplus(v) - math.log(2),
    belief=torch.sigmoid,
)
"""Jensen-Shannon divergence: T = log(2 s(v)), f*(T) = -log(2 - exp(T)) = -log(2 s(-v)); s is the sigmoid."""
