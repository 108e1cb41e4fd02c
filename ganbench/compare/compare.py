"""Is B better than A? Two samples of scores over seeds -> a verdict that keeps its error rate. No torch.

    better, worse    `ganbench.statistics.decide` tells them apart, and by more than the tolerance if one is given
    same             the means differ by less than the tolerance (two one-sided tests)
    undecided        anything else: these seeds cannot tell, and `seeds` says how many might
    not comparable   the scores were not measured alike; nothing is said about them

It is the rule of the board, of one pair in each cell. Holm's correction is over all rows of a table: the chance that
any is called better or worse where nothing differs is at most 5 %, and so is the chance that any is called the same
where the difference is beyond the tolerance.

Seeds are not pairs. Runs of one seed share the data and the latents they are judged with. But as soon as anything
differs between A and B they train on other random numbers, and training amplifies that: seed 3 of A is no nearer to
seed 3 of B than to any other. Pairing would halve the few degrees of freedom for nothing. Where seeds do go together,
the unpaired test errs on the safe side.

A run that failed has no score and cannot enter a mean. So the winner among runs that ended may be the side whose bad
runs are gone: it is better only if ranks say so too, in which a failed run is worse than any that ended.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas import DataFrame

from ganbench import statistics
from ganbench.compare.matching import Match, match, why_unlike
from ganbench.errors import BadResults, UnknownName
from ganbench.statistics import Interval, probability_of_improvement, t_tail
from ganbench.statistics.verdicts import ERROR
from ganbench.store import Results, read
from ganbench.store.columns import SENSES, Checkpoint

SIDES = ("A", "B")
NOTHING = Interval(math.nan, math.nan, math.nan)


class Verdict(StrEnum):
    """What can be said of B against A."""

    better = "better"
    worse = "worse"
    same = "same"
    undecided = "undecided"
    incomparable = "not comparable"


WORDS = {"a": Verdict.worse, "b": Verdict.better, "same": Verdict.same, "undecided": Verdict.undecided}


class Sample(NamedTuple):
    """Scores of one side, over its seeds."""

    n: int  # runs with a score
    lost: int  # runs that ended without one
    mean: float
    std: float  # over seeds; NaN of fewer than two


@dataclass(frozen=True)
class TwoSample:
    """Two samples of scores; `decide` makes verdicts of all rows of a table."""

    direction: str
    values: tuple[NDArray[np.float64], NDArray[np.float64]]  # NaN: a run that failed
    a: Sample
    b: Sample
    improvement: Interval  # the probability that a new run of B is better than one of A; a lost run is the worst

    @property
    def testable(self) -> bool:
        """Whether anything can be said: of two seeds and more, or of failures."""
        return min(self.a.n, self.b.n) > 1 or bool(self.a.lost or self.b.lost)


@dataclass(frozen=True)
class Decision:
    """A verdict, what it rests on and what it would take."""

    verdict: Verdict
    difference: Interval = NOTHING  # b - a with its 95 % interval; of geometric means where logarithms are tested
    p: float = math.nan  # of no difference, corrected for the whole table
    p_same: float = math.nan
    seeds: int | None = None  # of each side, that would probably decide what is undecided; None: no number is known to
    why: str = ""


def weigh(a: ArrayLike, b: ArrayLike, direction: str) -> TwoSample:
    """(n,) and (m,) scores, NaN or infinite for runs that failed -> a row of a table of B against A.

    `direction` is "lower" or "higher", whichever is better. Raises ValueError for another.
    """
    if direction not in SENSES:
        raise ValueError(f"Found direction {direction!r}, but need lower or higher: of neither nothing can be better.")
    lower = direction == "lower"
    x, y = (np.asarray(side, dtype=np.float64).ravel() for side in (a, b))
    x, y = (np.where(np.isfinite(side), side, math.nan) for side in (x, y))
    worst = math.inf if lower else -math.inf
    ranked_x, ranked_y = (np.where(np.isfinite(side), side, worst) for side in (x, y))
    shares = probability_of_improvement(ranked_x, ranked_y, lower)
    return TwoSample(direction, (x, y), _sample(x), _sample(y), shares)


def _sample(values: NDArray[np.float64]) -> Sample:
    ended = values[np.isfinite(values)]
    mean = float(ended.mean()) if len(ended) else math.nan
    std = float(ended.std(ddof=1)) if len(ended) > 1 else math.nan
    return Sample(len(ended), len(values) - len(ended), mean, std)


def decide(rows: Sequence[TwoSample], tolerance: float | None = None, alpha: float = ERROR) -> list[Decision]:
    """All rows of one table -> their verdicts, which hold at once; see the module's words.

    `tolerance` is a share of A's mean: smaller differences are none. Raises ValueError for a negative one.
    """
    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise ValueError(f"Found tolerance {tolerance}, but need a share of A's mean, such as 0.05.")
    tested = [place for place, row in enumerate(rows) if row.testable]
    frames = [_tidy(rows[place], place) for place in tested]
    tests: dict[str, Any] = {}
    if frames:
        found = statistics.decide(pd.concat(frames, ignore_index=True), pairs=[SIDES], error=alpha, band=tolerance)
        tests = {test["dataset"]: test for test in found.tests.to_dict("records")}
    return [_decision(row, tests.get(str(place)), tolerance, alpha) for place, row in enumerate(rows)]


def _tidy(row: TwoSample, place: int) -> DataFrame:
    """A row as a cell of a board."""
    labels = [name for name, side in zip(SIDES, row.values, strict=True) for _ in side]
    values = np.concatenate(row.values)
    return DataFrame({
        "dataset": str(place), "label": labels, "seed": range(len(values)), "value": values,
        "direction": row.direction,
    })  # fmt: skip


def _decision(row: TwoSample, test: Any, tolerance: float | None, alpha: float) -> Decision:
    few = min(row.a.n, row.b.n) < 2
    if test is None or (few and test["verdict"] == "undecided"):
        return Decision(Verdict.undecided, _of_means(row), why=_too_few(row))
    verdict, difference = WORDS[test["verdict"]], Interval(test["difference"], test["low"], test["high"])
    margin = 0.0 if tolerance is None else math.log1p(tolerance) if test["log"] else tolerance * abs(row.a.mean)
    within = tolerance is not None and abs(test["gap"]) <= margin
    if test["p_same"] <= alpha:
        verdict = Verdict.same
    elif within and test["test"] != "failures":
        verdict = Verdict.undecided
    p = math.nan if few and test["test"] != "failures" else test["p"]
    seeds = None if pd.isna(test["seeds"]) or within else int(test["seeds"])
    return Decision(verdict, difference, p, test["p_same"], seeds, _why(row, test, verdict, alpha))


def _of_means(row: TwoSample) -> Interval:
    return Interval(row.b.mean - row.a.mean, math.nan, math.nan)


def _why(row: TwoSample, test: Any, verdict: Verdict, alpha: float) -> str:
    """What has decided, where it was not the scores; or what has kept them from it."""
    if test["test"] == "failures" and verdict in (Verdict.better, Verdict.worse):
        return f"more runs of {'A' if verdict is Verdict.better else 'B'} failed"
    lost = verdict is Verdict.undecided and (row.a.lost or row.b.lost) and test["error"] > 0
    if lost and t_tail(test["gap"] / test["error"], test["df"]) <= alpha:
        ahead = (test["gap"] < 0) == (row.direction == "lower")
        return f"{'better' if ahead else 'worse'} only if lost runs are not counted"
    return ""


def _too_few(row: TwoSample) -> str:
    few = {"no score": 0, "one seed": 1}
    sides = {what: [name for name, side in (("A", row.a), ("B", row.b)) if side.n == n] for what, n in few.items()}
    return ", ".join(f"{what} of {' and '.join(names)}" for what, names in sides.items() if names)


# Results

COLUMNS = [
    *("dataset", "a_label", "b_label", "metric", "direction"),
    *("a_mean", "a_std", "a_n", "a_lost", "b_mean", "b_std", "b_n", "b_lost"),
    *("difference", "low", "high", "improvement", "improvement_low", "improvement_high", "margin"),
    *("p", "p_same", "verdict", "seeds", "why"),  # p-values are corrected for all rows
]
TOLD = ["dataset", "a_label", "b_label", "metric", "a_mean", "b_mean", "difference", "low", "high", "verdict", "seeds"]


@dataclass(frozen=True)
class Comparison:
    """All that two results, or two rows of the same results, have in common."""

    a: str  # what A and B are
    b: str
    checkpoint: Checkpoint
    tolerance: float | None
    rows: DataFrame  # COLUMNS
    remarks: list[str]  # what must be known before the rows are believed

    @property
    def compared(self) -> int:
        """Rows with a test, for all of which the verdicts hold at once."""
        return int(self.rows["p"].notna().sum())

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(remark)}</p>" for remark in self.remarks)
        seeds = self.rows["seeds"].astype(object).where(self.rows["seeds"].notna(), "–")
        rows = self.rows[TOLD].assign(seeds=seeds)
        return rows.to_html(index=False, float_format="{:.4g}".format) + told


def compare(
    a: Results | str | Path,
    b: Results | str | Path | None = None,  # None: A's own
    labels: tuple[str, str] | None = None,  # a row of A and one of B; None: each with its namesake
    checkpoint: Checkpoint = "last",
    metrics: Sequence[str] = (),  # none named: all
    tolerance: float | None = None,  # a share of A's mean
) -> Comparison:
    """Every dataset and metric that A and B, results or their folders, have in common -> a table of verdicts.

    Metrics of which neither low nor high values are better are left out. Raises UnknownName for a label or metric that
    is not there, and BadResults if A and B have nothing in common, or are one row of one folder.
    """
    if b is None and (labels is None or labels[0] == labels[1]):
        raise BadResults("Found one row of one results, but a comparison needs two. Name B, or two --variants of A.")
    a = read(Path(a)) if isinstance(a, str | Path) else a
    b = a if b is None else read(Path(b)) if isinstance(b, str | Path) else b
    matches, remarks = match(a, b, labels, checkpoint)
    wanted = _directions(matches, metrics)
    cells = [
        MetricCell(pair, metric, wanted[metric], pair.a.values(metric), pair.b.values(metric))
        for pair in matches
        for metric in pair.metrics
        if wanted.get(metric) in SENSES
    ]
    cells = [cell for cell in cells if cell.a and cell.b]
    if not cells:
        raise BadResults(" ".join([f"Found no score of the {checkpoint} checkpoint on both sides.", *remarks]))
    weighed = [weigh(cell.a, cell.b, cell.direction) for cell in cells]
    unlike = [why_unlike(cell.pair, cell.metric) for cell in cells]
    decided = iter(decide([two for two, why in zip(weighed, unlike, strict=True) if not why], tolerance))
    decisions = [Decision(Verdict.incomparable, why=why) if why else next(decided) for why in unlike]
    if senseless := [metric for metric, direction in wanted.items() if direction not in SENSES]:
        remarks.append(f"Left out, since neither low nor high is better: {', '.join(senseless)}.")
    if all(np.array_equal(np.sort(cell.a), np.sort(cell.b), equal_nan=True) for cell in cells):
        remarks.insert(0, "B repeats A: every score is the same number.")
    return Comparison(
        a=_title(a, labels and labels[0]),
        b=_title(b, labels and labels[1]),
        checkpoint=checkpoint,
        tolerance=tolerance,
        rows=DataFrame(
            [_table_row(*one, tolerance) for one in zip(cells, weighed, decisions, strict=True)], columns=COLUMNS
        ).astype({"seeds": "Int64"}),
        remarks=remarks,
    )


def to_json(comparison: Comparison) -> str:
    """For programs. JSON has no NaN: null is a number that there cannot be."""
    rows = comparison.rows.astype(object).where(comparison.rows.notna(), None)
    content = {**vars(comparison), "rows": rows.to_dict("records")}
    about = {"compared": comparison.compared, "alpha": ERROR, "correction": "holm"}
    return json.dumps({**about, **content}, indent=1, allow_nan=False) + "\n"


class MetricCell(NamedTuple):
    """One metric of two rows that belong together."""

    pair: Match
    metric: str
    direction: str
    a: list[float]  # one for each run that ended, NaN if it failed
    b: list[float]


def _directions(matches: list[Match], metrics: Sequence[str]) -> dict[str, str]:
    """The metrics to compare, in the order of the scores, and which of their values are better."""
    scores = pd.concat([side.scores for pair in matches for side in pair])
    known = dict(zip(scores["metric"], scores["direction"], strict=True))
    for metric in metrics:
        if metric not in known:
            raise UnknownName("metrics of these rows", metric, known)
    return {metric: direction for metric, direction in known.items() if not metrics or metric in metrics}


def _title(results: Results, label: str | None) -> str:
    return f"{results.path}: {label}" if label else str(results.path)


def _table_row(cell: MetricCell, two: TwoSample, decision: Decision, tolerance: float | None) -> dict[str, Any]:
    """One row of the table; of scores that were not measured alike there is no difference."""
    alike = decision.verdict is not Verdict.incomparable
    difference, improvement = (decision.difference, two.improvement) if alike else (NOTHING, NOTHING)
    sides = {
        f"{name}_{what}": value for name, side in (("a", two.a), ("b", two.b)) for what, value in side._asdict().items()
    }
    return {
        **{"dataset": cell.pair.a.dataset, "a_label": cell.pair.a.label, "b_label": cell.pair.b.label},
        **{"metric": cell.metric, "direction": cell.direction, **sides},
        "margin": None if tolerance is None else tolerance * abs(two.a.mean),
        **{"difference": difference.mean, "low": difference.low, "high": difference.high},
        **dict(zip(("improvement", "improvement_low", "improvement_high"), improvement, strict=True)),
        **{"p": decision.p, "p_same": decision.p_same, "verdict": decision.verdict.value},
        **{"seeds": decision.seeds, "why": decision.why},
    }
