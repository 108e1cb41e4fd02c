"""A cell: the scores of one metric on one dataset. Its rows, and tests of pairs of them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from ganbench.statistics.intervals import Floats
from ganbench.statistics.moderated import spreads
from ganbench.statistics.permutation import least_p, permutation_tests, rank_test
from ganbench.statistics.scale import Scale, scale_of
from ganbench.statistics.significance import fisher_test

Indices = NDArray[np.intp]


class Cell(NamedTuple):
    """The scores of k labels, and what is made of them on the scale of the test; arrays are (k,)."""

    values: Sequence[Floats]  # of runs that ended
    failed: NDArray[np.int64]  # runs
    lower: bool  # is better
    scale: Scale
    n: NDArray[np.int64]  # runs that ended
    mean: Floats  # NaN: none ended
    variance: Floats  # of one run; NaN where fewer than two ended
    df: Floats  # degrees of freedom of it

    @property
    def runs(self) -> NDArray[np.int64]:
        return self.n + self.failed

    def limits(self, level: float) -> tuple[Floats, Floats]:
        """The intervals of the means, in the metric's unit."""
        reach = stdtrit(self.df, (1 + level) / 2) * np.sqrt(self.variance / np.maximum(self.n, 1))
        return self.scale.back(self.mean - reach), self.scale.back(self.mean + reach)


class Tests(NamedTuple):
    """Tests of pairs (a, b) of a cell; arrays are (pairs,)."""

    gap: Floats  # mean of b less that of a, on the scale of the test
    error: Floats  # its standard error
    df: Floats
    p: Floats  # two-sided, of no difference; 1 where nothing can be tested
    better: NDArray[np.int64]  # -1: a looks better, 1: b
    test: NDArray[np.object_]  # that gave p


def cell_of(values: Sequence[Floats], lower_is_better: bool, noise: Floats | None = None) -> Cell:
    """(runs,) values of each label, NaN or infinite for runs that failed -> their cell.

    `noise`: (k,) standard errors of single values over redrawn samples.
    """
    ended = [own[np.isfinite(own)] for own in values]
    scale = scale_of(np.concatenate([np.empty(0), *ended]), lower_is_better)
    tested = [scale.to(own) for own in ended]
    n = np.array([len(own) for own in ended], dtype=np.int64)
    failed = np.array([len(own) for own in values], dtype=np.int64) - n
    mean = np.array([own.mean() if len(own) else math.nan for own in tested])
    own_variance = np.array([own.var(ddof=1) if len(own) > 1 else math.nan for own in tested])
    least = scale.least_variance(np.nan_to_num(mean), np.zeros(len(n)) if noise is None else noise)
    variance, df = spreads(own_variance, np.maximum(n - 1.0, 0.0), least)
    return Cell(ended, failed, lower_is_better, scale, n, mean, variance, np.maximum(df, 1.0))


def means_apart(cell_mean: Floats, error2: Floats, df: Floats, i: Indices, j: Indices) -> tuple[Floats, Floats, Floats]:
    """(..., k) means, their squared standard errors and degrees of freedom -> (..., pairs) gaps, errors, and theirs.

    Satterthwaite, "An Approximate Distribution of Estimates of Variance Components", 1946.
    """
    a, b = error2[..., i], error2[..., j]
    both = np.where(a + b > 0, a + b, 1.0)
    apart = both**2 / np.maximum(a**2 / df[..., i] + b**2 / df[..., j], 1e-300 * both**2)
    return cell_mean[..., j] - cell_mean[..., i], np.sqrt(a + b), np.where(a + b > 0, apart, 1.0)


def t_test(gap: Floats, error: Floats, df: Floats) -> Floats:
    """Gaps, their standard errors and degrees of freedom -> two-sided p-values; 1 where there is no error or no gap."""
    known = error > 0
    return np.where(known, 2 * stdtr(df, -np.abs(gap) / np.where(known, error, 1.0)), 1.0)


