"""Whether a gate can fail: results are made worse in known ways, and each must be caught.

    noise          every score is moved in its bad direction, by a half on average, by a different amount for each run
    modes dropped  half of what counts modes or classes is gone; divergences and entropies change by log 2, as they do
                   when half of equally frequent modes are lost
    half speed     all take twice as long

The originals stay as they are. What is worse in them already does not count as caught. What the gate does not look at,
or cannot look at because the baseline's speeds are another machine's, is not tried.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pandas import DataFrame

from ganbench.compare.baseline import Baseline, Score
from ganbench.compare.gate import SPEED, Gate
from ganbench.compare.regression import EVERY, NAME, check

UNTRIED = ("other machine", "new")  # verdicts on rows that the baseline says nothing of

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


def self_test(now: Baseline, before: Baseline, gate: Gate) -> list[Trial]:
    """`now` made worse in three ways, each held against `before`. The same results give the same trials."""
    known = _names(check(now, before, gate).of("regression"))
    trials = []
    for name, way in (("noise", _noise()), ("modes dropped", _drop_modes), ("half speed", _halve_speed)):
        ways = {row: degrade for row, score in now.scores.items() if (degrade := way(score))}
        worse = {
            row: replace(score, values={seed: _apply(ways[row], value) for seed, value in score.values.items()})
            if row in ways
            else score
            for row, score in now.scores.items()
        }
        found = check(replace(now, scores=worse), before, gate)
        tried = _names(found.rows[~found.rows["verdict"].isin(UNTRIED)]) & ways.keys()
        caught = {row for row in _names(found.of("regression")) - known if row in ways or row[1] == EVERY}
        trials.append(Trial(name, len(tried), len(caught)))
    return trials


def _names(rows: DataFrame) -> set[tuple[str, ...]]:
    return set(rows[NAME].itertuples(index=False, name=None))


def _apply(degrade: Degrade, value: float | None) -> float | None:
    return None if value is None else degrade(value)


def _noise() -> Callable[[Score], Degrade | None]:
    rng = np.random.default_rng(0)

    def worse(score: Score) -> Degrade | None:
        if score.metric == SPEED:
            return None
        sign = 1.0 if score.direction == "lower" else -1.0
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
