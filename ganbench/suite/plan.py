"""What a command is about to do: a checked suite, and what is missing of it. Plain values, which need no torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ganbench.executors import Executor
from ganbench.runs.spec import RunSpec
from ganbench.store.folder import Store
from ganbench.suite import OnFailure
from ganbench.suite.sharding import Shard
from ganbench.trackers import Tracker


@dataclass(frozen=True)
class Suite:
    """A checked suite: its name, its runs in the order in which they are worth having, and its own text."""

    name: str
    description: str
    meant_for: str
    runs: tuple[RunSpec, ...]
    text: str
    on_failure: OnFailure = "retry"
    published: tuple[dict[str, Any], ...] = ()  # one for each number: PUBLISHED_COLUMNS of the store
    later: tuple[RunSpec, ...] = ()  # whose seeds are added where it is not decided yet who leads
    searched: tuple[RunSpec, ...] = ()  # whose options a search has yet to choose
    kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # columns of a row, by its label

    def knowing(self, known: Sequence[RunSpec], searched: Sequence[RunSpec]) -> "Suite":
        """The same suite, with runs whose options are known now, and those that are still searched."""
        now = tuple(run for run in known if not run.is_added)
        later = tuple(run for run in known if run.is_added)
        return replace(self, runs=self.runs + now, later=self.later + later, searched=tuple(searched))

    def asking_for(self, wanted: Callable[[RunSpec], bool]) -> "Suite":
        """The same suite, with those of the later runs that are wanted among its runs."""
        asked = tuple(run for run in self.later if wanted(run))
        return replace(self, runs=self.runs + asked, later=tuple(run for run in self.later if run not in asked))


@dataclass(frozen=True)
class Plan:
    """What a command is about to do."""

    suite: Suite
    store: Store
    executor: Executor
    runs: tuple[RunSpec, ...]  # those still to do
    failed: int  # those asked for that failed before, and are not done again
    command: str
    on_failure: OnFailure = "retry"
    asked: int = 0  # runs that the command is about, done or not
    join: bool = False  # other drivers that are at work
    trackers: Mapping[str, Tracker] = field(default_factory=dict)  # by name
    only: str = "*"
    shard: Shard | None = None
