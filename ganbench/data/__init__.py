"""Real data: what is trained on, what is compared against, and what nobody but the controls may see."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from ganbench.variant import Batch, DataSpec

if TYPE_CHECKING:
    from ganbench.data.mixtures import Mixture

Split = Literal["validation", "test"]


class Dataset(ABC):
    """Tensors on the CPU, float32 (images NCHW in [-1, 1]), and where they came from.

    `__init__(self, *, ...)`: the keyword-only arguments are what a suite may set.
    """

    spec: DataSpec
    fingerprint: str  # sha256 of the data as stored, before any resizing
    preprocessing: str  # what was done to it afterwards, in words: part of every score's comparability key
    judge: str  # the judge that is asked, unless a suite names another
    prior: Tensor  # (classes,) true share of each class or mode, sums to 1
    mixture: "Mixture | None" = None  # the exact density, where it is known

    @abstractmethod
    def train(self) -> Batch:
        """The training split."""

    @abstractmethod
    def fresh(self, split: Split, n: int) -> Batch:
        """`n` real samples that neither the training split nor the reference of `split` holds.

        They serve the controls, and give every variant its labels and its second domain. Always
        the same ones. If fewer exist, they come round again.
        """

    @abstractmethod
    def reference(self, split: Split) -> Batch:
        """The real samples that generated ones are compared with on `split`."""
