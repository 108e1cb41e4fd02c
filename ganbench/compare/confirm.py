"""Whether an alarm stands: the alarmed rows once more, with fresh seeds, against the same baseline.

The fresh seeds took no part in the alarm, so nothing is selected twice. Their p-values are adjusted over the alarmed
rows alone, and each alarm ends in one of three ways:

    confirmed     the fresh seeds are worse as well: by chance in at most `error` of cases, and by more than tolerated;
                  or they have collapsed; or more of them fail than did, and than is allowed
    cleared       the fresh seeds are within what is tolerated, and their interval excludes a change as large as the
                  alarm's; of failures: so few of them fail that the alarm's share is improbable
    inconclusive  neither: it takes more fresh seeds

A regression that is cleared does not count any more. One that is confirmed or inconclusive stands: an alarm is not
gone because nobody could repeat it. No torch.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from ganbench.compare.baseline import Baseline
from ganbench.compare.collapse import Fall, falls
from ganbench.compare.contrast import Contrast, Samples, contrasts, mean_contrast
from ganbench.compare.regression import CLEARED, COLLAPSES, EVERY, Check
from ganbench.compare.rows import ENDED, sign_of_worse
from ganbench.statistics import holm
from ganbench.statistics.intervals import Floats, floats

Name = tuple[str, str, str]


class Outcome(NamedTuple):
    """What the fresh seeds say of one alarm."""

    word: str  # confirmed, cleared, inconclusive
    remark: str


def alarmed_rows(check: Check) -> list[tuple[str, str]]:
    """Dataset and variant of all rows to train again; of an alarm of every variant, all on that dataset."""
    return list(dict.fromkeys((dataset, variant) for dataset, variant, _ in _alarms(check)))


def fresh_seeds(now: Baseline, before: Baseline, count: int | None = None) -> range:
    """Seeds that neither has: as many as the baseline's rows have at most, if no other number is asked for."""
    known = [seed for board in (now, before) for runs in board.runs.values() for seed in runs.seeds]
    usual = max(len(runs.seeds) for runs in before.runs.values())
    return range(max(known) + 1, max(known) + 1 + (count or max(2, usual)))


def confirm(check: Check, fresh: Baseline, before: Baseline) -> Check:
    """The same verdicts, with each regression confirmed, cleared or inconclusive by the fresh seeds' results."""
    outcomes = {**_of_failures(check, fresh, before), **_of_scores(check, fresh, before)}
    rows = check.rows.copy()
    for place, row in rows[rows["verdict"] == "regression"].iterrows():
        unknown = Outcome("inconclusive", "the fresh runs gave too few values")
        found = outcomes.get((row["dataset"], row["variant"], row["metric"]), unknown)
        rows.loc[place, "remark"] = "; ".join(filter(None, [f"{found.word}: {found.remark}", row["remark"]]))
        if found.word == CLEARED:
            rows.loc[place, "verdict"] = CLEARED
    return replace(check, rows=rows)


def _alarms(check: Check) -> Iterator[Name]:
    """Names of the rows whose fresh seeds are looked at."""
    row: Any
    for row in check.of("regression").itertuples(index=False):
        alike = check.rows[(check.rows["dataset"] == row.dataset) & (check.rows["metric"] == row.metric)]
        for variant in alike["variant"] if row.variant == EVERY else [row.variant]:
            if variant != EVERY:
                yield row.dataset, variant, row.metric


# Failures


def _of_failures(check: Check, fresh: Baseline, before: Baseline) -> dict[Name, Outcome]:
    """Of alarms that runs fail, or that a metric has lost values: how many fresh runs do."""
    found: dict[Name, Outcome] = {}
    row: Any
    for row in check.of("regression").itertuples(index=False):
        name = (row.dataset, row.variant, row.metric)
        if row.metric == ENDED or np.isnan(row.change):
            had, left = (row.before, row.after) if row.metric == ENDED else (row.seeds_before, row.seeds_after)
            once, again = _ends(before, name), _ends(fresh, name)
            found[name] = _failures(once, again, 1 - left / had, check.gate.failures, check.gate.error)
    return found