def test_pairs(cell: Cell, i: Indices, j: Indices, error: float, family: int) -> Tests:
    """Test the pairs (i, j), of a family of so many that is to be wrong in `error` of all cases.

    A t of the means decides. Where there are seeds enough that a permutation could reach error / family, it must agree.
    A row that lost a larger share of its runs is better only if it is so in ranks too, failed runs being the worst.
    The shares of failures are tested apart where their test could reach that; then both p-values count twice.
    """
    variance = np.maximum(cell.variance, cell.scale.one_off(np.nan_to_num(cell.mean), cell.n))
    gap, spread, df = means_apart(cell.mean, variance / np.maximum(cell.n, 1), cell.df, i, j)
    p = np.where(np.isfinite(gap + spread), t_test(gap, np.nan_to_num(spread), df), 1.0)
    better = np.where((gap < 0) == cell.lower, 1, -1)
    test = np.full(len(i), "t", dtype=object)
    level = error / max(family, 1)
    _ask_permutations(cell, i, j, p, test, error, level)
    for pair in np.flatnonzero(cell.failed[i] + cell.failed[j]):
        a, b = int(i[pair]), int(j[pair])
        found = _with_failures(cell, a, b, float(p[pair]), int(better[pair]), str(test[pair]), error, level)
        p[pair], better[pair], test[pair] = found
    return Tests(gap, spread, df, p, better, test)


def _ask_permutations(
    cell: Cell, i: Indices, j: Indices, p: Floats, test: NDArray[np.object_], error: float, level: float
) -> None:
    """Raise `p` where a permutation test could pass the level, and disagrees."""
    counts = np.stack([cell.n[i], cell.n[j]], axis=1)
    tested = [cell.scale.to(own) for own in cell.values]
    for n, m in np.unique(counts[p <= error], axis=0).tolist():
        if least_p(n, m) <= level:
            asked = np.flatnonzero((counts == (n, m)).all(axis=1) & (p <= error))
            sides = (np.stack([tested[at] for at in side[asked]]) for side in (i, j))
            p[asked] = np.maximum(p[asked], permutation_tests(*sides))
            test[asked] = "t and permutation"


def _with_failures(
    cell: Cell, a: int, b: int, p: float, better: int, test: str, error: float, level: float
) -> tuple[float, int, str]:
    """What a test's p and direction become when the failed runs of a and b are looked at too."""
    winner, loser = (a, b) if better < 0 else (b, a)
    if p <= error and cell.failed[winner] * cell.runs[loser] > cell.failed[loser] * cell.runs[winner]:
        p, test = max(p, _ranks(cell, winner, loser)), "t and rank"
    lost_a, lost_b, n, m = (int(x) for x in (cell.failed[a], cell.failed[b], cell.runs[a], cell.runs[b]))
    testable = min(cell.n[a], cell.n[b]) > 1
    if not (n and m) or (testable and least_p_of_failures(lost_a + lost_b, n, m) > level):
        return p, better, test
    fewer = -1 if lost_a * m < lost_b * n else 1
    if testable and fewer != better and p <= error:
        return 1.0, better, test  # better runs against steadier ones: which is better is a matter of taste
    by_failures, both = fisher_test(lost_a, n, lost_b, m), 2 if testable else 1
    if by_failures < p:
        return min(1.0, both * by_failures), fewer, "failures"
    return min(1.0, both * p), better, test


def least_p_of_failures(failed: int, n: int, m: int) -> float:
    """The smallest p-value of `fisher_test` where so many of n and m runs failed together."""
    return min(fisher_test(min(failed, x), x, failed - min(failed, x), y) for x, y in ((n, m), (m, n)))


def _ranks(cell: Cell, winner: int, loser: int) -> float:
    """p-value of the winner's runs being better in ranks, failed runs being the worst; 1 if they are not."""
    return rank_test(_runs(cell, winner), _runs(cell, loser)) if share_won(cell, winner, loser) > 0.5 else 1.0


def share_won(cell: Cell, one: int, other: int) -> float:
    """Of all pairings of their runs, the share in which that of `one` is better; a draw is half a win."""
    x, y = _runs(cell, one)[:, None], _runs(cell, other)
    better = x < y if cell.lower else x > y
    return float(np.mean(better + 0.5 * (x == y)))


def _runs(cell: Cell, one: int) -> Floats:
    """The values of all runs of a label, failed ones the worst."""
    worst = math.inf if cell.lower else -math.inf
    return np.append(cell.values[one], [worst] * int(cell.failed[one]))
