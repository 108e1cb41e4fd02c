"""Verdicts of a gate: chance and size, who is compared with whom, and how often it is wrong."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ganbench.compare.baseline import Baseline, Runs, Score
from ganbench.compare.gate import SPEED, Gate
from ganbench.compare.regression import EVERY, WORST, Check, check
from ganbench.compare.rows import ENDED
from ganbench.errors import BadResults

Cells = dict[tuple[str, str, str], Sequence[float | None]]
STEADY = [("b", 5, 0.1), ("c", 6, 0.3), ("d", 7, 0.2), ("e", 8, 0.5), ("f", 9, 0.15)]  # from one seed to the next
HIGHER = {"modes": "higher", "precision": "higher", SPEED: "higher"}


def board(cells: Cells, *, key: str = "k", budget: str = "2000 images", noise: float = 0.0) -> Baseline:
    """Scores by dataset, variant and metric; a seed without any has failed."""
    runs = {}
    for dataset, variant in dict.fromkeys(name[:2] for name in cells):
        own = [values for name, values in cells.items() if name[:2] == (dataset, variant)]
        seeds = range(max(map(len, own)))
        failures = {s: "diverged" for s in seeds if all(values[s : s + 1] in ([None], []) for values in own)}
        runs[dataset, variant] = Runs(dataset, variant, budget, "fid", [*seeds], failures, {})
    scores = {
        name: Score(*name, HIGHER.get(name[2], "lower"), "", key, noise, dict(enumerate(values)))
        for name, values in sorted(cells.items())
    }
    return Baseline("quick", "", {}, runs, scores)


def fids(rows: dict[str, Sequence[float | None]], metric: str = "fid") -> Cells:
    return {("d", variant, metric): values for variant, values in rows.items()}


def verdict(found: Check, variant: str = "a", metric: str = "fid") -> str:
    return str(row(found, variant, metric)["verdict"])


def row(found: Check, variant: str = "a", metric: str = "fid") -> Any:
    return found.rows.set_index(["variant", "metric"]).loc[(variant, metric)]


BEFORE = fids({"a": [10.0, 10.5, 9.6, 10.1], "b": [20.0, 21.0, 19.2, 20.4], "c": [5.0, 5.1, 5.2, 4.9]})


def changed(variant: str, factor: float) -> Cells:
    """Another draw of all, and one variant changed."""
    others = fids({"a": [10.2, 9.8, 10.3, 9.9], "b": [19.8, 20.6, 20.1, 19.5], "c": [5.2, 5.0, 4.8, 5.1]})
    return {name: [v * factor for v in x] if name[1] == variant else x for name, x in others.items()}


# Chance and size


def test_a_clear_change_for_the_worse_is_a_regression_and_is_named() -> None:
    found = check(board(changed("b", 1.5)), board(BEFORE), Gate())
    assert verdict(found, "b") == "regression" and found.exit_code == 1
    about = row(found, "b")
    assert (about["before"], about["after"]) == (pytest.approx(20.15), pytest.approx(30.0))
    assert about["low"] < about["change"] < about["high"] and about["change"] == pytest.approx(0.49, abs=0.01)
    assert about["p"] <= 0.05 and (about["seeds_before"], about["seeds_after"]) == (4, 4)
    assert verdict(found, "a") != "regression" != verdict(found, "c")


def test_nothing_changed_is_no_regression() -> None:
    found = check(board(changed("a", 1.0)), board(BEFORE), Gate())
    assert found.exit_code == 0 and len(found.of("regression")) == 0


def test_for_what_should_be_high_less_is_worse() -> None:
    once, now = {"a": [0.8, 0.82, 0.79]}, {"a": [0.4, 0.41, 0.43]}
    low, high = (fids(rows, "precision") for rows in (now, once))
    assert verdict(check(board(low), board(high), Gate()), "a", "precision") == "regression"
    better = row(check(board(high), board(low), Gate()), "a", "precision")
    assert better["verdict"] == "better" and better["p"] <= 0.05


def test_a_sure_change_within_the_tolerance_is_none() -> None:
    once, now = fids({"a": [10.0, 10.001, 10.002]}), fids({"a": [10.5, 10.501, 10.502]})
    found = check(board(now), board(once), Gate(tolerance=0.1))
    assert verdict(found) == "same" and row(found)["p"] < 1e-6
    assert verdict(check(board(now), board(once), Gate(tolerance=0.04))) == "regression"
    exception = Gate(tolerance=0.1, metrics={"fid": {"tolerance": 0.04}})
    assert verdict(check(board(now), board(once), exception)) == "regression"


def test_a_large_change_that_may_be_chance_is_undecided() -> None:
    found = check(board(fids({"a": [8.0, 30.0]})), board(fids({"a": [6.0, 14.0]})), Gate())
    assert verdict(found) == "undecided" and row(found)["change"] > 0.5 and found.exit_code == 0


def test_equal_values_are_the_same_without_a_test() -> None:
    found = check(board(BEFORE), board(BEFORE), Gate())
    assert set(found.rows["verdict"]) == {"same"} and found.exit_code == 0
    assert EVERY not in set(found.rows["variant"])


def test_one_variant_alone_is_a_students_t_of_logarithms() -> None:
    """Without other variants nothing is drawn: scipy's test, halved for the one side."""
    once, now = [10.0, 12.0, 11.0, 10.5], [13.0, 15.0, 17.0, 14.0]
    found = row(check(board(fids({"a": now})), board(fids({"a": once})), Gate()))
    reference = stats.ttest_ind(np.log(now), np.log(once))
    assert found["p"] == pytest.approx(reference.pvalue / 2 * (1 + WORST), rel=1e-9), "its worst seed has a share"
    limits = np.expm1(reference.confidence_interval(0.95))
    assert [found["low"], found["high"]] == pytest.approx(list(limits), rel=1e-9)
    assert found["change"] == pytest.approx(np.exp(np.log(now).mean() - np.log(once).mean()) - 1)


