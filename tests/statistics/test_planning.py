"""The seeds that a gap needs are those with which a two-sided test finds it."""

import math

import numpy as np
import pytest
from scipy import stats

from ganbench.statistics.planning import MOST_SEEDS, seeds_to_decide


def needed(gap: float, a: float = 1.0, b: float = 1.0, level: float = 0.05) -> float:
    return float(seeds_to_decide(np.array([gap]), np.array([a]), np.array([b]), level)[0])


@pytest.mark.parametrize(("effect", "n"), [(0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_needed_are_cohens(effect: float, n: int) -> None:
    """Cohen, "A Power Primer", 1992, table 2: 64 and 26 a side for a medium and a large effect."""
    assert needed(effect) == needed(-effect) == n


@pytest.mark.parametrize("gap", [0.4, 1.2, 2.0])
@pytest.mark.parametrize("level", [0.05, 0.001])
def test_seeds_needed_have_the_power_and_two_less_do_not(gap: float, level: float) -> None:
    def power(n: float) -> float:
        df = 2 * n - 2
        return float(stats.nct.sf(stats.t.ppf(1 - level / 2, df), df, gap / math.sqrt(2 / n)))

    n = needed(gap, level=level)
    assert power(n - 2) < 0.8 <= power(n) + 0.03


def test_some_gaps_no_number_of_seeds_can_tell() -> None:
    assert math.isnan(needed(0.0)) and math.isnan(needed(1e-9)) and math.isnan(needed(math.nan))
    assert needed(0.1) < MOST_SEEDS and needed(100.0) == 2
