"""Formulations: what the two players minimise, as functions of D's scores.

A score is D's last linear output, before any sigmoid; higher means more real. Each formulation is a
small value with two functions, scores in, scalar out, so that any can be put under any variant:
`loss = "hinge"` in a suite's options.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ganbench import plugins


@dataclass(frozen=True)
class Formulation:
    """Two losses. Where a variant's option has this type, a suite gives the formulation's name."""

    name: str
    d: Callable[[Tensor, Tensor], Tensor]  # (scores of real, scores of fake) -> scalar that D minimises
    g: Callable[[Tensor], Tensor]  # scores of fake -> scalar that G minimises
    source: str

    def d_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """D's loss, and its mean scores as curves of their own."""
        return {"loss": self.d(real, fake), "real": real.detach().mean(), "fake": fake.detach().mean()}

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(
            lambda name: plugins.load("losses", name), core_schema.str_schema()
        )


def _d_cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


minimax = Formulation(
    "minimax",
    d=_d_cross_entropy,
    g=lambda fake: -F.softplus(fake).mean(),
    source='Goodfellow et al., "Generative Adversarial Nets", 2014, eq. 1, https://arxiv.org/abs/1406.2661',
)

nonsaturating = Formulation(
    "nonsaturating",
    d=_d_cross_entropy,
    g=lambda fake: F.softplus(-fake).mean(),
    source='Goodfellow et al., "Generative Adversarial Nets", 2014, section 3, https://arxiv.org/abs/1406.2661',
)

lsgan = Formulation(
    "lsgan",
    d=lambda real, fake: ((real - 1).square().mean() + fake.square().mean()) / 2,
    g=lambda fake: (fake - 1).square().mean() / 2,
    source='Mao et al., "Least Squares Generative Adversarial Networks", 2016, eq. 9, https://arxiv.org/abs/1611.04076',
)

wasserstein = Formulation(
    "wasserstein",
    d=lambda real, fake: fake.mean() - real.mean(),
    g=lambda fake: -fake.mean(),
    source='Arjovsky et al., "Wasserstein GAN", 2017, algorithm 1, https://arxiv.org/abs/1701.07875',
)

hinge = Formulation(
    "hinge",
    d=lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
    g=lambda fake: -fake.mean(),
    source='Lim and Ye, "Geometric GAN", 2017, https://arxiv.org/abs/1705.02894',
)