def test_values_that_are_not_all_positive_are_compared_as_they_are() -> None:
    once, now = [-0.01, 0.01, 0.03], [0.2, 0.25, 0.19]
    found = row(check(board(fids({"a": now}, "kid")), board(fids({"a": once}, "kid")), Gate()), "a", "kid")
    assert found["p"] == pytest.approx(stats.ttest_ind(now, once).pvalue / 2 * (1 + WORST), rel=1e-9)
    assert found["change"] == pytest.approx((np.mean(now) - np.mean(once)) / 0.01)


def test_other_variants_lend_their_spread_to_seeds_that_lie_close_by_chance() -> None:
    tight, scattered = {"a": [10.0, 10.01]}, {"b": [8.0, 12.0], "c": [5.0, 7.0], "d": [20.0, 29.0]}
    alone = check(board(fids({"a": [12.0, 12.01]})), board(fids(tight)), Gate())
    beside = check(board(fids({"a": [12.0, 12.01], **scattered})), board(fids({**tight, **scattered})), Gate())
    assert verdict(alone) == "regression" and verdict(beside) == "undecided"


def test_no_variance_is_below_the_metrics_own_noise() -> None:
    once, now = fids({"a": [10.0, 10.01]}), fids({"a": [12.0, 12.01]})
    assert verdict(check(board(now), board(once), Gate())) == "regression"
    assert verdict(check(board(now, noise=3.0), board(once, noise=3.0), Gate())) == "undecided"


def test_a_variant_that_scatters_more_keeps_its_own_variance() -> None:
    """Drawn towards the others, or with their degrees of freedom, its interval would be a fraction of this."""
    once, now = (
        fids({"a": wild, **{name: [level, level + gap] for name, level, gap in STEADY}})
        for wild in ([5.0, 16.0], [9.0, 30.0])
    )
    own = {name: (np.var(np.log(once[name]), ddof=1) + np.var(np.log(now[name]), ddof=1)) / 2 for name in once}
    low, high = stats.t.interval(0.95, 2, np.log([9, 30]).mean() - np.log([5, 16]).mean(), own["d", "a", "fid"] ** 0.5)
    found = row(check(board(now), board(once), Gate()))
    assert [found["low"], found["high"]] == pytest.approx([np.expm1(low), np.expm1(high)], rel=1e-6)


