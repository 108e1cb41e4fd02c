"""The one rule: what is told apart, what is not, and what it says of either."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame
from scipy import stats

from ganbench.statistics.verdicts import PAIRS, ROWS, TESTS, Verdicts, decide

NAN, INF = math.nan, math.inf


def table(values: Mapping[str, Sequence[float]], direction: str = "lower", **more: object) -> DataFrame:
    rows = [
        {"label": label, "seed": seed, "value": value, "direction": direction, **more}
        for label, own in values.items()
        for seed, value in enumerate(own)
    ]
    return DataFrame(rows, columns=["label", "seed", "value", "direction", *more])


def steady(levels: Mapping[str, float], n: int = 5, spread: float = 0.1, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {label: level * np.exp(spread * rng.standard_normal(n)) for label, level in levels.items()}


def verdict_of(found: Verdicts, a: str, b: str) -> str:
    own = found.tests[(found.tests["a"] == a) & (found.tests["b"] == b)]
    return str(own["verdict"].item())


LEVELS = {"good": 1.0, "fair": 2.0, "also": 2.05, "poor": 4.0}


def test_who_is_better_depends_on_the_direction() -> None:
    values = steady(LEVELS)
    lower, higher = (decide(table(values, direction)) for direction in ("lower", "higher"))
    assert [verdict_of(lower, "good", "poor"), verdict_of(higher, "good", "poor")] == ["a", "b"]
    assert [lower.rows["label"].iloc[0], higher.rows["label"].iloc[0]] == ["good", "poor"]
    assert lower.rows["leads"].tolist() == [True, False, False, False]


def test_columns_are_those_that_it_names() -> None:
    found = decide(table(steady(LEVELS)))
    assert [*found.rows] == ROWS and [*found.tests] == TESTS
    assert [*found.pairs] == PAIRS == ["dataset", "metric", "a", "b", "difference", "low", "high", "p", "verdict"]
    assert len(found.pairs) == 6


def test_rows_that_no_test_separates_share_a_tier_and_a_rank() -> None:
    rows = decide(table(steady(LEVELS))).rows.set_index("label")
    assert rows["tier"].to_dict() == {"good": "1", "fair": "2", "also": "2", "poor": "3"}
    assert rows["rank"].to_dict() == {"good": 1, "fair": 2, "also": 2, "poor": 4}


def test_without_common_spread_it_is_welchs_test_of_logarithms() -> None:
    """Two labels have nothing in common that could be estimated, and no spread is far below the other."""
    a, b = [1.0, 1.3, 1.6], [2.0, 2.7, 2.2]
    found = decide(table({"a": a, "b": b})).tests.iloc[0]
    assert found["p_raw"] == pytest.approx(stats.ttest_ind(np.log(a), np.log(b), equal_var=False).pvalue, rel=0.1)
    assert found["difference"] == pytest.approx(stats.gmean(b) - stats.gmean(a))
    assert found["low"] <= found["difference"] <= found["high"]
    assert (found["low"] > 0) == (found["p_raw"] < 0.05)


def test_two_seeds_of_equal_counts_decide_nothing() -> None:
    assert verdict_of(decide(table({"a": [8, 8], "b": [7, 7]}, "higher")), "a", "b") == "undecided"
    assert verdict_of(decide(table({"a": [8] * 8, "b": [7] * 8}, "higher")), "a", "b") == "a"


def test_equal_counts_are_not_told_from_those_a_step_away_by_three_seeds() -> None:
    others = {f"v{i}": [7.0] * 3 for i in range(9)}
    assert not (decide(table({"a": [8.0] * 3, **others}, "higher")).tests["verdict"] == "a").any()
    assert decide(table({"a": [12.0] * 3, **others}, "higher")).rows["leads"].iloc[0]


def test_a_look_has_the_smallest_of_the_levels_that_its_rows_say() -> None:
    frame = table(steady({"good": 1.0, "poor": 1.3}), look=1)
    found = [
        decide(frame.assign(level=own)).tests["p"].item() for own in (0.01, [0.05] * 9 + [0.01], [0.01] + [0.05] * 9)
    ]
    assert found[0] == found[1] == found[2]


def test_one_seed_decides_nothing() -> None:
    found = decide(table({"a": [1.0], "b": [100.0], "c": [5.0, 5.1]}))
    assert set(found.tests["verdict"]) == {"undecided"} and not found.rows["leads"].any()
    assert found.rows.set_index("label").loc["a", ["low", "high"]].isna().all()


def test_undecided_is_never_the_same_without_an_equivalence_test() -> None:
    values = steady({"a": 1.0, "b": 1.0, "c": 3.0}, n=10, spread=0.02)
    assert verdict_of(decide(table(values)), "a", "b") == "undecided"
    assert verdict_of(decide(table(values), band=0.1), "a", "b") == "same"
    assert verdict_of(decide(table(values), band=0.001), "a", "b") == "undecided"
    assert verdict_of(decide(table(values), band=0.1), "a", "c") == "a"


def test_what_is_undecided_says_how_many_seeds_would_decide() -> None:
    tests = decide(table(steady({"a": 1.0, "b": 1.25, "c": 9.0}, n=3, spread=0.2))).tests.set_index(["a", "b"])
    assert tests.loc[("a", "b"), "seeds"] > 3
    assert pd.isna(tests.loc[("a", "c"), "seeds"])


# Failures


def test_who_lost_its_bad_runs_is_not_the_better_one() -> None:
    values = steady({"a": 1.0, "b": 3.0, "c": 3.1})
    assert verdict_of(decide(table(values)), "a", "b") == "a"
    values["a"][1:3] = NAN
    assert verdict_of(decide(table(values)), "a", "b") == "undecided"


def test_who_lost_runs_is_worse_where_the_others_are_worse_even_so() -> None:
    values = steady({"a": 1.0, "b": 3.0, "c": 3.1})
    values["b"][0] = INF
    assert verdict_of(decide(table(values)), "a", "b") == "a"


def test_many_seeds_outweigh_a_failure_by_ranks() -> None:
    values = steady({"a": 1.0, "b": 3.0}, n=12)
    values["a"][0] = NAN
    found = decide(table(values))
    assert verdict_of(found, "a", "b") == "a" and found.tests["test"].item() == "t and rank"


def test_shares_of_failures_are_tested_apart() -> None:
    found = decide(table({**steady({"a": 1.0, "b": 1.0}, n=8), "dead": [NAN] * 8}))
    rows = found.rows.set_index("label")
    assert rows.loc["dead", "p_failed"] < 1e-3 and rows.loc["a", "p_failed"] == 1
    assert found.rows["label"].iloc[-1] == "dead"
    dead = found.tests[found.tests["b"] == "dead"]
    assert set(dead["verdict"]) == {"a"} and set(dead["test"]) == {"failures"}


# Families


def test_named_pairs_are_one_family_over_all_cells() -> None:
    frame = pd.concat([table(steady(LEVELS, seed=i), metric=f"m{i}") for i in range(3)])
    found = decide(frame, pairs=[("good", "fair"), ("fair", "also")]).tests
    assert len(found) == 6
    one = found.sort_values("p_raw").iloc[0]
    assert one["p"] == pytest.approx(6 * one["p_raw"])


def test_noise_of_redrawn_samples_is_the_least_spread() -> None:
    values = steady({"a": 1.0, "b": 1.2}, n=5, spread=0.001)
    assert verdict_of(decide(table(values)), "a", "b") == "a"
    assert verdict_of(decide(table(values, noise=0.3)), "a", "b") == "undecided"


def test_the_best_has_a_probability_from_five_seeds_on() -> None:
    four, five = (decide(table(steady(LEVELS, n=n))).rows for n in (4, 5))
    assert four["p_best"].isna().all()
    assert five["p_best"].sum() == pytest.approx(1) and five["p_best"].iloc[0] > 0.95


def test_directions_are_one() -> None:
    with pytest.raises(ValueError, match="need one"):
        decide(table({"a": [1.0, 2.0]}, "sideways"))


# Looks


def test_a_look_is_tested_at_its_level() -> None:
    frame = table(steady({"a": 1.0, "b": 1.5, "c": 1.6}, n=4, spread=0.2), look=1, level=0.01)
    plain, looked = decide(frame.drop(columns=["look", "level"])).tests, decide(frame).tests
    assert looked["p_raw"].tolist() == pytest.approx(np.minimum(5 * plain["p_raw"], 1).tolist())


def test_what_an_early_look_decided_stays_decided() -> None:
    early = table(steady({"a": 1.0, "b": 4.0, "c": 4.1}, n=4), look=1, level=0.02)
    late = table({"a": [9.0, 0.1, 4.0, 0.5]}, look=2, level=0.02)
    assert verdict_of(decide(early), "a", "b") == "a"
    assert verdict_of(decide(pd.concat([early, late])), "a", "b") == "a"
