"""Whether a gate can fail: results are made worse in known ways, and each must be caught.

    noise          every score moves in its bad direction, by a half on average, by a different amount for each run
    modes dropped  counts of modes or classes halve; divergences and entropies change by log 2, as they do when half of
                   equally frequent modes are lost
    half speed     every run takes twice as long

The spoilt copy is held against the results themselves, by the gate's rules: a machine that is faster than the
baseline's, or a quality that has improved, must not hide what is spoilt. The originals stay as they are. A row that the
gate does not look at, or cannot because the runs' speeds are of several machines, is not tried.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pandas import DataFrame

from ganbench.compare.baseline import Baseline, Score
from ganbench.compare.gate import SPEED, Gate
from ganbench.compare.regression import EVERY, check
from ganbench.compare.rows import NAME, sign_of_worse

UNTRIED = ("other machine",)  # verdicts on rows that nothing can be held against

Degrade = Callable[[float], float]


@dataclass(frozen=True)
class Trial:
    """What became of one way to make results worse."""

    name: str
    tried: int  # rows that were made worse, and that the gate looks at here
    caught: int  # of these; the rows of "every variant" beside them

    @property
    def passed(self) -> bool:
        return self.caught > 0 or not self.tried


def proven(trials: Sequence[Trial]) -> bool:
    """Whether everything that could be tried was caught, and something was."""
    return all(trial.passed for trial in trials) and any(trial.caught for trial in trials)


def self_test(results: Baseline, gate: Gate) -> list[Trial]:
    """Make results worse in three ways and hold each against them. The same results give the same trials."""
    trials = []
    for name, degradation in (("noise", _noise()), ("modes dropped", _drop_modes), ("half speed", _halve_speed)):
        degrades = {row: degrade for row, score in results.scores.items() if (degrade := degradation(score))}
        checked = check(_degraded(results, degrades), results, gate)
        tried = _row_names(checked.rows[~checked.rows["verdict"].isin(UNTRIED)]) & degrades.keys()
        worse = _row_names(checked.of("regression"))
        trials.append(Trial(name, len(tried), sum(row in degrades or row[1] == EVERY for row in worse)))
    return trials


def _degraded(board: Baseline, degrades: Mapping[tuple[str, str, str], Degrade]) -> Baseline:
    """A copy of the board in which the rows named have worse values."""
    worse = {
        row: replace(board.scores[row], values={s: _apply(degrade, v) for s, v in board.scores[row].values.items()})
        for row, degrade in degrades.items()
    }
    return replace(board, scores=board.scores | worse)


def _row_names(rows: DataFrame) -> set[tuple[str, ...]]:
    return set(rows[NAME].itertuples(index=False, name=None))


def _apply(degrade: Degrade, value: float | None) -> float | None:
    return None if value is None else degrade(value)


def _noise() -> Callable[[Score], Degrade | None]:
    rng = np.random.default_rng(0)

    def worse(score: Score) -> Degrade | None:
        if score.metric == SPEED:
            return None
        sign = sign_of_worse(score.direction)
        return lambda value: value + sign * abs(value) * float(np.clip(rng.normal(0.5, 0.1), 0.0, 1.0))

    return worse


def _drop_modes(score: Score) -> Degrade | None:
    ways: dict[tuple[str, str], Degrade] = {
        ("modes", "higher"): lambda value: value / 2,
        ("classes", "higher"): lambda value: value / 2,
        ("nats", "lower"): lambda value: value + math.log(2),
        ("nats", "higher"): lambda value: value - math.log(2),
    }
    return ways.get((score.unit, score.direction))


def _halve_speed(score: Score) -> Degrade | None:
    return (lambda value: value / 2) if score.metric == SPEED else None