def test_where_nothing_varies_the_number_of_splits_speaks() -> None:
    """Eight modes twice, then seven twice: 1 of 6 ways to deal them, which is no proof; of 252 it is."""
    few = check(board(fids({"a": [6, 6]}, "modes")), board(fids({"a": [8, 8]}, "modes")), Gate())
    many = check(board(fids({"a": [6] * 5}, "modes")), board(fids({"a": [8] * 5}, "modes")), Gate())
    assert row(few, "a", "modes")["p"] == pytest.approx(1 / 6 * (1 + WORST))
    assert row(many, "a", "modes")["p"] == pytest.approx(1 / 252 * (1 + WORST))
    assert (verdict(few, "a", "modes"), verdict(many, "a", "modes")) == ("undecided", "regression")


def test_from_zero_any_change_is_infinite() -> None:
    once, now = fids({"a": [0.0, 0.0, 0.0]}, "kid"), fids({"a": [0.0, 0.1, 0.2]}, "kid")
    assert row(check(board(now), board(once), Gate()), "a", "kid")["change"] == math.inf


# All rows together


def test_what_all_variants_share_is_seen_where_single_ones_do_not_show_it() -> None:
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(20):
        once, now = (
            fids({f"v{i}": list(level * np.exp(rng.normal(0, 0.15, 3))) for i in range(10)}) for level in (10.0, 12.5)
        )
        found = check(board(now), board(once), Gate()).rows.set_index("variant")["verdict"]
        seen.append([found[EVERY] == "regression", (found.drop(EVERY) == "regression").mean()])
    assert np.mean(seen, axis=0)[0] > 0.9 and np.mean(seen, axis=0)[1] < 0.4


def test_what_one_variant_alone_does_to_the_mean_is_said() -> None:
    """Eightfold in one of three is twofold on average."""
    found = check(board(changed("b", 8.0)), board(BEFORE), Gate())
    assert found.of("regression")["variant"].tolist() == ["b", EVERY], "itself first"
    assert row(found, EVERY)["remark"] == "the mean of all; by themselves: b"
    small = {name: [v * 1.12 for v in values] for name, values in BEFORE.items()}
    remark = row(check(board(small), board(BEFORE), Gate(metrics={"fid": {"tolerance": 0.05}})), EVERY)["remark"]
    assert remark.startswith("the mean of all; by themselves: ")


def test_the_selecting_metric_gets_more_of_the_error() -> None:
    others = {("d", "a", f"m{i}"): [10.0, 10.6, 9.7] for i in range(40)}
    now = {name: [v * 1.2 for v in values] for name, values in fids({"a": [10.0, 10.6, 9.7]}).items()}
    once = fids({"a": [10.1, 10.5, 9.6]})
    shifted = {name: [10.1, 10.5, 9.6] for name in others}
    found = check(board({**now, **others}), board({**once, **shifted}), Gate(tolerance=0.0))
    equal = Gate(tolerance=0.0, metrics={"fid": {"weight": 1.0}})
    assert row(found)["p"] < row(check(board({**now, **others}), board({**once, **shifted}), equal))["p"]


def test_a_metric_without_weight_is_not_looked_at() -> None:
    gate = Gate(metrics={"fid": {"weight": 0.0}})
    found = check(board(changed("a", 9.0)), board(BEFORE), gate)
    assert len(found.rows) == 0 and found.exit_code == 2


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_a_board_on_which_nothing_changed_seldom_raises_an_alarm(seeds: int) -> None:
    """Variants whose spreads differ by a factor of about four, three correlated metrics: at most 5 %, and some."""
    rng = np.random.default_rng(seeds)
    spreads = 0.15 * np.sqrt(4 / rng.chisquare(4, 6))

    def draw() -> Cells:
        common = rng.normal(size=(6, seeds))
        return {
            ("d", f"v{i}", f"m{j}"): list(10 * np.exp(spreads[i] * (0.8 * common[i] + 0.6 * rng.normal(size=seeds))))
            for i in range(6)
            for j in range(3)
        }

    alarms = sum(check(board(draw()), board(draw()), Gate(tolerance=0.0)).exit_code for _ in range(60))
    assert alarms <= 8  # of 60 at 5 %, more have a probability of 0.3 %