def _ends(board: Baseline, name: Name) -> tuple[int, int]:
    """Runs that did not end well, or gave no number; and all."""
    runs = board.runs[name[:2]]
    if name[-1] == ENDED:
        return len(runs.failures), len(runs.seeds)
    values = board.scores[name].values if name in board.scores else {}
    return sum(values.get(seed) is None for seed in runs.seeds), len(runs.seeds)


def _failures(once: tuple[int, int], again: tuple[int, int], alarm: float, allowed: float, error: float) -> Outcome:
    failed, runs = again
    remark = f"{failed} of {runs} fresh runs failed"
    if failed / runs > allowed + once[0] / once[1]:
        return Outcome("confirmed", remark)
    return Outcome(CLEARED if binom.cdf(failed, runs, alarm) <= error else "inconclusive", remark)


# Scores


def _of_scores(check: Check, fresh: Baseline, before: Baseline) -> dict[Name, Outcome]:
    """Of alarms that a score is worse: a test of the fresh seeds, those of all alarms adjusted together."""
    alarmed = [pair for pair in _pairs(check, fresh, before) if pair.row.verdict == "regression"]
    p = holm([pair.p for pair in alarmed])
    return {
        (pair.row.dataset, pair.row.variant, pair.row.metric): _score(pair, float(adjusted), check.gate.error)
        for pair, adjusted in zip(alarmed, p, strict=True)
    }


class _Pair(NamedTuple):
    """A row of the check, and its fresh seeds against the baseline."""

    row: Any
    floor: float
    contrast: Contrast
    fall: Fall | None  # None: of the mean of every variant

    @property
    def sign(self) -> float:
        """Of a change for the worse."""
        return sign_of_worse(self.row.direction)

    @property
    def p(self) -> float:
        """Of the mean, and of the worst seed, whichever is smaller; times two, since it may be either."""
        mean = self.contrast.p(self.sign)
        return min(1.0, 2 * min(mean, self.fall.p(self.sign))) if self.fall else mean

    def counts(self, change: float, shift: float) -> bool:
        """Whether a change is for the worse, and more than is tolerated."""
        return self.sign * change > self.row.tolerance and self.sign * shift > self.floor


def _pairs(check: Check, fresh: Baseline, before: Baseline) -> Iterator[_Pair]:
    rows: dict[Any, Any] = {(row.dataset, row.variant, row.metric): row for row in check.rows.itertuples(index=False)}
    groups: dict[tuple[str, str], list[Name]] = {}
    for name in dict.fromkeys(_alarms(check)):
        if name[-1] != ENDED and not np.isnan(rows[name].change) and len(_values(fresh, name)) > 1:
            groups.setdefault((name[0], name[2]), []).append(name)
    for (dataset, metric), names in groups.items():
        floor = check.gate.limit(metric, primary=False).floor
        samples = [_samples(before, fresh, name, floor) for name in names]
        single = contrasts(samples)
        for name, contrast, fall in zip(names, single, falls(samples), strict=True):
            yield _Pair(rows[name], floor, contrast, fall)
        if every := rows.get((dataset, EVERY, metric)):
            yield _Pair(every, floor, mean_contrast(single), None)


def _values(board: Baseline, name: Name) -> Floats:
    return board.scores[name].numbers if name in board.scores else floats([])


def _samples(before: Baseline, fresh: Baseline, name: Name, floor: float) -> Samples:
    return Samples(_values(before, name), _values(fresh, name), before.scores[name].noise or 0.0, floor)


def _score(pair: _Pair, p: float, error: float) -> Outcome:
    change, low, high = pair.contrast.change()
    remark = f"{change:+.1%} [{low:+.1%}, {high:+.1%}] with fresh seeds, p = {p:.2g}"
    beyond = pair.counts(change, pair.contrast.shift()[0])
    fallen = pair.fall is not None and pair.counts(*pair.fall.change(pair.sign))
    collapsed = pair.fall is not None and pair.fall.collapsed(pair.sign, COLLAPSES * error)
    if (beyond and (p <= error or collapsed)) or (fallen and p <= error):
        return Outcome("confirmed", remark)
    excluded = pair.sign * pair.row.change > max(pair.sign * low, pair.sign * high)
    return Outcome(CLEARED if not beyond and excluded else "inconclusive", remark)
