"""What an audit says: which metric sees which disturbance, from which strength on. No torch.

For each metric and disturbance there are six values, of strengths 0 (undisturbed) to 5. Two values differ if they are
more than three standard errors of their difference apart. The standard error of a value is the larger of two: the
metric's own, and the scatter of the metric over several draws of real data. A metric without an error of its own has
the scatter alone. That comes from few draws, so Student's quantile takes the place of the three.

    blind      no strength differs from strength 0
    reversed   some strength is called better than strength 0, none worse
    monotone   the strongest is called worse than strength 0, none better, and the rank correlation (Spearman's) of
               strength and value is at least 0.65, where strengths that do not differ from one another are tied
    mixed      anything else: noticed, but not step by step, or called better here and worse there

Six values that never turn back have a rank correlation of at least 0.655, whatever their ties: a single step at either
end has that. So neither ties nor saturation cost a metric its verdict, nor does one step back in five.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame, Series

from ganbench.statistics import t_quantile

NOISE = 3.0  # standard errors of a difference are put down to chance
LEVEL = 0.9973  # the share of differences that chance keeps below that
RISING = 0.65  # rank correlation, at least, of what gets worse step by step
NONE = "none"  # the disturbance of strength 0

VALUES = ["judge", "disturbance", "strength", "draw", "metric", "value", "stderr", "direction", "title"]
RUNS = ["judge", "run", "label", "dataset", "seed", "metric", "value", "stderr", "direction"]
VERDICTS = ["judge", "metric", "disturbance", "verdict", "seen_from", "rho"]
AGREEMENT = ["metric", "disturbed", "disturbed_rows", "runs", "runs_rows", "alike", "verdicts"]


@dataclass(frozen=True)
class Audit:
    """What was measured, and under which conditions."""

    judges: list[str]
    values: DataFrame  # VALUES: one row per judge, disturbance, strength and metric; of strength 0 one for each draw
    conditions: dict[str, Any]
    meanings: dict[str, tuple[str, list[float]]]  # disturbance -> what its amounts mean, and the amounts
    left_out: dict[str, str] = field(default_factory=dict)  # metric -> why it has no number here
    runs: DataFrame = field(default_factory=lambda: DataFrame(columns=RUNS))  # what the judges say of variants' samples
    examples: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)  # one image at all strengths, bytes

    @cached_property
    def verdicts(self) -> DataFrame:
        """The verdict on every metric and disturbance: VERDICTS, in the order of the audit."""
        rows = [
            (judge, metric, disturbance, *verdict)
            for (judge, metric), values in self.values.groupby(["judge", "metric"], sort=False)
            for disturbance, verdict in _of_metric(values)
        ]
        return DataFrame(rows, columns=VERDICTS).astype({"seen_from": "Int64"})


class MetricVerdict(NamedTuple):
    """What a metric makes of a disturbance."""

    word: str  # monotone, blind, reversed or mixed
    seen_from: int | None = None  # the strength from which on all are worse than undisturbed data; of monotone ones
    rho: float = nan  # Spearman's rank correlation of strength and value, with ties


def noise_floor(values: DataFrame) -> Series:
    """One metric's rows of one judge -> the standard error of each value, in the unit in which three are chance."""
    real = values.loc[(values["disturbance"] == NONE) & np.isfinite(values["value"]), "value"]
    if len(real) < 2:
        return values["stderr"].fillna(0)
    scatter = float(real.std(ddof=1))
    students = t_quantile(LEVEL, len(real) - 1) / NOISE
    return values["stderr"].clip(lower=scatter).fillna(scatter * students)


def _of_metric(values: DataFrame) -> Iterator[tuple[str, MetricVerdict]]:
    worse = 1.0 if values["direction"].iloc[0] == "lower" else -1.0
    values = values.assign(damage=worse * values["value"], noise=noise_floor(values))
    start = values[(values["disturbance"] == NONE) & (values["draw"] == 0)]
    for name, part in values[values["disturbance"] != NONE].groupby("disturbance", sort=False):
        line = pd.concat([start, part.sort_values("strength")])
        yield str(name), decide_verdict(line["damage"].to_numpy(dtype=float), line["noise"].to_numpy(dtype=float))


