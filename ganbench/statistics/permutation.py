"""Permutation tests of many pairs at once: how often a random split of two samples is as uneven as theirs.

Fisher, "The Design of Experiments", 1935, section 21, and Pitman, "Significance Tests Which May be Applied to Samples
From any Populations", 1937. Exact, over all splits, up to `ALL_SPLITS` of them; above, of so many random ones and this
one: Phipson and Smyth, "Permutation P-values Should Never Be Zero", 2010.
"""

import math
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganbench.statistics.intervals import Floats, floats

ALL_SPLITS = 50_000  # 9 and 9 values have 48,620
DRAWN = 50_000  # of more


def least_p(n: int, m: int) -> float:
    """The smallest two-sided p-value that n and m values can have: 0.029 for 4 and 4."""
    return min(1.0, (2 if n == m else 1) / math.comb(n + m, n)) if min(n, m) else 1.0


def permutation_test(a: ArrayLike, b: ArrayLike) -> float:
    """(n,) and (m,) finite values, at least one each -> two-sided p-value of the difference of their means."""
    return float(permutation_tests(floats(a)[None], floats(b)[None])[0])


def permutation_tests(a: Floats, b: Floats) -> Floats:
    """(pairs, n) and (pairs, m) finite values -> (pairs,) two-sided p-values of the differences of their means."""
    apart = (a.max(axis=1) < b.min(axis=1)) | (b.max(axis=1) < a.min(axis=1))  # of equal sides no split is more uneven
    apart &= a.shape[1] == b.shape[1]
    p = np.full(len(a), least_p(a.shape[1], b.shape[1]))
    if not apart.all():
        p[~apart] = _mixed(a[~apart], b[~apart])
    return p


def _mixed(a: Floats, b: Floats) -> Floats:
    """The same by counting splits."""
    n, m = a.shape[1], b.shape[1]
    pooled = np.concatenate([a, b], axis=1)
    pooled = pooled - pooled.mean(axis=1, keepdims=True)  # then a sum far from zero is a mean far from the other
    pooled = (pooled / np.maximum(np.abs(pooled).max(axis=1, keepdims=True), 1e-300)).astype(np.float32)
    reached = np.abs(pooled[:, :n].sum(axis=1)) - np.float32(1e-5)  # rounding makes no difference
    splits, every = _splits(n, m)
    hits = np.zeros(len(a))
    for part in np.array_split(splits, max(1, len(splits) * len(a) // 1_000_000)):
        hits += (np.abs(part @ pooled.T) >= reached).sum(axis=0)
    return hits / len(splits) if every else (1 + hits) / (1 + len(splits))


def rank_test(a: ArrayLike, b: ArrayLike) -> float:
    """The same of ranks, Wilcoxon's test with ties sharing a rank; values may be infinite: a run that failed."""
    pooled = np.concatenate([floats(a), floats(b)])
    ranked = (pooled[:, None] > pooled).sum(axis=1) + (pooled[:, None] == pooled).sum(axis=1) / 2
    return permutation_test(ranked[: len(floats(a))], ranked[len(floats(a)) :])


@cache
def _splits(n: int, m: int) -> tuple[NDArray[np.float32], bool]:
    """(splits, n + m) of 0 and 1, which of the values go to the first side; and whether these are all splits.

    Of two equal sides the first value stays on the first: the other half are the same splits, seen from the other side.
    """
    every = math.comb(n + m, n) <= ALL_SPLITS
    if not every:
        order = np.random.default_rng(0).permuted(np.tile(np.arange(n + m), (DRAWN, 1)), axis=1)
        chosen = order[:, :n]
    elif n == m:
        chosen = np.array([(0, *rest) for rest in combinations(range(1, n + m), n - 1)], dtype=np.intp)
    else:
        chosen = np.fromiter(combinations(range(n + m), n), dtype=(np.intp, n))
    table = np.zeros((len(chosen), n + m), dtype=np.float32)
    np.put_along_axis(table, chosen, 1.0, axis=1)
    return table, every