def test_what_is_called_detectable_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(3)

    def draw(factor: float = 1.0) -> Cells:
        return fids({"a": list(10 * factor * np.exp(rng.normal(0, 0.1, 20)))})

    sizes = [row(check(board(draw()), board(draw()), Gate()))["detectable"] for _ in range(20)]
    size = float(np.mean(sizes))
    found = [verdict(check(board(draw(1 + size)), board(draw()), Gate(tolerance=0.0))) for _ in range(80)]
    assert 0.65 < np.mean([word == "regression" for word in found]) < 0.93


# What cannot be compared


def test_other_conditions_are_never_the_same() -> None:
    found = check(board(BEFORE, key="x"), board(BEFORE), Gate())
    assert set(found.rows["verdict"]) == {"not comparable"} and found.exit_code == 2
    assert "its key is x, in the baseline k" in found.rows["remark"].iloc[0]


def test_another_budget_is_not_comparable() -> None:
    found = check(board(BEFORE, budget="2000 images, scale 0.1"), board(BEFORE), Gate())
    assert set(found.rows["verdict"]) == {"not comparable"} and found.exit_code == 2
    assert "scale 0.1, in the baseline for 2000 images" in found.rows["remark"].iloc[0]


def test_another_suite_is_refused() -> None:
    with pytest.raises(BadResults, match=r"suite 'quick', the results are of 'quick@0\.1'"):
        check(replace(board(BEFORE), suite="quick@0.1"), board(BEFORE), Gate())


def test_what_did_not_run_again_is_missing() -> None:
    now = {name: values for name, values in changed("a", 1.0).items() if name[1] != "b"}
    found = check(board(now), board(BEFORE), Gate())
    assert (verdict(found, "b"), verdict(found, "a"), found.exit_code) == ("missing", "same", 2)


def test_a_metric_that_the_suite_no_longer_has_is_missing() -> None:
    extra = {("d", "a", "kid"): [0.1, 0.2]}
    found = check(board(changed("a", 1.0)), board({**BEFORE, **extra}), Gate())
    assert verdict(found, "a", "kid") == "missing" and found.exit_code == 2


def test_a_regression_counts_more_than_what_is_missing() -> None:
    now = {name: values for name, values in changed("a", 2.0).items() if name[1] != "b"}
    assert check(board(now), board(BEFORE), Gate()).exit_code == 1


def test_what_the_baseline_lacks_is_new_and_no_matter() -> None:
    now = {**changed("a", 1.0), ("d", "z", "fid"): [99.0, 98.0]}
    found = check(board(now), board(BEFORE), Gate())
    assert verdict(found, "z") == "new" and found.exit_code == 0


def test_speeds_are_compared_on_one_machine_only() -> None:
    def speeds(value: float, key: str) -> Baseline:
        cells = {**BEFORE, ("d", "a", SPEED): [value, value * 1.02, value * 0.99, value]}
        made = board(cells)
        name = ("d", "a", SPEED)
        return replace(made, scores={**made.scores, name: replace(made.scores[name], key=key)})

    once = speeds(1000.0, "CPU, 2 cores")
    assert verdict(check(speeds(400.0, "CPU, 2 cores"), once, Gate()), "a", SPEED) == "regression"
    assert verdict(check(speeds(800.0, "CPU, 2 cores"), once, Gate()), "a", SPEED) != "regression", "tolerance 0.3"
    elsewhere = check(speeds(400.0, "CPU, 64 cores"), once, Gate())
    assert verdict(elsewhere, "a", SPEED) == "other machine" and elsewhere.exit_code == 0
    several = check(speeds(400.0, ""), speeds(1000.0, ""), Gate())
    assert verdict(several, "a", SPEED) == "other machine", "speeds of several machines are no one row"


# What has no value


def test_one_seed_decides_nothing_and_such_a_gate_does_not_pass() -> None:
    found = check(board(fids({"a": [99.0]})), board(fids({"a": [10.0]})), Gate())
    assert verdict(found) == "undecided" and "1 seed(s) in the baseline, 1 now" in row(found)["remark"]
    assert found.exit_code == 2, "it could not have failed"


def test_one_seed_of_one_row_leaves_the_others_their_test() -> None:
    few = {**BEFORE, ("d", "b", "fid"): [10.0]}
    found = check(board({**changed("a", 1.0), ("d", "b", "fid"): [99.0]}), board(few), Gate())
    assert verdict(found, "b") == "undecided" and verdict(found, "a") == "same" and found.exit_code == 0


