"""Results against a baseline: is anything worse, by more than chance and by more than is tolerated?

A row is one metric of one variant on one dataset, or the speed of a variant. It has the values of a few seeds, in the
baseline and now. One more row for each dataset and metric, "every variant", is the mean of their changes. It sees what
a change in common does to each.

*Chance.* `ganbench.compare.contrast` gives each row a p-value. Those of all rows are adjusted together by Holm's
correction with the gate's weights. So a board on which nothing changed raises an alarm in at most `error` of all cases,
however many rows it has.

*Size.* The change is that of the mean, the geometric one on logarithms, as a share of what it was.

    regression      worse by both; or no run has a value any more
    better          better by both
    same            the whole interval of the change is within the tolerance, or every seed gave the same value
    undecided       none of these: more seeds would say
    missing         the baseline has the row, the results do not
    not comparable  measured under other conditions, which is never "same"
    other machine   speeds of two devices are not held against each other
    new             the results have the row, the baseline does not

No torch.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pandas import DataFrame

from ganbench.compare.baseline import Baseline, Record, Runs, Score
from ganbench.compare.contrast import Contrast, Samples, contrasts, mean_contrast
from ganbench.compare.gate import SPEED, Gate, Limit
from ganbench.errors import BadResults
from ganbench.statistics import holm
from ganbench.statistics.intervals import Floats, floats

EVERY = "every variant"
PASSED, REGRESSED, NOTHING = 0, 1, 2  # exit codes
FAILS = ("regression", "missing", "not comparable")  # verdicts that a gate must not pass
SILENT = ("undecided", "other machine", "new")  # those that say nothing

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
        """The rows with these verdicts."""
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
    """Give a verdict on every row of `before` and `now`. Raises BadResults if they are of two suites."""
    if now.suite != before.suite:
        raise BadResults(
            f"The baseline is of the suite {before.suite!r}, the results are of {now.suite!r}. Suites, and scales of "
            "one suite, have baselines of their own: name the right one, or make one with `ganbench baseline`."
        )
    rows: list[_Row] = []
    for group in _by_metric(_pair_rows(now, before, gate)):
        comparable = [row for row in group if row.samples]
        for row, contrast in zip(comparable, contrasts([row.samples for row in group if row.samples]), strict=True):
            row.contrast = contrast
        rows += [*group, *_every_variant(comparable)]
    _decide_rows([row for row in rows if row.contrast and not row.verdict], gate.error)
    _name_the_worst(rows)
    return Check(now.suite, gate, DataFrame([row.record() for row in rows], columns=VERDICTS))


# What is held against what


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
    contrast: Contrast | None = None
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


def _pair_rows(now: Baseline, before: Baseline, gate: Gate) -> Iterable[_Row]:
    """All rows of both, in the order of their names; those that need no test have their verdict already."""
    for name in sorted({*now.scores, *before.scores}):
        dataset, variant, metric = name
        old, new = before.scores.get(name), now.scores.get(name)
        either = new or before.scores[name]
        runs = now.runs.get((dataset, variant))
        selecting = metric == (runs or before.runs[dataset, variant]).select
        limit, once, values = gate.limit(metric, selecting), _numbers(old), _numbers(new)
        row = _Row(name, either.direction, either.unit, limit, once, values, (len(once), len(values)))
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


def _numbers(score: Score | None) -> Floats:
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


def _every_variant(rows: Sequence[_Row]) -> Iterable[_Row]:
    """The row of all variants, if there are several and not all are the same."""
    single = [row.contrast for row in rows if row.contrast]
    if len(single) < 2 or all(row.verdict == "same" for row in rows):
        return
    dataset, _, metric = rows[0].name
    yield _Row(
        name=(dataset, EVERY, metric),
        direction=rows[0].direction,
        unit=rows[0].unit,
        limit=Limit(rows[0].limit.tolerance, max(row.limit.weight for row in rows)),
        before=np.array([row.before.mean() for row in rows]),
        after=np.array([row.after.mean() for row in rows]),
        seeds=(min(row.seeds[0] for row in rows), min(row.seeds[1] for row in rows)),
        contrast=mean_contrast(single),
    )


# Verdicts


def _decide_rows(rows: Sequence[_Row], error: float) -> None:
    """The verdict on all rows that were tested, by p-values adjusted together: for the worse, and for the better."""
    tested = [(row, row.contrast) for row in rows if row.contrast]
    weights = [row.limit.weight for row, _ in tested]
    worse, better = (holm([contrast.p(sign * row.worse) for row, contrast in tested], weights) for sign in (1, -1))
    for (row, contrast), p_worse, p_better in zip(tested, worse, better, strict=True):
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
