"""Trackers show runs elsewhere while they are done. They only look on: results do not depend on them.

One is a class derived from `Tracker`, and an entry point of the group `ganbench.trackers`. The package that it writes
with is imported when it is made, and not before: `ganbench run --track NAME`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy import uint8
from numpy.typing import NDArray

from ganbench.errors import BenchError, said


class About(NamedTuple):
    """A run, as trackers name it."""

    id: str
    title: str  # "dcgan on mnist5k, seed 0"
    settings: Mapping[str, str | float]  # suite, label, dataset, seed, budget, options


class TrackedRun(ABC):
    """One run, in one tracker."""

    @abstractmethod
    def log(self, images: int, values: Mapping[str, float]) -> None:
        """Add finite numbers by name, as they were after so many real images."""

    @abstractmethod
    def end(self, status: str, images: int, scores: Mapping[str, float], samples: NDArray[uint8] | None) -> None:
        """Add the final scores and a picture (h, w, 3), if there is one; nothing follows."""


class Tracker(ABC):
    """Shows the runs of one suite; several are under way at a time."""

    @abstractmethod
    def __init__(self, suite: str, folder: Path):
        """`folder` is the suite's among the results. Nothing is written yet. Raises BenchError without its package."""

    @abstractmethod
    def begin(self, run: About) -> TrackedRun:
        """Begin a run, from its first image: one that goes on after a stop is told from its beginning."""


def missing(tracker: str, packages: str, error: ImportError) -> BenchError:
    """The error of a tracker whose packages cannot be imported."""
    return BenchError(
        f"--track {tracker} needs {tracker}, which cannot be imported: {said(error)}. "
        f"Install it: pip install {packages}, or pip install 'ganbench[trackers]'."
    )


def plain(values: Mapping[str, Any]) -> dict[str, str | float]:
    """Settings as trackers take them: numbers stay, anything else is text."""
    return {name: value if isinstance(value, int | float) else str(value) for name, value in values.items()}
