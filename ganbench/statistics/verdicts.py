"""Which of several labels are better, and is that real? The one rule for board, rank, compare and disagreement.

A *cell* is one metric on one dataset. Its labels have a value for each seed.

- Distances are tested as logarithms, shares and counts as they are (`scale.py`).
- A spread over few seeds is drawn towards what is usual in the cell, and never below three quarters of its mean
  (`moderated.py`), nor below what rounding or redrawn samples alone make.
- Two labels are told apart by a t of their means. Where seeds are enough for a permutation test, it must agree.
- A failed run is worse than any that ended: who lost more runs is better only if ranks say so too. Shares of failures
  are tested apart (`cells.py`).
- All pairs of a cell are wrong together in at most 5 % of boards (Shaffer's steps). The leader leads if each of its
  pairs passes at 5 % by itself: an intersection-union test, Berger, "Multiparameter Hypothesis Testing and Acceptance
  Sampling", Technometrics 24, 1982.
- Rows that no test separates share a tier. They are undecided, not equal: `same` needs an equivalence test.
- Where seeds were added until decided, each look has its share of the 5 % (`looks.py`).

False verdicts, in % of 2,000 boards of ten equal variants with 2, 3, 4, 5 and 10 seeds, and the share of true means
that their nominal 95 % intervals hold (`tests/bench/test_verdicts.py`):

                                        2    3    4    5   10       2    3    4    5   10
    equal spreads                     0.1  0.1  0.4  0.5  1.5     .99  .99  .98  .98  .96
    spreads of quick                  2.6  1.8  1.8  1.6  1.2     .98  .98  .98  .98  .98
    spreads within a factor of 4      1.3  0.9  0.8  1.6  1.6     .99  .98  .98  .98  .97
    one variant 4 times as wild       6.0  3.9  3.0  2.3  1.1     .98  .98  .99  .99  .99
    one variant 10 times as wild     13.2  7.0  5.1  3.9  1.8     .98  .98  .99  .99  .99
    two variants 10 times as wild     9.7  5.0  3.9  2.9  1.3     .97  .98  .98  .98  .99
    one variant 20 times as steady    0.2  0.1  0.4  0.8  1.6     .99  .99  .98  .97  .96
    lognormal, sigma 0.16, 0.35, 1    0.1  0.1  0.4  0.5  1.5     .99  .99  .98  .98  .96
    residuals of quick, digits        3.0  2.6  3.1  3.3  4.0     .99  .98  .97  .97  .97
    residuals of quick, ring          1.8  2.4  2.1  2.1  3.8     .99  .98  .97  .97  .96
    residuals of a later quick        0.8  1.8  1.6  2.5  3.6     .99  .98  .97  .96  .97
    counts                            0.0  0.1  0.2  0.6  0.8
    counts that hardly vary           0.0  0.0  0.0  0.0  0.0
    shares near 1                     0.2  0.4  0.1  0.4  0.4
    one run in five collapses         1.1  0.1  0.2  0.4  0.2
    a third of the runs failed        1.3  1.4  0.9  0.9  0.6
    14 settings it was not tuned on   1.6  1.5  1.6  1.2  2.5    the most of any; docs/statistics.md has more
    a leader twice as good is found  67.0 80.6 88.5 94.2 99.9   with the spreads of quick

Fewer than four seeds cannot know that one variant scatters ten times as much as the others. In logarithms a
spread has no unit: one sigma for all variants is one setting, whatever it is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame
from scipy.special import stdtr, stdtrit

from ganbench.statistics.cells import Cell, Indices, Tests, cell_of, share_won, test_pairs
from ganbench.statistics.intervals import LEVEL, Floats
from ganbench.statistics.looks import PLANNED, levels
from ganbench.statistics.planning import seeds_by_ranks, seeds_to_decide
from ganbench.statistics.significance import fisher_test, holm, shaffer
from ganbench.statistics.tiers import tiers

ERROR = 0.05  # the chance of any false verdict in a family of tests
SEEDS_TO_BET = 5  # from which on a row has a probability of being the best
DRAWS = 4_000  # for it
HALF = 0.5  # share of failed runs from which on the typical run fails

ROWS = [
    *("dataset", "metric", "label", "runs", "n", "failed", "mean", "low", "high"),
    *("rank", "tier", "leads", "contender", "p_best", "p_failed", "look"),
]
TESTS = [
    *("dataset", "metric", "a", "b", "difference", "low", "high", "p", "verdict", "test", "seeds", "p_same"),
    *("gap", "error", "df", "log", "p_raw"),
]
PAIRS = TESTS[:9]


@dataclass(frozen=True)
class Verdicts:
    """What `decide` found.

    rows: one per dataset, metric and label, the best of each cell first. runs, n (those that ended), failed; mean, low,
    high (95 %; geometric where tested as logarithms); rank (one more than the number of labels that are better), tier
    (numbers from 1, as "1" or "1 2"), leads, contender (not told from the best row), p_best (the probability that its
    true mean is the best; NaN below five seeds), p_failed (of failing no more often than the others, corrected), look.

    tests: one per pair. difference (b - a, in the metric's unit), low, high; p (corrected for the family); verdict ("a"
    or "b", whichever is better; "same"; "undecided"); test (what decided: "t", "t and permutation", "t and rank",
    "failures"); seeds (of each, that would probably decide; <NA>: decided or unknown); p_same (of a difference beyond
    the band); and on the scale of the test gap (b - a), error (its standard error), df, log, p_raw (uncorrected).
    """

    rows: DataFrame
    tests: DataFrame

    @property
    def pairs(self) -> DataFrame:
        """The tests as a table of nine columns."""
        return self.tests[PAIRS]


def decide(
    frame: DataFrame,
    pairs: Iterable[tuple[str, str]] | None = None,  # (a, b), tested in every cell that has both; None: all pairs
    error: float = ERROR,
    band: float | None = None,  # a share: smaller differences are none, and then a verdict may be "same"
) -> Verdicts:
    """A tidy frame of scores -> verdicts that are wrong in at most `error` of all families.

    `frame` has a row per run: label, seed, value (NaN or infinite: failed), direction ("lower" or "higher"); and, where
    there are several, dataset and metric. More columns, if there: look (from 1, of seeds added until decided) and level
    (of that look), noise (standard error of a value over redrawn samples; a spread is never taken for less). All pairs
    of a cell are a family; named `pairs` are one family over all cells. Raises ValueError for another direction;
    `ganbench.compare.rank` says in the user's words what else a frame may lack.
    """
    wanted, parts = None if pairs is None else list(pairs), list(_parts(frame))
    family = None if wanted is None else sum(_there(part, wanted) for _, part in parts)
    found = [_test_cell(name, part, wanted, error, band, family) for name, part in parts]
    if wanted is None:
        adjusted = [_all_pairs(one, error) for one in found]
        same = [holm(one.p_same) for one in found]
    else:
        adjusted, same = (_together([getattr(one, p) for one in found]) for p in ("p", "p_same"))
    lines = [_lines(*one, error, family) for one in zip(found, adjusted, same, strict=True)]
    rows = [_rows(one, table, error) for one, table in zip(found, lines, strict=True)]
    tests = pd.concat(lines, ignore_index=True) if lines else DataFrame(columns=TESTS)
    return Verdicts(pd.concat(rows, ignore_index=True) if rows else DataFrame(columns=ROWS), tests)


def _parts(frame: DataFrame) -> Iterator[tuple[tuple[str, str], DataFrame]]:
    """The cells of a frame and their names."""
    full = frame.assign(**{name: "" for name in ("dataset", "metric") if name not in frame})
    for (dataset, metric), part in full.groupby(["dataset", "metric"], sort=False):
        yield (str(dataset), str(metric)), part


def _there(part: DataFrame, wanted: Sequence[tuple[str, str]]) -> int:
    """How many of the pairs a cell has."""
    labels = set(map(str, part["label"]))
    return sum(a in labels and b in labels for a, b in wanted)


# Tests


class _Tested(NamedTuple):
    """A cell and the tests of its pairs; arrays are (pairs,)."""

    name: tuple[str, str]
    labels: list[str]
    looks: Floats  # (k,) at which each got its last seed
    cell: Cell
    i: Indices
    j: Indices
    tests: Tests  # at the last look
    p: Floats  # uncorrected
    better: NDArray[np.int64]
    p_same: Floats


def _test_cell(
    name: tuple[str, str],
    part: DataFrame,
    wanted: Sequence[tuple[str, str]] | None,
    error: float,
    band: float | None,
    family: int | None,  # None: all pairs of the cell
) -> _Tested:
    """Test the pairs of a cell at each look at which both got seeds.

    The p-value of a look at a level counts ERROR / level times, so that whatever is at most ERROR passes its look; of
    several looks the smallest counts. Labels without a look, which no scores made grow, are there at each.
    """
    labels = [str(label) for label in dict.fromkeys(part["label"])]
    i, j = _pairs_of(labels, wanted)
    p, better = np.full(len(i), np.inf), np.zeros(len(i), dtype=np.int64)
    for seen, grown, level in _looks(part):
        cell = _cell(seen, labels)
        tests = test_pairs(cell, i, j, error * level / ERROR, len(i) if family is None else family)
        there = np.isin(labels, list(grown))
        weighted = np.where(there[i] & there[j], tests.p * (ERROR / level), np.inf)
        better = np.where(weighted < p, tests.better, better)
        p = np.minimum(np.minimum(weighted, p), 1.0)
    looks = part["look"] if "look" in part else pd.Series(np.nan, index=part.index)
    last = np.asarray(looks.groupby(part["label"]).max().reindex(labels), dtype=np.float64)
    return _Tested(name, labels, last, cell, i, j, tests, p, better, _equivalence(cell, tests, i, j, band))


def _pairs_of(labels: list[str], wanted: Sequence[tuple[str, str]] | None) -> tuple[Indices, Indices]:
    if wanted is None:
        i, j = np.triu_indices(len(labels), 1)
        return i, j
    place = {label: at for at, label in enumerate(labels)}
    there = [(place[a], place[b]) for a, b in wanted if a in place and b in place]
    i, j = np.array(there, dtype=np.intp).reshape(-1, 2).T
    return i, j


def _looks(part: DataFrame) -> Iterator[tuple[DataFrame, set[str], float]]:
    """What had been seen at each look, the labels that got seeds at it or never do, and its level."""
    if "look" not in part or part["look"].isna().all():
        yield part, set(map(str, part["label"])), ERROR
        return
    number = part["look"]
    known = part.groupby("look")["level"].min().to_dict() if "level" in part else {}
    usual = levels(max(PLANNED, int(number.max())), ERROR)
    for look in sorted(set(number.dropna())):
        level = known.get(look, np.nan)
        grown = set(map(str, part.loc[number.isna() | (number == look), "label"]))
        yield part[number.isna() | (number <= look)], grown, usual[int(look) - 1] if np.isnan(level) else float(level)


def _cell(part: DataFrame, labels: list[str]) -> Cell:
    directions = set(part["direction"])
    if len(directions) != 1 or not directions <= {"lower", "higher"}:
        raise ValueError(f"Found directions {sorted(map(str, directions))}, but need one: lower or higher.")
    places = part.groupby("label", sort=False).indices
    values = part["value"].to_numpy(dtype=np.float64)
    noise = np.nan_to_num(part["noise"].to_numpy(dtype=np.float64)) if "noise" in part else np.zeros(len(part))
    at = [places.get(label, np.empty(0, dtype=np.intp)) for label in labels]
    of_label = np.array([np.sqrt(np.mean(noise[own] ** 2)) if len(own) else 0.0 for own in at])
    return cell_of([values[own] for own in at], directions == {"lower"}, of_label)


def _equivalence(cell: Cell, tests: Tests, i: Indices, j: Indices, band: float | None) -> Floats:
    """p-values of a difference beyond the band; NaN without one, or where runs failed.

    Two one-sided tests: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for
    assessing the equivalence of average bioavailability", 1987.
    """
    if band is None:
        return np.full(len(i), np.nan)
    margin = np.log1p(band) if cell.scale.log else band * np.abs(cell.mean[i])
    room = margin - np.abs(tests.gap)
    known = (tests.error > 0) & (cell.failed[i] + cell.failed[j] == 0)
    tail = stdtr(tests.df, -room / np.where(known, tests.error, 1.0))
    alike = (cell.n[i] > 1) & (cell.n[j] > 1) & (tests.error == 0) & (cell.failed[i] + cell.failed[j] == 0)
    return np.where(known, tail, np.where(alike, (room <= 0).astype(np.float64), np.nan))


# Corrections


def _all_pairs(one: _Tested, error: float) -> Floats:
    """Adjusted p-values of all pairs of a cell; those of a leader, whose pairs all pass by themselves, are theirs."""
    if not len(one.p):
        return one.p
    adjusted = shaffer(one.p, len(one.labels))
    for leader in range(len(one.labels)):
        own = (one.i == leader) | (one.j == leader)
        ahead = np.where(one.i == leader, -1, 1) == one.better
        if ahead[own].all() and one.p[own].max() <= error:
            adjusted[own] = np.minimum(adjusted[own], one.p[own].max())
    return adjusted


def _together(p: list[Floats]) -> list[Floats]:
    """Holm's correction over all cells."""
    ends = np.cumsum([len(own) for own in p])[:-1]
    return np.split(holm(np.concatenate([np.empty(0), *p])), ends) if p else []


