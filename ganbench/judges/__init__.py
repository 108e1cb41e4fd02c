"""Judges turn samples into features and class probabilities; they never change."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from ganbench.data import Split


class Judged(NamedTuple):
    """What a judge says of `n` samples, on the CPU."""

    features: Tensor  # (n, d) float32
    logits: Tensor  # (n, classes) float32; softmax gives the judge's class probabilities


class Judge(ABC):
    """A frozen network, or the exact density.

    `__init__(self, dataset)` raises BadSuite if it cannot judge that dataset.
    """

    key: str  # sha256 of the weights, and the preprocessing in words
    metrics: tuple[str, ...]  # computed unless a suite names others
    select: str  # the metric that picks a run's best checkpoint on the validation split
    about: str = ""  # a sentence that boards say of it
    answers: str = ""  # of a judge of one's own: hash of what it says of fixed samples, which is part of a run's id
    lasting: bool = False  # whether `key` tells all that its answers depend on, so that they may be kept on disk

    @classmethod
    def files(cls, dataset: str) -> tuple[Path, ...]:
        """Files of the user's own that it reads to judge the dataset of that name: what they hold is part of a run."""
        return ()

    @classmethod
    def at_hand(cls) -> bool:
        """Whether it can judge on this machine without fetching anything first. Raises BadSuite or DataMissing."""
        return True

    @classmethod
    def trainer(cls) -> Callable[..., Any] | None:
        """What makes its weights anew, if anything can: called by `ganbench judge train`, with its options by name."""
        return None

    @abstractmethod
    def __call__(self, x: Tensor) -> Judged:
        """Judge samples (n, *shape) as the dataset and the variants give them, on any device."""

    @abstractmethod
    def reference(self, split: Split) -> Judged:
        """What the judge says of the dataset's real samples of `split`."""
