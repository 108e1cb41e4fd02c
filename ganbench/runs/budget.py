"""How long to train, and what training has cost so far."""

import sys
from dataclasses import dataclass
from typing import Literal

Unit = Literal["images", "updates", "seconds", "flops"]


@dataclass
class Ledger:
    """All costs of one run, whatever its budget is counted in, so that "equal" can be checked."""

    images: int = 0  # real ones in the batches of players that see data, of all domains; drawn twice counts twice
    images_g: int = 0  # real ones in the batches of players that see no data, but whose losses compare with it
    rounds: int = 0  # in each, every player moves
    d_updates: int = 0  # steps of the players that see data
    g_updates: int = 0  # steps of the players that make samples
    seconds: float = 0.0  # of training alone: judging and saving are not counted
    flops: int = 0  # of all players' networks, forward and backward
    peak_memory: int = 0  # bytes: the device's on CUDA, the process's on a CPU
    parameters_d: int = 0  # of the players that see data and make no samples
    parameters_g: int = 0  # of the players that make samples
    sampling_seconds: float = 0.0  # of drawing 1,000 samples, after training
    sampling_passes: int = 0  # of the largest network, that a sample takes

    @property
    def updates(self) -> int:
        """Steps of the players that make samples."""
        return self.g_updates

    @property
    def parameters(self) -> int:
        """Of the players that see data or make samples."""
        return self.parameters_d + self.parameters_g

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0


DERIVED = ("parameters", "images_per_second")  # from a ledger, and written down with it


@dataclass(frozen=True)
class Budget:
    """An amount of one unit: real images that are seen, updates of what makes samples, seconds or FLOPs of training."""

    unit: Unit
    amount: float

    def spent(self, ledger: Ledger) -> float:
        """Share of the budget that is used up: 0 at the start, 1 or a little more at the end."""
        return float(getattr(ledger, self.unit)) / self.amount


def peak_memory() -> int:
    """Most memory this process has held so far, in bytes; 0 where the system does not say it: on Windows."""
    try:
        import resource
    except ModuleNotFoundError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