# Frames


def _lines(one: _Tested, p: Floats, p_same: Floats, error: float, family: int | None) -> DataFrame:
    """The tests of a cell."""
    cell, tests = one.cell, one.tests
    better = np.where(one.better < 0, "a", "b")
    verdict = np.where(p <= error, better, np.where(p_same <= error, "same", "undecided"))
    reach = -stdtrit(tests.df, (1 - LEVEL) / 2) * tests.error
    a, b = cell.mean[one.i], cell.mean[one.j]
    difference, low, high = (cell.scale.difference(a, b, tests.gap + step) for step in (0.0, -reach, reach))
    needed = _seeds_needed(one, error / max(1, family or len(p)))
    open_ = (verdict == "undecided") & np.isfinite(needed)
    return DataFrame({
        "dataset": one.name[0], "metric": one.name[1],
        "a": [one.labels[at] for at in one.i], "b": [one.labels[at] for at in one.j],
        "difference": difference, "low": low, "high": high, "p": p, "verdict": verdict, "test": tests.test,
        "seeds": pd.array([int(n) if known else pd.NA for n, known in zip(needed, open_, strict=True)], dtype="Int64"),
        "p_same": p_same, "gap": tests.gap, "error": tests.error, "df": tests.df, "log": cell.scale.log, "p_raw": one.p,
    }, columns=TESTS)  # fmt: skip


