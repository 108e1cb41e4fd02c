"""Levels of looks at scores to which seeds are added until it is decided who leads."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame
from scipy.stats import norm

from ganbench.statistics import decide
from ganbench.statistics.looks import Look, levels, schedule


def scores(values: dict[str, list[float]], look: float, **more: object) -> DataFrame:
    rows = [
        {"label": label, "seed": seed, "value": value, "direction": "lower", "look": look, **more}
        for label, own in values.items()
        for seed, value in enumerate(own)
    ]
    return DataFrame(rows)


def test_one_look_has_all_the_error() -> None:
    assert levels(1, 0.05) == (0.05,)


def test_three_looks_are_wrong_in_a_third_of_the_error_each() -> None:
    """Reboussin, DeMets, Kim and Lan's program `ld98` gives the bounds 2.394, 2.294 and 2.200 for this spending."""
    found = levels(3, 0.05)
    assert norm.isf(np.array(found) / 2) == pytest.approx([2.394, 2.294, 2.200], abs=0.0006)
    steps = np.random.default_rng(0).standard_normal((3, 200_000))
    passed = 2 * norm.sf(abs(np.cumsum(steps, axis=0)) / np.sqrt([[1], [2], [3]])) <= np.array(found)[:, None]
    assert [passed[:n].any(axis=0).mean() for n in (1, 2, 3)] == pytest.approx([0.0167, 0.0333, 0.05], abs=0.0015)


@pytest.mark.parametrize("looks", [2, 5, 12])
def test_levels_rise_and_are_more_than_equal_shares(looks: int) -> None:
    found = levels(looks, 0.05)
    assert found[0] == pytest.approx(0.05 / looks)
    assert all(a < b for a, b in pairwise(found)) and 0.05 < sum(found) < 0.05 * looks


def test_a_schedule_says_the_look_of_each_seed() -> None:
    found = schedule(4, 12, 0.05)
    assert [look.number for look in found] == [1] * 4 + [2] * 4 + [3] * 4
    assert found[5] == Look(2, 3, levels(3, 0.05)[1])


A, B = [1.0, 1.05, 1.1, 1.02], [1.3, 1.5, 1.2, 1.4]  # which four seeds do not tell apart at the first of three looks


def test_seeds_that_only_one_of_two_rows_got_decide_nothing_between_them() -> None:
    """Who gets no more seeds was worse by chance, if it is as good: its first seeds are no fair sample."""
    first = scores({"a": A, "b": B, "c": B}, 1)
    more = scores({"a": [value * 0.5 for value in A]}, 2).assign(seed=[4, 5, 6, 7])
    before, after = decide(first).tests, decide(pd.concat([first, more])).tests
    assert after["p_raw"].tolist() == pytest.approx(before["p_raw"].tolist())


def p_of(frame: DataFrame) -> float:
    """The uncorrected p-value of a and b; of three rows with four seeds no permutation test is asked."""
    return float(decide(frame).tests["p_raw"].iloc[0])


def test_rows_that_never_grow_are_there_at_each_look() -> None:
    """Of controls no score says how many seeds they get."""
    first, controls = scores({"a": A}, 1), scores({"b": B, "c": B}, np.nan)
    more = scores({"a": A}, 2).assign(seed=[4, 5, 6, 7])
    assert p_of(pd.concat([first, controls, more])) < 0.95 * p_of(pd.concat([first, controls]))


def test_a_level_is_of_five_percent_in_all_and_shrinks_with_the_error() -> None:
    frame = scores({"a": A, "b": B, "c": B}, 1, level=0.02)
    p = p_of(frame.drop(columns=["look", "level"]))
    assert p_of(frame) == pytest.approx(2.5 * p)
    leads = {error: bool(decide(frame, error=error).rows["leads"].iloc[0]) for error in (2.4 * p, 2.6 * p)}
    assert list(leads.values()) == [False, True], "0.02 of 0.05 are left"


def test_without_levels_three_looks_are_taken_to_be_planned() -> None:
    frame = scores({"a": A, "b": B, "c": B}, 1)
    assert p_of(frame) == pytest.approx(3 * p_of(frame.drop(columns=["look"])))
