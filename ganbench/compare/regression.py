"""Results against a baseline: is anything worse, by more than chance and by more than is tolerated?

A row is one variant, dataset and metric, or the speed of one variant on one dataset; each has the values of a few
seeds, once and now. For each dataset and metric there is also a row for "every variant", the mean of their changes,
which sees what a change in common does to each.

*Chance.* A two-sample t of the logarithms, or of the values where some of a metric are not positive. Its variance is
that of the row's own seeds; but a few seeds may happen to lie close, so never less than what the other variants lead
to expect (`ganbench.statistics.moderated`), nor than the metric's own noise over redrawn samples. It is drawn upwards
only: a variant whose seeds scatter more than the others' would raise false alarms otherwise. The p-values of all rows
are adjusted together, so that a board on which nothing changed raises an alarm in at most `error` of all cases, however
many rows it has. Weights say which row gets how much of that: Holm, "A Simple Sequentially Rejective Multiple Test
Procedure", 1979, https://www.jstor.org/stable/4615733, section 5.

*Size.* The change of the mean, the geometric one on logarithms, as a share of what it was.

    regression      worse by both; or no run has a value any more
    better          better by both
    same            the whole interval of the change is within the tolerance, or every seed gave the same value
    undecided       none of these: more seeds would say
    missing         the baseline has the row, the results do not
    not comparable  measured under other conditions, which is never "same"
    other machine   speeds of two devices are not held against each other
    new             the results have the row, the baseline does not

numpy and pandas only.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from pandas import DataFrame

from ganbench.compare.baseline import Baseline, Record, Runs, Score
from ganbench.compare.gate import SPEED, Gate, Limit
from ganbench.errors import BadResults
from ganbench.statistics import holm, t_quantile, t_tail
from ganbench.statistics.intervals import Floats, floats
from ganbench.statistics.moderated import moderated, prior

EVERY = "every variant"
PASSED, REGRESSED, NOTHING = 0, 1, 2  # exit codes
FAILS = ("regression", "missing", "not comparable")  # verdicts that a gate must not pass
SILENT = ("undecided", "other machine", "new")  # those that say nothing
LEVEL = 0.95  # of the intervals, each by itself
POWER = 0.8  # with which a change is called detectable

NAME = ["dataset", "variant", "metric"]
VERDICTS = [
    *NAME, "verdict", "direction", "unit", "before", "after", "change", "low", "high", "p", "tolerance", "weight",
    "detectable", "seeds_before", "seeds_after", "remark",
]  # fmt: skip


@dataclass(frozen=True)
class Check:
    """The verdicts, and what follows from them."""

    suite: str
    gate: Gate
    rows: DataFrame  # VERDICTS

    def of(self, *verdicts: str) -> DataFrame:
        return self.rows[self.rows["verdict"].isin(verdicts)]

    @property
    def tested(self) -> DataFrame:
        """Rows that could have failed."""
        return self.rows[self.rows["p"].notna() | self.rows["verdict"].isin(["regression", "same"])]

    @property
    def exit_code(self) -> int:
        """1: something got worse. 2: nothing could be tested, or something of the baseline was not measured again."""
        if len(self.of("regression")):
            return REGRESSED
        return NOTHING if self.tested.empty or len(self.of(*FAILS)) else PASSED


def check(now: Baseline, before: Baseline, gate: Gate) -> Check:
    """The verdict on every row of `before` and `now`. Raises BadResults if they are of two suites."""
    if now.suite != before.suite:
        raise BadResults(
            f"The baseline is of the suite {before.suite!r}, the results are of {now.suite!r}. Suites, and scales of "
            "one suite, have baselines of their own: name the right one, or make one with `ganbench baseline`."
        )
    found: list[_Row] = []
    for rows in _by_metric(_rows(now, before, gate)):
        comparable = [row for row in rows if row.samples]
        for row, contrast in zip(comparable, _contrasts([row.samples for row in rows if row.samples]), strict=True):
            row.contrast = contrast
        found += [*rows, *_every(comparable)]
    _judge([row for row in found if row.contrast and not row.verdict], gate.error)
    _name_the_worst(found)
    return Check(now.suite, gate, DataFrame([row.record() for row in found], columns=VERDICTS))


# What is held against what


class Samples(NamedTuple):
    """Two or more values each, once and now."""

    before: Floats
    after: Floats
    noise: float  # standard error of a single value over redrawn samples


@dataclass
class _Row:
    """One row, on its way to a verdict."""

    name: tuple[str, str, str]  # dataset, variant, metric
    direction: str
    unit: str
    limit: Limit
    before: Floats
    after: Floats
    seeds: tuple[int, int]
    verdict: str = ""
    remark: str = ""
    lost: bool = False  # runs of now have no value, of the baseline all have
    samples: Samples | None = None  # if it can be tested
    contrast: "Contrast | None" = None
    p: float = math.nan  # of a change for the worse, or for the better where that is the verdict
    detectable: float = math.nan

    @property
    def worse(self) -> float:
        """The sign of a change for the worse."""
        return 1.0 if self.direction == "lower" else -1.0

    def record(self) -> Record:
        change, low, high = self.contrast.change() if self.contrast else (math.nan,) * 3
        return {
            **dict(zip(NAME, self.name, strict=True)), "verdict": self.verdict, "direction": self.direction,
            "unit": self.unit, "before": _mean(self.before), "after": _mean(self.after), "change": change, "low": low,
            "high": high, "p": self.p, "tolerance": self.limit.tolerance, "weight": self.limit.weight,
            "detectable": self.detectable, "seeds_before": self.seeds[0], "seeds_after": self.seeds[1],
            "remark": self.remark,
        }  # fmt: skip


def _rows(now: Baseline, before: Baseline, gate: Gate) -> Iterable[_Row]:
    """All rows of both, in the order of their names; those that need no test have their verdict already."""
    for name in sorted({*now.scores, *before.scores}):
        dataset, variant, metric = name
        old, new = before.scores.get(name), now.scores.get(name)
        about = new or before.scores[name]
        runs = now.runs.get((dataset, variant))
        selecting = metric == (runs or before.runs[dataset, variant]).select
        limit, once, values = gate.limit(metric, selecting), _values(old), _values(new)
        row = _Row(name, about.direction, about.unit, limit, once, values, (len(once), len(values)))
        if not row.limit.weight:
            continue
        if old is None:
            row.verdict = "new"
        elif runs is None:
            row.verdict, row.remark = "missing", "it did not run"
        else:
            row.verdict, row.remark = _untested(row, runs, before.runs[dataset, variant], old, new)
        if old and new and not row.verdict:
            row.samples = Samples(once, values, max(old.noise or 0.0, new.noise or 0.0))
            row.lost = len(values) < len(new.values) and len(once) == len(old.values)
            row.verdict = "same" if old.values == new.values else ""
        yield row


def _untested(row: _Row, runs: Runs, once: Runs, old: Score, new: Score | None) -> tuple[str, str]:
    """Verdict and remark of a row that cannot be tested; of others no verdict, but perhaps a remark."""
    if runs.budget != once.budget:
        return "not comparable", f"trained for {runs.budget}, in the baseline for {once.budget}"
    if not new and runs.failed < len(runs.seeds):
        return "missing", "the results lack this metric"
    if not len(row.after):
        if len(row.before):
            return "regression", f"no value from {len(runs.seeds)} run(s), {runs.failed} of which failed"
        return "undecided", "no run has a value, nor had any in the baseline"
    assert new is not None
    if len(row.before) and (new.key != old.key or not new.key):
        if row.name[-1] == SPEED:
            return "other machine", f"{new.key or 'several'}; the baseline: {old.key or 'several'}"
        return "not comparable", f"its key is {new.key}, in the baseline {old.key}"
    lost = [
        f"{len(score.values) - len(values)} of {len(score.values)} runs {when} without a value"
        for score, values, when in ((old, row.before, "of the baseline"), (new, row.after, "now"))
        if len(values) < len(score.values)
    ]
    if min(len(row.before), len(row.after)) < 2:
        few = f"{len(row.before)} seed(s) in the baseline, {len(row.after)} now: nothing to judge chance by"
        return "undecided", "; ".join([*lost, few])
    return "", "; ".join(lost)


def _values(score: Score | None) -> Floats:
    """Of the seeds that have one."""
    return floats([value for value in score.values.values() if value is not None] if score else [])


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _by_metric(rows: Iterable[_Row]) -> list[list[_Row]]:
    """Rows of one dataset and metric together."""
    groups: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        groups.setdefault((row.name[0], row.name[2]), []).append(row)
    return list(groups.values())


# Chance


class Contrast(NamedTuple):
    """The difference of two means on the scale of the test, its standard error, and the degrees of freedom of that."""

    difference: float
    error: float
    df: float
    start: float  # the mean before, in the metric's unit
    logarithmic: bool
    splits: float  # in how many ways the seeds can be dealt to the two sides

    def relative(self, difference: float) -> float:
        """A difference as a share of what was before."""
        if self.logarithmic:
            return math.expm1(min(difference, 700.0))
        return (
            difference / abs(self.start) if self.start else math.copysign(math.inf, difference) if difference else 0.0
        )

    def change(self) -> tuple[float, float, float]:
        """The change as a share of what was before, and its interval."""
        reach = t_quantile(LEVEL, self.df) * self.error
        low, change, high = (self.relative(self.difference + step) for step in (-reach, 0.0, reach))
        return change, low, high

    def p(self, sign: float) -> float:
        """One-sided p-value: how probable is so large a difference of this sign, if there is none?

        Where nothing varies, neither here nor in the other variants, there is no scale to measure a difference by, and
        the permutation test speaks.
        """
        up = sign * self.difference
        if not self.error:
            return 1 / self.splits if up > 0 else 1.0
        tail = t_tail(self.difference / self.error, self.df) / 2
        return tail if up > 0 else 1 - tail

    def detectable(self, sign: float, error: float) -> float:
        """The change of this sign that is found with probability POWER, if p must be at most `error`."""
        reach = t_quantile(1 - 2 * error, self.df) + t_quantile(2 * POWER - 1, self.df)
        return self.relative(sign * reach * self.error)


def _contrasts(samples: Sequence[Samples]) -> list[Contrast]:
    """One metric of several variants on one dataset."""
    if not samples:
        return []
    logarithmic = all(float(side.min()) > 0 for found in samples for side in (found.before, found.after))
    scaled = [(np.log(s.before), np.log(s.after)) if logarithmic else (s.before, s.after) for s in samples]
    df = np.array([len(a) + len(b) - 2 for a, b in scaled], dtype=float)
    spread = [float(((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) for a, b in scaled]
    means = [float(np.concatenate([s.before, s.after]).mean()) for s in samples]
    noise = np.array([s.noise / mean if logarithmic else s.noise for s, mean in zip(samples, means, strict=True)])
    own = np.maximum(spread / df, noise**2)
    drawn, df = moderated(own, df, prior(own, df))
    variances = np.maximum(own, drawn)
    return [
        Contrast(
            float(b.mean() - a.mean()),
            math.sqrt(float(variance) * (1 / len(a) + 1 / len(b))),
            float(d),
            float(s.before.mean()),
            logarithmic,
            math.comb(len(a) + len(b), len(a)),
        )
        for s, (a, b), variance, d in zip(samples, scaled, variances, df, strict=True)
    ]


def _every(rows: Sequence[_Row]) -> Iterable[_Row]:
    """The row of all variants, if there are several: the mean of their changes.

    Its degrees of freedom are Satterthwaite's, "An Approximate Distribution of Estimates of Variance Components", 1946.
    """
    found = [row.contrast for row in rows if row.contrast]
    if len(found) < 2 or all(row.verdict == "same" for row in rows):
        return
    squares = np.array([contrast.error**2 for contrast in found])
    df = np.array([contrast.df for contrast in found])
    dataset, _, metric = rows[0].name
    limit = Limit(rows[0].limit.tolerance, max(row.limit.weight for row in rows))
    yield _Row(
        (dataset, EVERY, metric), rows[0].direction, rows[0].unit, limit,
        np.array([row.before.mean() for row in rows]), np.array([row.after.mean() for row in rows]),
        (min(row.seeds[0] for row in rows), min(row.seeds[1] for row in rows)),
        contrast=Contrast(
            float(np.mean([contrast.difference for contrast in found])),
            math.sqrt(float(squares.sum())) / len(found),
            float(squares.sum() ** 2 / (squares**2 / df).sum()) if squares.any() else float(df.sum()),
            float(np.mean([contrast.start for contrast in found])),
            found[0].logarithmic,
            float(np.prod([contrast.splits for contrast in found])),
        ),
    )  # fmt: skip


# Verdicts


def _judge(rows: Sequence[_Row], error: float) -> None:
    """The verdict on all rows that were tested, by p-values adjusted together: for the worse, and for the better."""
    found = [(row, row.contrast) for row in rows if row.contrast]
    weights = [row.limit.weight for row, _ in found]
    worse, better = (holm([contrast.p(sign * row.worse) for row, contrast in found], weights) for sign in (1, -1))
    for (row, contrast), p_worse, p_better in zip(found, worse, better, strict=True):
        change, low, high = contrast.change()
        row.p = float(p_worse)
        row.detectable = contrast.detectable(row.worse, min(0.49, error * row.limit.weight / sum(weights)))
        if p_worse <= error and row.worse * change > row.limit.tolerance:
            row.verdict = "regression"
        elif row.lost:  # among those that ended the winner may be the one whose bad runs are gone
            row.verdict = "undecided"
        elif p_better <= error and -row.worse * change > row.limit.tolerance:
            row.verdict, row.p = "better", float(p_better)
        else:
            row.verdict = "same" if max(-low, high) <= row.limit.tolerance else "undecided"


def _name_the_worst(rows: Sequence[_Row]) -> None:
    """Where every variant together is worse, which ones are so by themselves."""
    worse = [row for row in rows if row.verdict == "regression"]
    for row in worse:
        if row.name[1] == EVERY:
            single = [other.name[1] for other in worse if other.name[::2] == row.name[::2] and other is not row]
            row.remark = f"the mean of all; by themselves: {', '.join(single) or 'none'}"
