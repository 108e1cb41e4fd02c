"""What of new results is held against what of a baseline: rows, on their way to a verdict.

A row is one metric of one variant on one dataset, its speed, or ENDED: how many of the baseline's runs ended again.
Names, directions, units and weights are the baseline's, for new results might say otherwise. No torch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganbench.compare.baseline import ROUNDING, Baseline, Record, Runs, Score
from ganbench.compare.collapse import Fall
from ganbench.compare.contrast import Contrast, Samples
from ganbench.compare.gate import SPEED, Gate, Limit
from ganbench.statistics.intervals import Floats, floats

TELLING = 2  # scores that are no whole numbers, without which two seeds may be alike by chance
ENDED = "ended"  # in a metric's place: of the baseline's runs, those that ended well

NAME = ["dataset", "variant", "metric"]
VERDICTS = [
    *NAME, "verdict", "direction", "unit", "before", "after", "change", "low", "high", "p", "tolerance", "weight",
    "detectable", "seeds_before", "seeds_after", "remark",
]  # fmt: skip


def sign_of_worse(direction: str) -> float:
    """The sign of a change for the worse."""
    return 1.0 if direction == "lower" else -1.0


@dataclass
class Row:
    """One row, on its way to a verdict."""

    name: tuple[str, str, str]  # dataset, variant, metric
    direction: str
    unit: str
    limit: Limit
    before: float  # means, or numbers of runs
    after: float
    seeds: tuple[int, int]
    verdict: str = ""
    remark: str = ""
    otherwise: str = ""  # the verdict, if it is no regression: something of the baseline has no value now
    samples: Samples | None = None  # if it can be tested
    contrast: Contrast | None = None
    fall: Fall | None = None
    collapsed: bool = False
    p: float = math.nan  # of a change for the worse, or for the better where that is the verdict
    detectable: float = math.nan

    @property
    def worse(self) -> float:
        return sign_of_worse(self.direction)

    def counts(self, change: float, shift: float) -> bool:
        """Whether it is worse by more than tolerated, as a share and in the metric's unit."""
        return self.worse * change > self.limit.tolerance and self.worse * shift > self.limit.floor

    def record(self) -> Record:
        change, low, high = self.contrast.change() if self.contrast else (math.nan,) * 3
        return {
            **dict(zip(NAME, self.name, strict=True)), "verdict": self.verdict, "direction": self.direction,
            "unit": self.unit, "before": self.before, "after": self.after, "change": change, "low": low, "high": high,
            "p": self.p, "tolerance": self.limit.tolerance, "weight": self.limit.weight, "detectable": self.detectable,
            "seeds_before": self.seeds[0], "seeds_after": self.seeds[1], "remark": self.remark,
        }  # fmt: skip


def metric_rows(now: Baseline, before: Baseline, gate: Gate) -> Iterator[Row]:
    """All metrics of both, in the order of their names; those that need no test have their verdict already."""
    for name in sorted({*now.scores, *before.scores}):
        pair = _pair(name, now, before)
        row = _row(name, pair, gate)
        if row.limit.weight:
            row.verdict, row.remark = _untested(row, pair, gate)
            if pair.old and pair.new and not row.verdict:
                _prepare(row, pair.old, pair.new)
            yield row


def ended_rows(now: Baseline, before: Baseline, gate: Gate) -> Iterator[Row]:
    """For each variant on each dataset, how many of the baseline's runs ended again, if there is something to say."""
    for name in sorted({*now.runs, *before.runs}):
        runs, once = now.runs.get(name), before.runs.get(name)
        ended = len(once.ended) if once else math.nan
        again = len(set(once.ended if once else ()) & set(runs.ended if runs else ()))
        seeds = len(once.seeds) if once else 0, len(runs.seeds) if runs else 0
        row = Row((*name, ENDED), "higher", "runs", Limit(gate.failures, 1.0), ended, again, seeds)
        if once and runs:
            row.verdict, row.remark = _endings(runs, once, gate.failures)
            if copies := sorted(repeated(now, name) - repeated(before, name)):
                row.verdict = row.verdict if row.verdict == "regression" else "not comparable"
                row.remark = "; ".join(
                    [
                        f"{_seeds(copies)} repeat{'s' * (len(copies) < 2)} the scores of another",
                        *filter(None, [row.remark]),
                    ]
                )
        else:
            row.verdict, row.remark = ("missing", "it did not run") if once else ("new", "")
        if row.remark or row.verdict == "better":
            yield row


def repeated(board: Baseline, row: tuple[str, str]) -> set[int]:
    """Seeds with the very scores of an earlier seed, whole numbers aside: records that were copied."""
    scores = [score for name, score in board.scores.items() if name[:2] == row and name[2] != SPEED]
    first: dict[tuple[float, ...], int] = {}
    found = set()
    for seed in board.runs[row].ended:
        own = tuple(value for score in scores if (value := score.values.get(seed)) is not None)
        if sum(value % 1 != 0 for value in own) >= TELLING and first.setdefault(own, seed) != seed:
            found.add(seed)
    return found


def _endings(runs: Runs, once: Runs, allowed: float) -> tuple[str, str]:
    newly = {seed: how for seed, how in runs.failures.items() if seed in once.ended}
    unrecorded = [seed for seed in once.seeds if seed not in runs.seeds]
    further = [seed for seed in runs.failures if seed not in once.seeds]
    unknown = [seed for seed in runs.ended if seed not in once.seeds]
    remarks = [f"no record of {_seeds(unrecorded)}"] if unrecorded else []
    if newly:
        remarks.append(f"{_seeds(list(newly))} ended in the baseline: {'; '.join(dict.fromkeys(newly.values()))}")
    if further:
        remarks.append(f"{_seeds(further)}, which the baseline lacks, failed")
    if unknown:
        remarks.append(f"{_seeds(unknown)}, which the baseline lacks, not looked at")
    if len(newly) > allowed * len(once.ended):
        verdict = "regression"
    else:
        verdict = "missing" if unrecorded else "better" if set(once.failures) & set(runs.ended) - {*newly} else "same"
    return verdict, "; ".join(remarks)