def decide_verdict(damage: NDArray[np.float64], noise: NDArray[np.float64]) -> MetricVerdict:
    """Values of strengths 0, 1, 2, ..., of which higher are worse, and their noise -> the verdict; the module's rule.

    A value that is not a number is as bad as any.
    """
    damage = np.where(np.isnan(damage), np.inf, damage)
    worse, better = (np.array([_exceeds(sign * damage, noise, k, 0) for k in range(len(damage))]) for sign in (1, -1))
    if not (worse | better).any():
        return MetricVerdict("blind")
    rho = _rank_correlation(damage[_levels(damage, noise)])
    if not worse.any():
        return MetricVerdict("reversed", None, rho)
    if worse[-1] and not better.any() and rho >= RISING:
        return MetricVerdict("monotone", int(np.flatnonzero(~worse)[-1]) + 1, rho)
    return MetricVerdict("mixed", None, rho)


def _exceeds(damage: NDArray[np.float64], noise: NDArray[np.float64], one: int, other: int) -> bool:
    """Whether `one` is larger than `other` by more than chance, and by more than rounding."""
    if damage[one] == damage[other]:  # also two infinities
        return False
    rounding = 1e-9 * abs(damage[other]) + 1e-12 if np.isfinite(damage[other]) else 0.0
    reach = NOISE * np.hypot(*np.nan_to_num(noise[[one, other]], posinf=0.0))
    return bool(damage[one] - damage[other] > reach + rounding)


def _levels(damage: NDArray[np.float64], noise: NDArray[np.float64]) -> list[int]:
    """For each strength the first of those before it that it is tied with: chance alone may tell the two apart."""
    first = [0]
    for k in range(1, len(damage)):
        differs = _exceeds(damage, noise, k, first[-1]) or _exceeds(-damage, noise, k, first[-1])
        first.append(k if differs else first[-1])
    return first


def _rank_correlation(values: NDArray[np.float64]) -> float:
    return correlation(Series(np.arange(len(values))), Series(values))


def correlation(one: Series, other: Series) -> float:
    """Spearman's rank correlation of two columns of numbers, ties at their mean rank; NaN if one does not vary.

    Spearman, "The Proof and Measurement of Association between Two Things", 1904.
    """
    ranks = DataFrame({"one": one.to_numpy(), "other": other.to_numpy()}).dropna().rank()
    if len(ranks) < 2 or (ranks.nunique() < 2).any():
        return nan
    return float(np.corrcoef(ranks.to_numpy().T)[0, 1])


def judge_agreement(audit: Audit, one: str, other: str) -> DataFrame:
    """How far two judges agree on the same samples, per metric: AGREEMENT.

    `disturbed` and `runs` are rank correlations of their values over all disturbances and strengths, and over a suite's
    runs; `disturbed_rows` and `runs_rows` say of how many. `alike` of `verdicts` are the same, whatever the strength.
    """
    words = audit.verdicts.pivot(index=["metric", "disturbance"], columns="judge", values="verdict")
    alike = (words[one] == words[other]).groupby(level="metric").agg(["sum", "count"])
    table = []
    for metric in dict.fromkeys(audit.values["metric"]):
        row = {"metric": metric, "alike": alike.loc[metric, "sum"], "verdicts": alike.loc[metric, "count"]}
        for where, rows in (("disturbed", audit.values), ("runs", audit.runs)):
            mine, theirs = _values_of(rows[rows["metric"] == metric], one, other)
            row |= {where: correlation(mine, theirs), f"{where}_rows": len(mine)}
        table.append(row)
    return DataFrame(table, columns=AGREEMENT)


def _values_of(rows: DataFrame, one: str, other: str) -> tuple[Series, Series]:
    """What two judges say of the same samples; samples are the same where all columns but the judge's own are."""
    samples = [name for name in rows if name not in ("judge", "value", "stderr")]
    mine, theirs = (rows.loc[rows["judge"] == judge, [*samples, "value"]] for judge in (one, other))
    both = mine.merge(theirs, on=samples, suffixes=("", "_other")).dropna(subset=["value", "value_other"])
    return both["value"], both["value_other"]