def _seeds_needed(one: _Tested, level: float) -> Floats:
    """(pairs,) seeds of each side that would probably decide; more than there are, and NaN where nobody knows."""
    cell, i, j = one.cell, one.i, one.j
    needed = seeds_to_decide(one.tests.gap, cell.variance[i], cell.variance[j], level)
    by_ranks = one.tests.test == "t and rank"
    ahead = np.where((one.tests.gap < 0) == cell.lower, j, i), np.where((one.tests.gap < 0) == cell.lower, i, j)
    wins = [share_won(cell, a, b) for a, b in zip(*(side[by_ranks] for side in ahead), strict=True)]
    needed[by_ranks] = np.maximum(needed[by_ranks], seeds_by_ranks(np.array(wins), level))
    return np.asarray(np.maximum(needed, np.minimum(cell.runs[i], cell.runs[j]) + 1))


def _rows(one: _Tested, lines: DataFrame, error: float) -> DataFrame:
    """The labels of a cell, the best first."""
    cell, k = one.cell, len(one.labels)
    low, high = cell.limits(LEVEL)
    beats = _beats(one, (lines["verdict"] == "a").to_numpy(), (lines["verdict"] == "b").to_numpy())
    passes = _beats(one, (one.p <= error) & (one.better < 0), (one.p <= error) & (one.better > 0))
    order = _beaten_after(_best_first(cell), beats)
    at_tier: dict[int, list[int]] = {}
    for number, tier in enumerate(tiers((beats | beats.T)[np.ix_(order, order)]), start=1):
        for place in tier:
            at_tier.setdefault(int(order[place]), []).append(number)
    best = int(order[0]) if k else 0
    contender = ~passes[best] if k else np.zeros(0, dtype=bool)
    table = DataFrame({
        "dataset": one.name[0], "metric": one.name[1], "label": one.labels, "runs": cell.runs, "n": cell.n,
        "failed": cell.failed, "mean": cell.scale.back(cell.mean), "low": low, "high": high,
        "rank": 1 + beats.sum(axis=0), "tier": [" ".join(map(str, at_tier[at])) for at in range(k)],
        "leads": [k > 1 and bool(np.delete(beats[at], at).all()) for at in range(k)],
        "contender": contender, "p_best": _p_best(cell), "p_failed": _p_failed(cell), "look": one.looks,
    }, columns=ROWS)  # fmt: skip
    return table.iloc[order]


