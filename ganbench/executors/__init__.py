"""Executors take runs to do and yield what became of them; how and where they run is their own affair."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # it brings torch: the server that workers are forked from had better begin before that
    from ganbench.runs.spec import RunSpec


@dataclass(frozen=True)
class Job:
    """A run to do, and the workdir it may write to."""

    spec: "RunSpec"
    workdir: Path


@dataclass(frozen=True)
class JobReport:
    """A sign of life. `status` is empty until the run has ended; then its record lies whole in the workdir."""

    job: Job
    share: float = 0.0  # of the budget
    images: int = 0  # real images shown to D
    status: str = ""
    reason: str = ""


class Executor(Protocol):
    """Does jobs; `ganbench.executors.local` is one."""

    def __call__(self, jobs: list[Job]) -> Iterator[JobReport]:
        """Do all jobs, reporting as they go. Closing the iterator stops what is running."""
        ...