def test_a_variant_of_which_every_run_fails_is_a_regression() -> None:
    now = {**changed("b", 1.0), ("d", "a", "fid"): [None, None]}
    found = check(board(now), board(BEFORE), Gate())
    assert verdict(found) == "regression" and "no value from 2 run(s), 2 of which failed" in row(found)["remark"]


def test_rows_that_a_failed_variant_no_longer_has_are_regressions_too() -> None:
    """A metric that only some variants have leaves no row behind when all runs fail."""
    once = {**BEFORE, ("d", "a", "label_accuracy"): [0.9, 0.91, 0.92, 0.9]}
    found = check(board({**changed("b", 1.0), ("d", "a", "fid"): [None] * 4}), board(once), Gate())
    assert verdict(found, "a", "label_accuracy") == "regression"


def test_those_that_are_left_are_not_better_because_others_failed() -> None:
    once, now = fids({"a": [10.0, 10.1, 10.2, 10.1]}), fids({"a": [5.0, 5.1, 5.05, None]})
    found = check(board(now), board(once), Gate())
    assert verdict(found) == "undecided" and "1 of 4 runs now without a value" in row(found)["remark"]
    worse = check(board(fids({"a": [20.0, 20.1, 20.2, None]})), board(once), Gate())
    assert verdict(worse) == "regression"


def test_what_never_had_a_value_is_undecided() -> None:
    cells = {**BEFORE, ("d", "a", "kid"): [None, None, None, None]}
    assert verdict(check(board(cells), board(cells), Gate()), "a", "kid") == "undecided"


# Runs that fail, and runs that are gone


def without(cells: Cells, variant: str, *seeds: int) -> Cells:
    """These seeds of a variant fail."""
    return {
        name: [None if name[1] == variant and seed in seeds else value for seed, value in enumerate(values)]
        for name, values in cells.items()
    }


def test_runs_that_ended_in_the_baseline_and_fail_now_are_a_regression() -> None:
    now = without(changed("a", 1.0), "b", 1, 3)
    found = check(board(now), board(BEFORE), Gate())
    assert found.exit_code == 1 and found.of("regression")["metric"].tolist() == [ENDED]
    about = row(found, "b", ENDED)
    assert (about["before"], about["after"]) == (4, 2)
    assert about["remark"] == "seeds 1, 3 ended in the baseline: diverged"
    assert row(found, "b")["remark"] == "2 of 4 runs now without a value"


@pytest.mark.parametrize(("allowed", "code"), [(0.0, 1), (0.24, 1), (0.25, 0), (1.0, 0)])
def test_a_suite_may_allow_a_share_of_failures(allowed: float, code: int) -> None:
    found = check(board(without(changed("a", 1.0), "b", 2)), board(BEFORE), Gate(failures=allowed))
    assert found.exit_code == code
    assert "seed 2 ended in the baseline" in row(found, "b", ENDED)["remark"], "said in any case"


def test_runs_that_failed_in_the_baseline_may_fail_again() -> None:
    once = without(BEFORE, "b", 1)
    assert check(board(without(changed("a", 1.0), "b", 1)), board(once), Gate()).exit_code == 0
    assert check(board(without(changed("a", 1.0), "b", 2)), board(once), Gate()).exit_code == 1, "another one"
    healed = check(board(changed("a", 1.0)), board(once), Gate())
    assert verdict(healed, "b", ENDED) == "better" and healed.exit_code == 0


def test_a_seed_of_the_baseline_without_a_record_does_not_pass() -> None:
    now = {name: values[:3] for name, values in changed("a", 1.0).items()}
    found = check(board(now), board(BEFORE), Gate())
    assert found.exit_code == 2 and verdict(found, "b", ENDED) == "missing"
    assert row(found, "b", ENDED)["remark"] == "no record of seed 3"


def test_other_seeds_are_no_substitute() -> None:
    made = board(changed("a", 1.0))
    shifted = replace(
        made,
        runs={name: replace(runs, seeds=[seed + 4 for seed in runs.seeds]) for name, runs in made.runs.items()},
        scores={
            name: replace(score, values={seed + 4: value for seed, value in score.values.items()})
            for name, score in made.scores.items()
        },
    )
    found = check(shifted, board(BEFORE), Gate())
    said = "no record of seeds 0, 1, 2, 3; seeds 4, 5, 6, 7, which the baseline lacks, not looked at"
    assert found.exit_code == 2 and row(found, "a", ENDED)["remark"] == said


