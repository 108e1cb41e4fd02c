"""How long to train, and what training has cost so far."""

import resource
import sys
from dataclasses import dataclass
from typing import Literal

Unit = Literal["images", "updates", "seconds", "flops"]


@dataclass
class Ledger:
    """All costs of one run, whatever its budget is counted in, so that "equal" can be checked."""

    images: int = 0  # real images shown to D, of all its domains; two looks at one count twice
    rounds: int = 0  # in each, every player moves
    d_updates: int = 0
    g_updates: int = 0
    seconds: float = 0.0  # of training alone: judging and saving are not counted
    flops: int = 0  # of the two players' networks, forward and backward
    peak_memory: int = 0  # bytes: the device's on CUDA, the process's on a CPU
    parameters_d: int = 0
    parameters_g: int = 0

    @property
    def updates(self) -> int:
        """Generator updates."""
        return self.g_updates

    @property
    def parameters(self) -> int:
        """Of both players."""
        return self.parameters_d + self.parameters_g

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0


DERIVED = ("parameters", "images_per_second")  # from a ledger, and written down with it


@dataclass(frozen=True)
class Budget:
    """An amount of one unit: real images shown to D, generator updates, seconds of training or FLOPs."""

    unit: Unit
    amount: float

    def spent(self, ledger: Ledger) -> float:
        """Share of the budget that is used up: 0 at the start, 1 or a little more at the end."""
        return float(getattr(ledger, self.unit)) / self.amount


def peak_memory() -> int:
    """Most memory this process has held so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
