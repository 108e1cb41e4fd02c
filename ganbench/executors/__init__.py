"""Executors take runs to do and yield what became of them; how and where they run is their own affair.

One is a class derived from `Executor`, and an entry point of the group `ganbench.executors`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

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

    There is no record of a run that crashed: the driver writes it. Of one that is "lost" nobody could write it, as on a
    full disk, and the suite still misses it. "again" is the driver's own word: the run is done once more at the end.
    """

    job: Job
    share: float = 0.0  # of the budget
    images: int = 0  # real images shown to D
    status: "Status | Literal['', 'lost', 'again']" = ""
    reason: str = ""
    killed: bool = False  # by something outside of the run, which may not happen a second time


class Executor(ABC):
    """Does jobs on devices of one type, some at a time."""

    device: str  # "cpu", or the type of an accelerator: "cuda", "mps", "xpu"
    workers: int  # runs at a time
    threads: int  # of each run
    silence_s: float | None = None  # a run that reports nothing for so long is ended; None: none is
    devices: int = 1  # GPUs that runs are spread over
    elsewhere: ClassVar[bool] = False  # on machines whose devices this one cannot see: `device` may be "auto" then

    @abstractmethod
    def __init__(self, device: str, workers: int | None = None):
        """Choose the number of workers where it is None.

        Keyword-only arguments are options, which `ganbench run --executor-option NAME=VALUE` sets.
        """

    @abstractmethod
    def __call__(self, jobs: Iterable[Job]) -> Iterator[JobReport]:
        """Do all jobs, reporting as they go. Closing the iterator stops what is running.

        A job is best taken from `jobs` when it can begin: until then another driver of the same folder may do it.
        """

    def share(self, memory: int) -> None:
        """Hear that no run takes more than so many bytes of its device, and so how many fit; 0: nobody knows."""
        return
