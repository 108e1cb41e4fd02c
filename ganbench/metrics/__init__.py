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

Direction = Literal["higher", "lower"]


class Evidence(NamedTuple):
    """All that a metric may look at. Tensors are on the CPU."""

    samples: Judged
    reference: Judged
    prior: Tensor  # (classes,) true share of each class or mode
    mixture: Mixture | None = None  # the exact density, where there is one: features are then coordinates


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
    needs_mixture: bool = False  # only where the exact density is known
    version: int = 1  # raised when the number changes its meaning: part of the comparability key

    def __post_init__(self) -> None:
        # So that `help` and `inspect.getdoc` explain a metric as they explain a variant.
        object.__setattr__(self, "__doc__", self.compute.__doc__)

    def __call__(self, evidence: Evidence) -> Estimate:
        return self.compute(evidence)


def metric(
    name: str, *, direction: Direction, unit: str, source: str, needs_mixture: bool = False, version: int = 1
) -> Callable[[Callable[[Evidence], Estimate]], Metric]:
    """Make a Metric of a function."""
    return lambda compute: Metric(name, compute, direction, unit, source, needs_mixture, version)
