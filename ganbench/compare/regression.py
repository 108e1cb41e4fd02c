"""Results against a baseline: is anything worse, by more than chance and by more than is tolerated?

A row is one metric of one variant on one dataset, its speed, or how many of its runs ended (`ganbench.compare.rows`).
One more row for each dataset and metric, "every variant", is the mean of their changes. It sees what a change in common
does to each.

*Chance.* `ganbench.compare.contrast` gives each row a p-value of its means, `ganbench.compare.collapse` one of its
worst seed. Those of all rows are adjusted together by Holm's correction with the gate's weights; a worst seed has a
share WORST of its row's. So a board on which nothing changed raises an alarm in at most `error` of all cases, however
many rows it has. A collapse needs no test; that two seeds lie close by chance is allowed for with COLLAPSES of `error`.

*Size.* The change is that of the mean, the geometric one on logarithms, as a share of what it was, and in the metric's
unit.

    regression      worse by both; collapsed; runs that ended in the baseline fail, or lost a score, under the same
                    seeds; or no run has a value any more
    better          better by both
    same            the whole interval of the change is within what is tolerated, or every seed gave the same value
    cleared         was a regression, which fresh seeds did not confirm (`ganbench.compare.confirm`)
    undecided       none of these: more seeds would say
    missing         the baseline has the row, or a seed of it, the results do not
    not comparable  measured under other conditions, which is never "same"
    other machine   speeds of two machines are not held against each other
    new             the results have the row, the baseline does not

No torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pandas import DataFrame

from ganbench.compare.baseline import Baseline
from ganbench.compare.collapse import Fall, falls
from ganbench.compare.contrast import contrasts, mean_contrast
from ganbench.compare.gate import Gate, Limit
from ganbench.compare.rows import ENDED, VERDICTS, Row, ended_rows, metric_rows
from ganbench.errors import BadResults
from ganbench.statistics import holm

EVERY = "every variant"
WORST = 0.25  # weight of a row's worst seed, relative to that of its mean
CLEARED = "cleared"  # the verdict on what was a regression, until fresh seeds were looked at
COLLAPSES = 0.1  # share of the allowed error, for all rows together
PASSED, REGRESSED, NOTHING = 0, 1, 2  # exit codes
FAILS = ("regression", "missing", "not comparable")  # verdicts that a gate must not pass
SILENT = ("undecided", "other machine", "new")  # those that say nothing


@dataclass(frozen=True)
class Check:
    """The verdicts, and what follows from them."""

    suite: str
    gate: Gate
    rows: DataFrame  # VERDICTS
    remarks: tuple[str, ...] = ()  # on all rows: by which rules they were held

    def of(self, *verdicts: str) -> DataFrame:
        """The rows with these verdicts."""
        return self.rows[self.rows["verdict"].isin(verdicts)]

    @property
    def tested(self) -> DataFrame:
        """Scores that could have failed."""
        scores = self.rows[self.rows["metric"] != ENDED]
        return scores[scores["p"].notna() | scores["verdict"].isin(["regression", "same"])]

    @property
    def exit_code(self) -> int:
        """1: something got worse. 2: nothing could be tested, or something of the baseline was not measured again."""
        if len(self.of("regression")):
            return REGRESSED
        return NOTHING if self.tested.empty or len(self.of(*FAILS)) else PASSED


def check(now: Baseline, before: Baseline, gate: Gate, remarks: Sequence[str] = ()) -> Check:
    """Give a verdict on every row of `before` and `now`. Raises BadResults if they are of two suites."""
    if now.suite != before.suite:
        raise BadResults(
            f"The baseline is of the suite {before.suite!r}, the results are of {now.suite!r}. Suites, and scales of "
            "one suite, have baselines of their own: name the right one, or make one with `ganbench baseline`."
        )
    rows: list[Row] = []
    for group in _by_metric(metric_rows(now, before, gate)):
        comparable = [row for row in group if row.samples]
        samples = [row.samples for row in group if row.samples]
        for row, contrast, fall in zip(comparable, contrasts(samples), falls(samples), strict=True):
            row.contrast, row.fall = contrast, fall
        rows += [*group, *_every_variant(comparable)]
    _decide_rows([row for row in rows if row.contrast and not row.verdict], gate.error)
    _name_the_worst(rows)
    rows += ended_rows(now, before, gate)
    return Check(now.suite, gate, DataFrame([row.record() for row in rows], columns=VERDICTS), tuple(remarks))


def _by_metric(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows of one dataset and metric together."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.name[0], row.name[2]), []).append(row)
    return list(groups.values())


def _every_variant(rows: Sequence[Row]) -> Iterable[Row]:
    """The row of all variants, if there are several and not all are the same."""
    single = [row.contrast for row in rows if row.contrast]
    if len(single) < 2 or all(row.verdict == "same" for row in rows):
        return
    dataset, _, metric = rows[0].name
    yield Row(
        name=(dataset, EVERY, metric),
        direction=rows[0].direction,
        unit=rows[0].unit,
        limit=Limit(rows[0].limit.tolerance, max(row.limit.weight for row in rows), rows[0].limit.floor),
        before=float(np.mean([row.before for row in rows])),
        after=float(np.mean([row.after for row in rows])),
        seeds=(min(row.seeds[0] for row in rows), min(row.seeds[1] for row in rows)),
        contrast=mean_contrast(single),
    )


# Verdicts


def _decide_rows(rows: Sequence[Row], error: float) -> None:
    """The verdict on all rows that were tested, by p-values adjusted together: for the worse, and for the better."""
    tested = [(row, row.contrast) for row in rows if row.contrast]
    fallen = [(row, row.fall) for row in rows if row.fall]
    weights = [row.limit.weight for row, _ in tested]
    shares = [*weights, *(WORST * row.limit.weight for row, _ in fallen)]
    means = [contrast.p(row.worse) for row, contrast in tested]
    worse = holm([*means, *(fall.p(row.worse) for row, fall in fallen)], shares)
    better = holm([contrast.p(-row.worse) for row, contrast in tested], weights)
    for row, fall in fallen:
        row.collapsed = fall.collapsed(row.worse, COLLAPSES * error / len(fallen))
    for (row, contrast), p_worse, p_better in zip(tested, worse, better, strict=False):
        row.detectable = contrast.detectable(row.worse, min(0.49, error * row.limit.weight / sum(shares)))
        _decide_row(row, float(p_worse), float(p_better), error)
    for (row, fall), p in zip(fallen, worse[len(tested) :], strict=True):
        _look_at_the_worst_seed(row, fall, float(p), error)


def _decide_row(row: Row, p_worse: float, p_better: float, error: float) -> None:
    assert row.contrast
    change, low, high = row.contrast.change()
    shift, lowest, highest = row.contrast.shift()
    row.p = p_worse
    if row.counts(change, shift) and (p_worse <= error or row.collapsed):
        row.verdict = "regression"
        if p_worse > error:
            assert row.fall
            deviations = abs(row.fall.mean) / row.fall.deviation if row.fall.deviation else np.inf
            row.remark = _also(row, f"a collapse: by {deviations:.3g} standard deviations of the baseline")
    elif row.otherwise:
        row.verdict = row.otherwise
    elif p_better <= error and row.counts(-change, -shift):
        row.verdict, row.p = "better", p_better
    else:
        within = max(-low, high) <= row.limit.tolerance or max(-lowest, highest) <= row.limit.floor
        row.verdict = "same" if within else "undecided"


def _look_at_the_worst_seed(row: Row, fall: Fall, p: float, error: float) -> None:
    if row.verdict != "regression" and p <= error and row.counts(*fall.change(row.worse)):
        assert row.samples
        worst = row.samples.after.max() if row.worse > 0 else row.samples.after.min()
        row.verdict, row.p = "regression", p
        row.remark = _also(row, f"its worst seed has {worst:.4g}")


def _also(row: Row, remark: str) -> str:
    return "; ".join(filter(None, [remark, row.remark]))


def _name_the_worst(rows: Sequence[Row]) -> None:
    """Where every variant together is worse, which ones are so by themselves."""
    worse = [row for row in rows if row.verdict == "regression"]
    for row in worse:
        if row.name[1] == EVERY:
            single = [other.name[1] for other in worse if other.name[::2] == row.name[::2] and other is not row]
            row.remark = f"the mean of all; by themselves: {', '.join(single) or 'none'}"
