"""Tiers are the largest sets that no test separates."""

import numpy as np

from ganbench.statistics.tiers import tiers


def separated(k: int, *pairs: tuple[int, int]) -> np.ndarray:
    table = np.zeros((k, k), dtype=bool)
    for i, j in pairs:
        table[i, j] = table[j, i] = True
    return table


def test_rows_that_nothing_separates_share_a_tier() -> None:
    assert tiers(separated(3)) == [(0, 1, 2)]
    assert tiers(separated(0)) == []


def test_rows_that_all_differ_have_one_each() -> None:
    assert tiers(separated(3, (0, 1), (0, 2), (1, 2))) == [(0,), (1,), (2,)]


def test_a_row_between_two_is_in_both_tiers() -> None:
    """Not told from the first, nor from the last, which are told apart."""
    assert tiers(separated(3, (0, 2))) == [(0, 1), (1, 2)]
    assert tiers(separated(4, (0, 2), (0, 3), (1, 3))) == [(0, 1), (1, 2), (2, 3)]


def test_verdicts_that_no_order_explains_are_shown_all_the_same() -> None:
    """0 beats 3 and 1 beats 2, and nothing else is told apart: a square without its diagonals."""
    assert tiers(separated(4, (0, 3), (1, 2))) == [(0, 1), (0, 2), (1, 3), (2, 3)]
