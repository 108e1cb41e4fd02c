"""Second domains: what two-domain variants learn to pair with the data, though they never see a pair.

Each is the data's own samples under a known transform, so that what a variant pairs can be held against the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Domain:
    """A second domain."""

    name: str
    transform: Callable[[Tensor], Tensor]  # samples (n, *shape) of the first domain -> their partners
    undo: Callable[[Tensor], Tensor] | None = None  # and back, where nothing is lost