def _beats(one: _Tested, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(pairs,) whether a beats b, and b a -> (k, k): whether the row's label beats the column's."""
    table = np.zeros((len(one.labels),) * 2, dtype=bool)
    table[one.i, one.j], table[one.j, one.i] = a, b
    return table


def _best_first(cell: Cell) -> Indices:
    """The order of labels: by their means; those of which half or more of the runs failed come last."""
    worth = cell.mean if cell.lower else -cell.mean
    lost = cell.failed >= HALF * np.maximum(cell.runs, 1)
    return np.lexsort((np.nan_to_num(worth, nan=np.inf), lost))


def _beaten_after(order: Indices, beats: NDArray[np.bool_]) -> Indices:
    """The same order, but that no row stands before one that beats it, as by fewer failures."""
    found: list[int] = []
    for row in order.tolist():
        beaten = (at for at, other in enumerate(found) if beats[row, other])
        found.insert(next(beaten, len(found)), row)
    return np.array(found, dtype=np.intp)


def _p_best(cell: Cell) -> Floats:
    """How probably the true mean of each label is the best, by draws from what the t of each says of it.

    Of runs that ended; NaN for labels with fewer than `SEEDS_TO_BET`.
    """
    shown = np.full(len(cell.n), np.nan)
    known = np.flatnonzero(np.isfinite(cell.variance))
    if not (cell.n[known] >= SEEDS_TO_BET).any():
        return shown
    t = np.random.default_rng(0).standard_t(cell.df[known], size=(DRAWS, len(known)))
    drawn = cell.mean[known] + t * np.sqrt(cell.variance[known] / cell.n[known])
    first = drawn == (drawn.min(axis=1, keepdims=True) if cell.lower else drawn.max(axis=1, keepdims=True))
    shown[known] = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
    return np.where(cell.n >= SEEDS_TO_BET, shown, np.nan)


def _p_failed(cell: Cell) -> Floats:
    """p-values of each label failing no more often than all others together, by Holm's correction."""
    failed, runs = int(cell.failed.sum()), int(cell.runs.sum())
    each = [
        fisher_test(int(lost), int(n), failed - int(lost), runs - int(n)) if lost * runs > failed * n else 1.0
        for lost, n in zip(cell.failed, cell.runs, strict=True)
    ]
    return holm(each)