# One metric


@dataclass(frozen=True)
class _Pair:
    """A metric once and now, and the runs that it is of."""

    old: Score | None
    new: Score | None
    once: Runs | None
    runs: Runs | None


def _pair(name: tuple[str, str, str], now: Baseline, before: Baseline) -> _Pair:
    """Of the baseline's seeds: whoever adds good ones hides none of the bad."""
    old, new = before.scores.get(name), now.scores.get(name)
    once, runs = before.runs.get(name[:2]), now.runs.get(name[:2])
    if new and once:
        new = replace(new, values={seed: value for seed, value in new.values.items() if seed in once.seeds})
    if new and old and old.lower_bound is not None:
        new = replace(new, values={seed: _from(old.lower_bound, value) for seed, value in new.values.items()})
    return _Pair(old, new, once, runs)


def _from(bound: float, value: float | None) -> float | None:
    """The value, if it is not below a bound by more than rounding: what a candidate says of its own does not count."""
    return None if value is None or value < bound - ROUNDING * (1 + abs(bound)) else value


def _row(name: tuple[str, str, str], pair: _Pair, gate: Gate) -> Row:
    known: Any = pair.old or pair.new
    runs: Any = pair.once or pair.runs
    once, values = (score.numbers if score else floats([]) for score in (pair.old, pair.new))
    limit = gate.limit(name[-1], name[-1] == runs.decides)
    seeds = len(once), len(values)
    return Row(name, known.direction, known.unit, limit, _mean(once), _mean(values), seeds)


def _untested(row: Row, pair: _Pair, gate: Gate) -> tuple[str, str]:
    """Verdict and remark of a row that cannot be tested; of others no verdict, but perhaps a remark."""
    old, new, runs, once = pair.old, pair.new, pair.runs, pair.once
    if old is None:
        return "new", ""
    if runs is None or once is None:
        return "missing", "it did not run"
    if unlike := _unlike(old, new, runs, once):
        return unlike
    had = [seed for seed, value in old.values.items() if value is not None]
    values = new.values if new else {}
    absent = [seed for seed in had if seed in runs.ended and seed not in values]
    lost = [seed for seed in had if seed in runs.ended and seed in values and values[seed] is None]
    if not row.seeds[1]:
        return _without_values(had, absent, runs)
    if len(lost) > gate.failures * len(had):
        return "regression", f"{_seeds(lost)} gave a number in the baseline, and none now"
    remarks = [_without(old, "of the baseline"), _without(new, "now")]
    if absent:
        row.otherwise = "missing"
        remarks.append(f"no score of {_seeds(absent)}")
    elif any(values.get(seed) is None for seed in had):
        row.otherwise = "undecided"  # among those that are left the winner may be the one whose bad runs are gone
    remark = "; ".join(filter(None, remarks))
    if min(row.seeds) < 2:
        few = f"{row.seeds[0]} seed(s) in the baseline, {row.seeds[1]} now: nothing to judge chance by"
        return row.otherwise or "undecided", "; ".join(filter(None, [remark, few]))
    return "", remark


def _unlike(old: Score, new: Score | None, runs: Runs, once: Runs) -> tuple[str, str] | None:
    """Verdict and remark where the two were not measured alike."""
    if runs.budget != once.budget:
        return "not comparable", f"trained for {runs.budget}, in the baseline for {once.budget}"
    if runs.plugin and once.plugin and runs.plugin != once.plugin:
        return "not comparable", f"the variant is {runs.plugin}, in the baseline {once.plugin}"
    if new is None:
        return None
    for what in ("direction", "unit"):
        if getattr(new, what) != getattr(old, what):
            return "not comparable", f"its {what} is {getattr(new, what)!r}, in the baseline {getattr(old, what)!r}"
    if len(old.numbers) and len(new.numbers) and (new.key != old.key or not new.key):
        if old.metric == SPEED:
            return "other machine", f"{new.key or 'several'}; the baseline: {old.key or 'several'}"
        return "not comparable", f"its key is {new.key}, in the baseline {old.key}"
    return None


def _without_values(had: list[int], absent: list[int], runs: Runs) -> tuple[str, str]:
    """Of a row that has no value now."""
    if absent:
        return "missing", "the results lack this metric"
    if had and not set(had) & set(runs.seeds):
        return "missing", f"no record of {_seeds(had)}"
    if had:
        return "regression", f"no value from {len(runs.seeds)} run(s), {len(runs.failures)} of which failed"
    return "undecided", "no run has a value, nor had any in the baseline"


def _prepare(row: Row, old: Score, new: Score) -> None:
    noise = old.noise or 0.0  # the baseline's: a candidate shall not say how uncertain it is
    row.samples = Samples(old.numbers, new.numbers, noise, row.limit.floor)
    row.verdict = "same" if old.values == new.values else ""


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _without(score: Score | None, when: str) -> str:
    """How many runs have no value, if some have none."""
    if not score or not (n := sum(value is None for value in score.values.values())):
        return ""
    return f"{n} of {len(score.values)} runs {when} without a value"


def _seeds(seeds: list[int]) -> str:
    return f"seed{'s'[: len(seeds) > 1]} {', '.join(map(str, seeds))}"
