"""Metrics: functions of what a judge saw, each yielding one number and its own standard error.

One file per family. The `metric` decorator carries what a reader of the number must know;
entry points of the group `ganbench.metrics` give it its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Literal, NamedTuple

from torch import Tensor

from ganbench.data.mixtures import Mixture
from ganbench.judges import Judged

Direction = Literal["higher", "lower", "none"]  # "none": no score, but what another number is read against
Belief = Callable[[Tensor], Tensor]  # samples (n, *shape) -> (n,) probability that each is real, as D's scores say it


class Pairs(NamedTuple):
    """What a variant of two domains holds to belong together. Samples are (n, *shape), on the CPU."""

    domain: str  # name of the second domain
    x: Tensor  # of the data's own domain
    x_other: Tensor  # their partners, as the variant made or was given them
    truth: Tensor  # their true partners: the known transform of x
    seen: Judged  # what the judge says of x
    y_other: Tensor | None = None  # (n,) classes of x_other: its source's own, or what the judge sees in it undone
    returned: Tensor | None = None  # x_other after the way to the data's domain and back


class Evidence(NamedTuple):
    """All that a metric may look at. Tensors are on the CPU. What has a default is there for some runs only."""

    samples: Judged
    reference: Judged
    prior: Tensor  # (classes,) true share of each class or mode
    mixture: Mixture | None = None  # the exact density, where there is one: features are then coordinates
    asked: Tensor | None = None  # (n,) classes that a conditional variant was asked for
    pair: Pairs | None = None  # of a variant of two domains
    belief: Belief | None = None  # of a variant whose D speaks of probabilities

    def has(self, need: str) -> bool:
        """Whether a field is there, or a field's own, as in "pair.returned"."""
        found: object = self
        for name in need.split("."):
            found = getattr(found, name)
            if found is None:
                return False
        return True


class Estimate(NamedTuple):
    value: float
    stderr: float = nan  # of this number over redrawn samples, not over seeds; nan: not estimated


@dataclass(frozen=True)
class Metric:
    """A named number. Calling it with evidence gives an Estimate."""

    name: str
    compute: Callable[[Evidence], Estimate]
    direction: Direction  # which way is better
    unit: str
    source: str  # paper
    needs: tuple[str, ...] = ()  # fields of Evidence, without which there is no number
    version: int = 1  # raised when the number changes its meaning: part of the comparability key

    def __post_init__(self) -> None:
        # So that `help` and `inspect.getdoc` explain a metric as they explain a variant.
        object.__setattr__(self, "__doc__", self.compute.__doc__)

    def __call__(self, evidence: Evidence) -> Estimate:
        return self.compute(evidence)

    @property
    def of_any_variant(self) -> bool:
        """Whether every variant owes this number; others are of those alone that can give what it needs."""
        return set(self.needs) <= {"mixture"}

    def applies(self, evidence: Evidence) -> bool:
        """Whether all that it needs is there."""
        return all(evidence.has(need) for need in self.needs)

    def conditions(self, evidence: Evidence) -> dict[str, str]:
        """What its number depends on beside judge, data and samples: part of the comparability key."""
        paired = any(need.partition(".")[0] == "pair" for need in self.needs)
        return {"second domain": evidence.pair.domain} if paired and evidence.pair else {}


def metric(
    name: str, *, direction: Direction, unit: str, source: str, needs: tuple[str, ...] = (), version: int = 1
) -> Callable[[Callable[[Evidence], Estimate]], Metric]:
    """Make a Metric of a function."""
    return lambda compute: Metric(name, compute, direction, unit, source, needs, version)
