"""Verdicts say no more than their seeds can bear."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gmean

from ganbench import statistics
from ganbench.compare.compare import COLUMNS, Decision, Verdict, compare, decide, to_json, weigh
from ganbench.errors import BadResults, UnknownName
from ganbench.store import Results
from ganbench.store.columns import LOSS_COLUMNS, PUBLISHED_COLUMNS

NAN, INF = math.nan, math.inf
GOOD, BAD = [1.0, 1.1, 0.9, 1.05], [2.0, 2.2, 1.9, 2.1]
Command = Callable[..., Any]


def verdict(a: Sequence[float], b: Sequence[float], direction: str = "lower", tolerance: float | None = None) -> str:
    return decided(a, b, direction, tolerance).verdict.value


def decided(
    a: Sequence[float], b: Sequence[float], direction: str = "lower", tolerance: float | None = None
) -> Decision:
    return decide([weigh(a, b, direction)], tolerance)[0]


def of_board(a: Sequence[float], b: Sequence[float]) -> Any:
    """The test of the same two rows on a board of their own."""
    rows = [(label, seed, value) for label, own in (("A", a), ("B", b)) for seed, value in enumerate(own)]
    frame = pd.DataFrame(rows, columns=["label", "seed", "value"]).assign(direction="lower")
    return statistics.decide(frame).tests.iloc[0]


def of_t(a: Sequence[float], b: Sequence[float]) -> float:
    """The p-value of the means alone, where no permutation could decide among so many rows."""
    test = of_board(a, b)
    return statistics.t_tail(test["gap"] / test["error"], test["df"])


# Two samples


@pytest.mark.parametrize(
    ("a", "b", "direction", "expected"),
    [
        (BAD, GOOD, "lower", "better"),
        (GOOD, BAD, "lower", "worse"),
        (BAD, GOOD, "higher", "worse"),
        (GOOD, BAD, "higher", "better"),
        (GOOD, GOOD, "lower", "undecided"),
    ],
)
def test_which_is_better_depends_on_the_direction(
    a: list[float], b: list[float], direction: str, expected: str
) -> None:
    assert verdict(a, b, direction) == expected


def test_what_is_weighed_is_b_against_a_by_the_boards_rule() -> None:
    row, found, board = weigh(GOOD, BAD, "lower"), decided(GOOD, BAD), of_board(GOOD, BAD)
    assert row.improvement.mean == 0 and (row.a.n, row.a.lost, row.a.mean) == (4, 0, pytest.approx(np.mean(GOOD)))
    assert found.p == board["p"] and list(found.difference) == pytest.approx(list(board[["difference", "low", "high"]]))
    assert found.difference.mean == pytest.approx(gmean(BAD) - gmean(GOOD)), "a distance is compared by its logarithm"


def test_without_a_tolerance_nothing_is_the_same() -> None:
    almost = [1.0, 1.0001, 0.9999]
    assert verdict(almost, almost[::-1]) == "undecided"
    assert verdict(almost, almost[::-1], tolerance=0.05) == "same"


def test_a_sure_difference_within_the_tolerance_is_the_same() -> None:
    a, b = [1.0, 1.0001, 0.9999], [1.01, 1.0101, 1.0099]
    assert verdict(a, b) == "worse"
    assert verdict(a, b, tolerance=0.05) == "same"
    assert verdict(a, b, tolerance=0.001) == "worse"


def test_a_tolerance_is_a_share_of_the_size_of_a_mean_below_zero() -> None:
    assert verdict([-10.0, -10.02, -9.98], [-10.5, -10.52, -10.48], tolerance=0.1) == "same"
    assert verdict([-10.0, -10.02, -9.98], [-12.5, -12.52, -12.48], tolerance=0.1) == "better"


def test_a_difference_near_the_tolerance_is_undecided() -> None:
    a, b = [1.0, 1.002, 0.998], [1.049, 1.051, 1.047]
    assert verdict(a, b, tolerance=0.05) == "undecided"


def test_a_tolerance_of_nothing_is_no_tolerance_at_all() -> None:
    assert verdict([8, 8, 8], [8, 8, 8], tolerance=0.0) == "undecided"
    assert verdict([0.0, 0.0], [0.0, 0.0], tolerance=0.5) == "undecided", "half of 0"


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ([1.0], [2.0], "one seed of A and B"),
        (GOOD, [2.0], "one seed of B"),
        ([1.0], BAD, "one seed of A"),
        ([], BAD, "no score of A"),
        ([1.0], [NAN, NAN], "no score of B, one seed of A"),
        ([NAN, 1.0], BAD, "one seed of A"),
    ],
)
def test_one_seed_decides_nothing(a: list[float], b: list[float], why: str) -> None:
    found = decided(a, b, tolerance=0.1)
    assert (found.verdict, found.why, found.seeds) == (Verdict.undecided, why, None)
    assert math.isnan(found.p)


def test_runs_that_failed_may_lose_and_win_only_by_ranks() -> None:
    """Of the runs that ended the winner may be the one whose bad runs are gone."""
    found = decided(BAD, [*GOOD, NAN])
    assert (found.verdict, found.why) == ("undecided", "better only if lost runs are not counted")
    assert verdict(GOOD, [*BAD, NAN]) == "worse", "all the more"
    assert verdict([*GOOD, INF], BAD) == "undecided"
    assert verdict([*BAD, NAN], GOOD) == "better"
    assert verdict(BAD * 3, [*GOOD * 3, NAN]) == "better", "eleven of twelve are better in ranks too"
    same = decided([1.0, 1.0001, NAN], [1.0, 1.0001], tolerance=0.1)
    assert same.verdict == "undecided", "nobody is the same as who lost a run"


def test_more_failures_are_worse_by_themselves() -> None:
    found = decided([1.0, *[NAN] * 7], [1.0 + i / 10 for i in range(8)])
    assert (found.verdict, found.why) == ("better", "more runs of A failed")


def test_a_failed_run_counts_as_the_worst_in_the_probability_of_improvement() -> None:
    found = weigh([1.0, 1.0], [0.5, NAN], "lower")
    assert found.improvement.mean == 0.5
    assert (found.b.n, found.b.lost, found.b.mean) == (1, 1, 0.5)


def test_equal_counts_may_have_been_unlike_before_they_were_counted() -> None:
    assert verdict([8, 8], [7, 7], "higher") == "undecided"
    found = decided([8, 8, 8], [8, 8, 7], "higher")
    assert found.verdict == "undecided" and found.seeds is not None
    assert verdict([8] * 4, [7] * 4, "higher") == "worse"


@pytest.mark.parametrize(("direction", "tolerance"), [("none", None), ("lower", -0.1), ("lower", NAN), ("lower", INF)])
def test_what_makes_no_sense_is_refused(direction: str, tolerance: float | None) -> None:
    with pytest.raises(ValueError, match="but need"):
        decided(GOOD, BAD, direction, tolerance)


# A table


def test_many_rows_ask_for_more() -> None:
    """p = 0.03: alone that is a difference, among ten rows it is what chance brings."""
    row = weigh([1.0, 1.3, 0.8, 1.2], [1.35, 1.5, 1.7, 1.4], "lower")
    (alone,) = decide([row])
    assert 0.005 < alone.p < 0.05 and alone.verdict == "worse"
    nothing = [weigh([1.0, 2.0, 3.0], [1.1, 2.0, 3.0], "lower")] * 9
    among = decide([row, *nothing])[0]
    assert among.verdict == "undecided" and 0.05 < among.p <= 10 * alone.p and among.seeds is not None


def test_rows_without_a_test_do_not_count() -> None:
    row = weigh([1.0, 1.2, 0.8, 1.1], [1.5, 1.3, 1.7, 1.4], "lower")
    alone = [weigh([1.0], [2.0], "lower")] * 9
    assert decide([row, *alone])[0].p == decide([row])[0].p


def test_a_permutation_is_asked_only_where_it_could_decide_among_all_rows() -> None:
    """Four seeds a side can reach 0.029, which is too much for each of fourteen rows."""
    row = weigh([1.0, 1.02, 0.98, 1.01], [2.0, 2.02, 1.98, 2.01], "lower")
    assert {found.verdict for found in decide([row] * 14)} == {Verdict.worse}


def test_where_there_is_no_gap_no_number_of_seeds_decides() -> None:
    assert decided(GOOD, GOOD).seeds is None


def test_the_verdicts_of_nothing() -> None:
    assert decide([]) == []


def test_a_table_in_which_nothing_differs_rarely_says_otherwise() -> None:
    """100 tables of five rows, three seeds: 5 % or less, with a standard error of 2.2 %."""
    rng = np.random.default_rng(0)
    tables = rng.normal(10, 1, size=(100, 5, 2, 3))
    false = [any(d.verdict != "undecided" for d in decide([weigh(a, b, "lower") for a, b in rows])) for rows in tables]
    assert np.mean(false) <= 0.1


# Results


def results(path: str, *scores: tuple[str, int, str, float], **more: Any) -> Results:
    """(label, seed, metric, value) of the last checkpoint; a value of None stands for a run that failed."""
    rows = [
        {
            **{"run": f"{label}{seed}", "label": label, "dataset": "ring8", "seed": seed, "checkpoint": "last"},
            **{"metric": metric, "value": value, "key": "k", "judge": "truth", "split": "test", "samples": 100},
            **{"direction": {"is": "higher", "pair_chance": "none"}.get(metric, "lower"), "unit": ""},
        }
        for label, seed, metric, value in scores
    ]
    runs = {row["run"]: {**row, "status": "done", "reason": "", "control": row["label"] == "real"} for row in rows}
    return Results(
        suite=path,
        path=Path(path),
        command="",
        runs=pd.DataFrame(more.get("runs", [*runs.values()])),
        scores=pd.DataFrame(rows),
        losses=pd.DataFrame(columns=LOSS_COLUMNS),
        published=pd.DataFrame(columns=PUBLISHED_COLUMNS),
    )


def seeds(label: str, values: Sequence[float], metric: str = "fid") -> list[tuple[str, int, str, float]]:
    return [(label, seed, metric, value) for seed, value in enumerate(values)]


def test_rows_meet_their_namesakes() -> None:
    a = results("a", *seeds("gan", GOOD), *seeds("wgan", BAD))
    b = results("b", *seeds("wgan", GOOD), *seeds("gan", GOOD))
    found = compare(a, b)
    assert found.rows[["a_label", "b_label", "verdict"]].to_numpy().tolist() == [
        ["gan", "gan", "undecided"],
        ["wgan", "wgan", "better"],
    ]
    assert (found.a, found.b, found.compared, found.remarks) == ("a", "b", 2, [])
    assert [*found.rows.columns] == COLUMNS
    assert found.rows["p"].tolist() == [1, pytest.approx(2 * of_t(BAD, GOOD))], "corrected for two rows"


def test_two_rows_of_one_results_are_named() -> None:
    one = results("one", *seeds("gan", GOOD), *seeds("wgan", BAD), *seeds("wgan", BAD, "is"))
    found = compare(one, one, ("gan", "wgan"))
    assert found.rows[["a_label", "b_label", "metric", "verdict"]].to_numpy().tolist() == [
        ["gan", "wgan", "fid", "worse"]
    ]
    assert (found.a, found.b) == ("one: gan", "one: wgan")
    assert found.remarks == ["Only B has is: wgan on ring8."]


def test_other_keys_are_not_comparable_and_never_the_same() -> None:
    a, b = results("a", *seeds("gan", [8, 8, 8])), results("b", *seeds("gan", [8, 8, 8]))
    b.scores["key"], b.scores["samples"] = "other", 200
    found = compare(a, b, tolerance=0.5)
    row = found.rows.iloc[0]
    assert (row["verdict"], row["why"]) == ("not comparable", "samples: 100 in A, 200 in B")
    assert row[["difference", "low", "high", "improvement", "p", "p_same"]].isna().all() and row["a_mean"] == 8
    assert found.compared == 0


def test_keys_that_differ_within_a_side_are_not_comparable_either() -> None:
    a, b = results("a", *seeds("gan", GOOD)), results("b", *seeds("gan", GOOD))
    b.scores.loc[0, "key"] = "other"
    assert compare(a, b).rows.iloc[0][["verdict", "why"]].tolist() == [
        "not comparable",
        "B itself was measured in 2 ways",
    ]


def test_what_is_not_comparable_costs_the_others_nothing() -> None:
    a = results("a", *seeds("gan", GOOD), *seeds("gan", GOOD, "is"))
    b = results("b", *seeds("gan", BAD), *seeds("gan", BAD, "is"))
    b.scores.loc[b.scores["metric"] == "is", "key"] = "other"
    assert compare(a, b).rows.loc[0, "p"] == of_board(GOOD, BAD)["p"]


def test_failed_missing_and_nameless_runs_are_said() -> None:
    a = results("a", *seeds("gan", [1.0, 1.1, NAN, NAN]))
    a.runs.loc[2, ["status", "reason"]] = ["diverged", "D.loss became nan"]
    missing = {**a.runs.iloc[0].to_dict(), "run": "later", "seed": 9, "status": "missing"}
    a = Results("a", Path("a"), "", pd.concat([a.runs, pd.DataFrame([missing])]), a.scores, a.losses, a.published)
    found = compare(a, results("b", *seeds("gan", GOOD)))
    assert found.remarks == [
        "A, gan on ring8: 1 of 5 runs failed (diverged: D.loss became nan).",
        "A, gan on ring8: 1 of 5 runs not run yet.",
        "A, gan on ring8: fid is no finite number in 1 of 3 runs that ended well.",
    ]
    assert found.rows.iloc[0][["a_n", "a_lost", "b_n", "b_lost"]].tolist() == [2, 2, 4, 0]


def test_a_run_that_failed_before_its_first_score_is_lost_all_the_same() -> None:
    a, b = results("a", *seeds("gan", BAD)), results("b", *seeds("gan", GOOD))
    b.runs.loc[3, "status"] = "failed"
    b = Results("b", Path("b"), "", b.runs, b.scores.iloc[:3], b.losses, b.published)
    row = compare(a, b).rows.iloc[0]
    assert (row["b_n"], row["b_lost"], row["verdict"]) == (3, 1, "undecided")


def test_what_a_variant_cannot_have_is_not_lost() -> None:
    """Only a variant that is asked for a class has `label_accuracy`; a failed run of another owes none."""
    a = results("a", *seeds("gan", GOOD))
    a.runs.loc[0, "status"] = "failed"
    b = results("b", *seeds("gan", GOOD), *seeds("gan", GOOD, "label_accuracy"))
    assert compare(a, b).rows["metric"].tolist() == ["fid"]


def test_what_only_one_side_has_is_said() -> None:
    a = results("a", *seeds("gan", GOOD), *seeds("wgan", GOOD), *seeds("real", GOOD))
    b = results("b", *seeds("gan", GOOD), *seeds("real", GOOD), *seeds("gan", GOOD, "pair_chance"))
    found = compare(a, b)
    assert found.rows["a_label"].tolist() == ["gan"]
    assert found.remarks == [
        "B repeats A: every score is the same number.",
        "Only A has wgan on ring8.",
        "Controls are left out: real. Name one with --variants to compare it.",
        "Only B has pair_chance: gan on ring8.",
        "Left out, since neither low nor high is better: pair_chance.",
    ]
    assert compare(a, b, ("real", "gan")).rows["a_label"].tolist() == ["real"]


def test_budgets_that_differ_are_said() -> None:
    a, b = results("a", *seeds("gan", GOOD)), results("b", *seeds("gan", GOOD[::-1], "fid"))
    for side, amount in ((a, 200_000), (b, 20_000)):
        side.runs["budget_amount"], side.runs["budget_unit"] = amount, "images"
    assert "Budgets differ, 200,000 images in A, 20,000 images in B: gan on ring8." in compare(a, b).remarks


def test_only_the_metrics_that_are_named() -> None:
    a = results("a", *seeds("gan", GOOD), *seeds("gan", GOOD, "is"))
    assert compare(a, a, metrics=["is"]).rows["metric"].tolist() == ["is"]
    with pytest.raises(UnknownName, match=r"No 'fod' among the metrics of these rows\. Did you mean 'fid'"):
        compare(a, a, metrics=["fod"])


def test_names_that_are_not_there() -> None:
    a = results("a", *seeds("gan", GOOD))
    with pytest.raises(UnknownName, match=r"No 'wgan' among the rows of a\. Did you mean 'gan'"):
        compare(a, a, ("gan", "wgan"))


def test_nothing_in_common() -> None:
    a, b = results("a", *seeds("gan", GOOD)), results("b", *seeds("wgan", GOOD))
    with pytest.raises(BadResults, match=r"no variant in common .* a has gan; b has wgan\. Name one of each"):
        compare(a, b)
    b.runs["dataset"] = "grid25"
    with pytest.raises(BadResults, match=r"no dataset in common: a has ring8; b has grid25"):
        compare(a, b, ("gan", "wgan"))
    with pytest.raises(BadResults, match="no score of the selected checkpoint on both sides"):
        compare(a, a, ("gan", "gan"), checkpoint="selected")


def test_json_has_null_where_there_is_no_number() -> None:
    a, b = results("a", *seeds("gan", [1.0])), results("b", *seeds("gan", GOOD))
    found = json.loads(to_json(compare(a, b)))
    assert (found["compared"], found["correction"], found["alpha"], found["tolerance"]) == (0, "holm", 0.05, None)
    row = found["rows"][0]
    assert (row["verdict"], row["why"], row["p"], row["low"], row["seeds"]) == (
        "undecided",
        "one seed of A",
        None,
        None,
        None,
    )
    assert row["difference"] == pytest.approx(np.mean(GOOD) - 1) and row["b_n"] == 4


# The command


def test_two_rows_of_real_results_are_compared(ganbench: Command, finished: Path) -> None:
    ran = ganbench("compare", finished, "--variants", "real", "noise")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"A: {finished}: real\nB: {finished}: noise\nB against A in "), "paths are not broken"
    assert "at most 5 % (Holm)" in ran.out.replace("\n", " ")


def test_results_against_themselves(ganbench: Command, finished: Path) -> None:
    ran = ganbench("compare", finished, finished, "--format", "json", "--tolerance", "0.1", "--metric", "modes")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["remarks"][0] == "B repeats A: every score is the same number."
    assert {row["metric"] for row in found["rows"]} == {"modes"} and found["tolerance"] == 0.1
    assert ganbench("compare", finished, finished, "--format", "md").out.startswith("|  | compared |")


def test_a_comparison_needs_two(ganbench: Command, finished: Path) -> None:
    for asked in ((), ("--variants", "gan", "gan")):
        ran = ganbench("compare", finished, *asked)
        assert (ran.code, ran.out) == (2, "")
        assert "a comparison needs two. Name B, or two --variants of A." in ran.err
