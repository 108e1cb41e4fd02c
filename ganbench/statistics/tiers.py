"""Tiers: sets of rows that no test separates, the largest there are."""

import numpy as np
from numpy.typing import NDArray


def tiers(separated: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """(k, k) symmetric: whether a test separates two rows, the best row first -> the tiers, that of the best row first.

    No row is missing; one may be in several, where a is not told from b nor b from c, but a from c. Piepho, "An
    Algorithm for a Letter-Based Representation of All-Pairwise Comparisons", Journal of Computational and Graphical
    Statistics 13, 2004: whoever is separated parts every set that held both, and sets within others are dropped.
    """
    found: list[frozenset[int]] = [frozenset(range(len(separated)))] if len(separated) else []
    for i, j in zip(*np.nonzero(np.triu(separated, 1)), strict=True):
        parted = [one for tier in found for one in ((tier - {i}, tier - {j}) if {i, j} <= tier else (tier,))]
        found = _largest(parted)
    return sorted(tuple(sorted(map(int, tier))) for tier in found)


def _largest(sets: list[frozenset[int]]) -> list[frozenset[int]]:
    """Sets without those that lie within another."""
    kept: list[frozenset[int]] = []
    for one in sorted(set(sets), key=len, reverse=True):
        if not any(one <= other for other in kept):
            kept.append(one)
    return kept
