"""Executors take runs to do and yield what became of them; how and where they run is their own affair.

One is a class derived from `Executor`, and an entry point of the group `ganbench.executors`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # they bring torch and pandas: the server that workers are forked from had better begin before that
    from ganbench.runs.spec import RunSpec
    from ganbench.store.columns import Status


@dataclass(frozen=True)
class Job:
    """A run to do, and the workdir it may write to."""

    spec: "RunSpec"
    workdir: Path


@dataclass(frozen=True)
class JobReport:
    """A sign of life. `status` is empty until the run has ended; then its record lies whole in the workdir.

    Only of a run that crashed is there no record: the driver writes it.
    """

    job: Job
    share: float = 0.0  # of the budget
    images: int = 0  # real images shown to D
    status: "Status | Literal['']" = ""
    reason: str = ""


class Executor(ABC):
    """Does jobs on devices of one type, some at a time."""

    device: str  # "cpu" or "cuda"
    workers: int  # runs at a time
    threads: int  # of each run

    @abstractmethod
    def __init__(self, device: str, workers: int | None = None):
        """Choose the number of workers where it is None."""

    @abstractmethod
    def __call__(self, jobs: list[Job]) -> Iterator[JobReport]:
        """Do all jobs, reporting as they go. Closing the iterator stops what is running."""

    @classmethod
    def warm_up(cls) -> None:
        """Begin in the background with what the first job would wait for. It is called before torch is imported."""
        return