def test_good_seeds_that_the_baseline_lacks_hide_nothing() -> None:
    """Its own are half as bad again; eight more are twice as good."""
    once = fids({"a": [10.0, 10.1, 9.9, 10.2], "b": [5.0, 5.1, 4.9, 5.05]})
    now = fids({"a": [15.0, 15.1, 14.9, 15.2, *[5.0, 5.1] * 4], "b": [5.0, 5.1, 4.9, 5.05]})
    found = check(board(now), board(once), Gate())
    assert verdict(found) == "regression" and row(found)["after"] == pytest.approx(15.05)
    assert "which the baseline lacks, not looked at" in row(found, "a", ENDED)["remark"]


def test_the_bounds_are_the_baselines() -> None:
    """A candidate that says that a FID may be negative is no better."""
    before = board(fids({"a": [10.0, 10.1, 9.9, 10.2]}))
    before = replace(before, scores={name: replace(own, lower_bound=0.0) for name, own in before.scores.items()})
    found = check(board(fids({"a": [-10.0, -10.1, -9.9, -10.2]})), before, Gate())
    assert found.exit_code == 1 and "no value from 4 run(s)" in row(found)["remark"]


def test_the_noise_is_the_baselines() -> None:
    """A candidate that says that its scores are uncertain is no less worse."""
    once, now = fids({"a": [10.0, 10.1, 9.9, 10.2]}), fids({"a": [20.0, 20.1, 19.9, 20.2]})
    assert verdict(check(board(now, noise=100.0), board(once, noise=0.1), Gate())) == "regression"


def test_a_record_that_was_copied_to_another_seed_is_none_of_its_own() -> None:
    def cells(fid: list[float], kid: list[float], modes: list[float]) -> Cells:
        return {("d", "a", "fid"): fid, ("d", "a", "kid"): kid, ("d", "a", "modes"): modes}

    once = cells([9.1, 9.2, 12.3], [0.11, 0.12, 0.13], [8, 8, 7])
    found = check(board(cells([9.1, 9.2, 9.1], [0.11, 0.12, 0.11], [8, 8, 8])), board(once), Gate())
    assert verdict(found, "a", ENDED) == "not comparable" and found.exit_code == 2
    assert row(found, "a", ENDED)["remark"] == "seed 2 repeats the scores of another"
    alike = fids({"a": [8, 8, 8]}, "modes")
    assert check(board(alike), board(fids({"a": [8, 8, 7]}, "modes")), Gate()).exit_code == 0, "whole numbers may be"


def test_a_run_that_ended_without_a_score_that_it_had() -> None:
    """No number is worse than any; no score at all is missing."""
    made = board(changed("a", 1.0))
    name = ("d", "a", "fid")
    for values, expected, code in (
        ({0: 10.2, 1: 9.8, 2: 10.3, 3: None}, "regression", 1),
        ({0: 10.2, 1: 9.8, 2: 10.3}, "missing", 2),
    ):
        now = replace(made, scores={**made.scores, name: replace(made.scores[name], values=values)})
        found = check(now, board(BEFORE), Gate())
        assert (verdict(found), found.exit_code) == (expected, code)
        assert "seed 3" in row(found)["remark"]


@pytest.mark.parametrize("change", [{"direction": "higher"}, {"unit": "nats"}])
def test_a_metric_that_is_another_now_is_not_comparable(change: dict[str, str]) -> None:
    made = board(changed("a", 3.0))
    now = replace(made, scores={name: replace(score, **change) for name, score in made.scores.items()})
    found = check(now, board(BEFORE), Gate())
    assert set(found.rows["verdict"]) == {"not comparable"} and found.exit_code == 2


def test_another_variant_under_the_same_name_is_not_comparable() -> None:
    once, now = (
        replace(made, runs={name: replace(runs, plugin=plugin) for name, runs in made.runs.items()})
        for made, plugin in ((board(BEFORE), "wgan"), (board(changed("a", 1.0)), "dcgan"))
    )
    assert check(now, once, Gate()).exit_code == 2
    assert check(now, board(BEFORE), Gate()).exit_code == 0, "an older baseline does not know"


