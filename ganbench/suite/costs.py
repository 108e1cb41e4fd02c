"""What runs cost in seconds, and a suite on so many workers; what an estimate says of it, in plain values."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Pair = tuple[str, str]  # label, dataset's label


class Cost(NamedTuple):
    """Seconds of one run."""

    start: float = 0.0  # a process, data, networks; also weights and pictures that are kept
    training: float = 0.0
    judging: float = 0.0

    @property
    def total(self) -> float:
        return sum(self)

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        return Cost(*(mine + its for mine, its in zip(self, other, strict=True)))


class Turns(NamedTuple):
    """How many runs there are at a time, and on how many devices, as an executor says."""

    device: str
    workers: int
    devices: int


class Forecast(NamedTuple):
    """What is known of a suite's pairs of variant and dataset before they run."""

    costs: Mapping[Pair, Cost]  # of one run
    failures: Mapping[Pair, str]  # what a variant raised when it was tried
    guessed: frozenset[Pair]  # not tried, but taken to be as the others
    memory: int  # bytes of its device that no run takes more than; 0: nobody knows
    shorter: str  # options that make the suite short enough for a machine that it is not meant for

    def cost(self, pair: Pair) -> Cost:
        """Seconds of a run; none of one that fails at once."""
        return self.costs.get(pair, Cost())


def elapsed(costs: Iterable[Cost], turns: Turns) -> float:
    """Seconds from the first run to the last: workers share all work, but a GPU trains one run after the other.

    That several runs on one GPU train faster than in turns is not counted on.
    """
    total = sum(costs, Cost())
    at_a_time = turns.workers if turns.device == "cpu" else turns.devices
    return total.training / at_a_time + (total.start + total.judging) / turns.workers