# A collapse, and single seeds


def test_a_collapse_fails_at_once() -> None:
    """Three times as bad on average, but so scattered that no test of means would say so."""
    now = {**changed("a", 1.0), ("d", "a", "fid"): [10.0, 10.4, 10.1, 4000.0]}
    found = check(board(now), board(BEFORE), Gate())
    assert verdict(found) == "regression" and found.exit_code == 1
    assert "a collapse: by " in row(found)["remark"] and "standard deviations of the baseline" in row(found)["remark"]


def test_two_seeds_that_lie_close_by_chance_are_no_measure_of_a_collapse() -> None:
    once, now = fids({"a": [10.0, 10.05]}), fids({"a": [10.8, 12.2]})
    found = check(board(now), board(once), Gate())
    assert verdict(found) == "undecided" and row(found)["change"] > 0.1


def test_a_collapse_within_the_tolerance_is_none() -> None:
    once, now = fids({"a": [10.0, 10.001, 10.002]}), fids({"a": [10.5, 10.501, 10.9]})
    assert check(board(now), board(once), Gate(tolerance=0.1)).exit_code == 0


def test_counts_that_did_not_vary_do_not_collapse_by_one() -> None:
    once = fids({"a": [8, 8, 8], "b": [8, 8, 8]}, "modes")
    assert check(board({**once, ("d", "a", "modes"): [7, 7, 7]}), board(once), Gate()).exit_code == 0
    assert check(board({**once, ("d", "a", "modes"): [1, 2, 8]}), board(once), Gate()).exit_code == 1


def test_one_variants_worst_seeds_are_looked_at() -> None:
    """Two of six with ten times the FID: the mean says nothing, so much do the new seeds scatter."""
    levels = {"a": 10.0, "b": 20.0, "c": 5.0, "e": 8.0}
    rng = np.random.default_rng(0)

    def draw() -> Cells:
        return fids({name: list(level * np.exp(rng.normal(0, 0.2, 6))) for name, level in levels.items()})

    once, now = draw(), draw()
    spoilt = {**now, ("d", "a", "fid"): [v * (10 if i < 2 else 1) for i, v in enumerate(now["d", "a", "fid"]) if v]}
    found = check(board(spoilt), board(once), Gate())
    assert verdict(found) == "regression" and "its worst seed has 1" in row(found)["remark"]
    assert found.of("regression")["variant"].tolist() == ["a"]
    assert check(board(now), board(once), Gate()).exit_code == 0


# Nearly nothing


@pytest.mark.parametrize(
    ("once", "now"),
    [
        ([1.0e-5, 1.01e-5, 0.99e-5, 1.0e-5], [1.3e-5, 1.31e-5, 1.29e-5, 1.3e-5]),
        ([0.0, 0.0, 0.0, 0.0], [1e-14, 1e-14, 1e-14, 1e-14]),
        ([1e-14, 1e-13, 1e-14, 1e-15], [1e-9, 1e-8, 1e-9, 1e-10]),
        ([-1e-6, 1e-6, 0.0, 2e-6], [3e-5, 3.1e-5, 2.9e-5, 3e-5]),
    ],
)
def test_a_change_of_nearly_nothing_is_none(once: list[float], now: list[float]) -> None:
    found = check(board(fids({"a": now}, "kid")), board(fids({"a": once}, "kid")), Gate())
    assert verdict(found, "a", "kid") == "same" and found.exit_code == 0
    strict = Gate(metrics={"kid": {"floor": 0.0, "tolerance": 0.0}})
    assert verdict(check(board(fids({"a": now}, "kid")), board(fids({"a": once}, "kid")), strict), "a", "kid") != "same"


def test_from_nearly_nothing_to_something_is_found() -> None:
    """Logarithms of nearly nothing scatter more than any change."""
    once, now = fids({"a": [1e-14, 1e-6, 1e-9, 1e-12]}, "kid"), fids({"a": [0.05, 0.06, 0.05, 0.04]}, "kid")
    assert verdict(check(board(now), board(once), Gate()), "a", "kid") == "regression"
