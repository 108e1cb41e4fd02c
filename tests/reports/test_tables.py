"""Boards are right about means, failures, ranks and keys."""

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ganbench.reports.formats import prose
from ganbench.reports.frames import tables
from ganbench.reports.html.page import render

from ganbench.statistics import mean_interval


def test_tidy_has_a_row_per_score_and_the_promised_columns(full: Any) -> None:
    rows = tables.tidy(full)
    assert len(rows) == len(full.scores)
    assert list(rows.columns[: len(tables.TIDY)]) == tables.TIDY
    assert {"device", "seconds", "fingerprint", "command", "images_trained"} <= set(rows)


def test_images_of_a_score_are_where_it_was_measured_not_where_the_run_ended(full: Any) -> None:
    rows = tables.tidy(full)
    assert (rows["images"].to_numpy() == full.scores["images"].to_numpy()).all()


def test_board_means_and_intervals_are_those_of_the_scores(full: Any) -> None:
    board = tables.board(full, "ring8").set_index("label")
    scores = full.scores.query(
        "dataset == 'ring8' and label == 'wgan' and checkpoint == 'last' and metric == 'reverse_kl'"
    )
    wanted = mean_interval(scores["value"])
    found = [board[f"reverse_kl{part}"]["wgan"] for part in ("", "_low", "_high", "_n")]
    assert found == pytest.approx([*wanted, 3])


def test_board_is_ordered_by_the_selecting_metric_with_controls_apart(full: Any) -> None:
    board = tables.board(full, "mnist5k")
    assert board["control"].is_monotonic_increasing
    assert all(part["fid"].is_monotonic_increasing for _, part in board.groupby("control"))
    assert board.loc[board["control"], "rank"].isna().all()
    assert next(iter(board.attrs["metrics"])) == "fid"


def test_one_seed_is_not_ranked_and_takes_no_lead(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",), diverged=[("ring8", "gan", 0), ("ring8", "gan", 1)])
    board = tables.board(results, "ring8").set_index("label")
    assert board["reverse_kl_n"]["gan"] == 1
    assert board["rank"].isna()["gan"]
    people, rows = tables.roster(results, "ring8"), tables.summary(results)
    assert "No sure winner" in prose.answer(rows, people, "ring8", "reverse_kl")


def test_a_failed_seed_is_counted_and_never_averaged(full: Any) -> None:
    row = tables.board(full, "mnist5k").set_index("label").loc["gan"]
    assert (row["runs"], row["failed"], row["fid_n"]) == (3, 1, 2)
    assert row["reasons"] == "diverged: D.loss is nan"


def test_limits_stay_inside_what_the_metric_can_be(full: Any) -> None:
    rows = tables.summary(full)
    assert (rows.loc[rows["metric"].isin(["fid", "class_kl"]), "low"] >= 0).all()
    assert (rows.loc[rows["metric"] == "high_quality", "high"] <= 1).all()


def test_no_more_modes_are_found_than_there_are(full: Any) -> None:
    few = replace(full, scores=full.scores[full.scores["seed"] < 2])
    assert (tables.summary(few).query("metric == 'modes'")["high"] > 8).any()  # Student's limits know no bounds
    known = replace(few, scores=few.scores.assign(most=few.scores["metric"].map({"modes": 8.0})))
    assert (tables.summary(known).query("metric == 'modes'")["high"] <= 8).all()


def test_scores_with_different_keys_never_share_a_board(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.scores.loc[results.scores["label"] == "gan", "key"] += "other"
    rows = tables.summary(results)
    assert rows.groupby(["board", "metric"])["key"].nunique().max() == 1
    assert set(tables.board(results, "ring8", part=2)["label"]) == {"gan"}
    assert "gan" not in set(tables.board(results, "ring8", part=1)["label"])


def test_two_judges_stand_on_two_boards(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("mnist5k",))
    again = results.scores.assign(judge="mnist2", key=results.scores["key"] + "2", value=results.scores["value"] + 1)
    results.scores = pd.concat([results.scores, again], ignore_index=True)
    rows = tables.summary(results)
    assert rows.groupby("board")["judge"].unique().map(list).tolist() == [["mnist"], ["mnist2"]]


def test_a_label_that_never_scored_is_still_a_row(synthetic: ModuleType) -> None:
    board = tables.board(synthetic.all_failed(), "mnist5k").set_index("label")
    assert board["failed"]["dcgan"] == 2 and np.isnan(board["fid"]["dcgan"])


def test_ledger_is_of_finished_variants_and_failures_say_when(full: Any) -> None:
    assert set(tables.ledger(full, "mnist5k")["label"]) == {"gan", "dcgan", "wgan"}
    failed = tables.failures(full, "mnist5k").iloc[0]
    assert (failed["label"], failed["status"], failed["images"]) == ("gan", "diverged", 62_000)


def test_conditions_show_every_value_that_differs(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.runs.loc[0, "device"] = "cuda"
    found = tables.conditions(results, "ring8")
    assert found[found["condition"] == "device"]["value"].tolist() == ["cpu", "cuda"]


def test_empty_results_make_empty_tables(synthetic: ModuleType) -> None:
    empty = synthetic.empty()
    assert tables.summary(empty).empty and tables.tidy(empty).empty and tables.datasets(empty) == []


def test_runs_still_to_do_are_not_failures(synthetic: ModuleType) -> None:
    results = synthetic.half_finished()
    row = tables.board(results, "ring8").set_index("label").loc["wgan"]
    assert (row["runs"], row["done"], row["failed"], row["reverse_kl_n"]) == (3, 2, 0, 2)
    assert tables.failures(results, "ring8").empty
    assert prose.remarks(results, "ring8") == ["7 of 21 runs not run yet."]
    assert tables.labels(results)["real"]


def test_results_without_columns_are_empty_too(synthetic: ModuleType) -> None:
    assert tables.summary(synthetic.Synthetic()).empty


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({}, "wgan leads on ring8: Reverse KL 0.112 [0.087, 0.137], 3 seeds. Real data scores 0.000606"),
        ({"seeds": (0,)}, "wgan has the best Reverse KL on ring8: 0.101. One seed: no interval, so no claim"),
        ({"variants": ("gan",)}, "gan is the only variant with a score on ring8"),
        ({"variants": ()}, "No variant was run on ring8, only controls."),
        (
            {"seeds": (0,), "variants": ("gan",), "diverged": [("ring8", "gan", 0)]},
            "No variant has a score on ring8: 1 of 1 run failed.",
        ),
    ],
)
def test_the_answer_claims_no_more_than_the_seeds_allow(
    synthetic: ModuleType, made: dict[str, Any], wanted: str
) -> None:
    results = synthetic.make(datasets=("ring8",), **made)
    answer = prose.answer(tables.summary(results), tables.roster(results, "ring8"), "ring8", "reverse_kl")
    assert answer.startswith(wanted)


def test_a_tie_is_called_a_tie(full: Any) -> None:
    rows = tables.of_dataset(tables.summary(full), "mnist5k")
    answer = prose.answer(rows, tables.roster(full, "mnist5k"), "mnist5k", "fid")
    assert "No sure winner" in answer and "wgan cannot be told from it" in answer


def test_latex_escapes_what_latex_would_read() -> None:
    made = prose.latex(pd.DataFrame({"a_b": ["50 % & \\x", "#1"]}))
    assert r"a\_b" in made and r"50 \% \& \textbackslash{}x" in made and r"\#1" in made


# Metrics that only some rows have


def test_a_metric_of_some_rows_is_blank_in_the_others(synthetic: ModuleType) -> None:
    results = synthetic.theory(diverged=[("ring8", "gan", 0), ("ring8", "gan", 1), ("ring8", "gan", 2)])
    board = tables.board(results, "ring8")
    text = prose.cells(board).set_index("variant")
    assert text.loc["real (control)", "game_value"] == "–"
    assert text.loc["gan", "game_value"] == "n/a", "a failed run owes it still"
    assert "[" in text.loc["wgan", "game_value"] and "[" in text.loc["real (control)", "game_value_optimal ↓"]


def test_a_metric_without_a_direction_ranks_nobody(synthetic: ModuleType) -> None:
    results = synthetic.theory()
    rows = tables.summary(results)
    assert rows.loc[rows["metric"] == "game_value", "rank"].isna().all()
    assert rows.loc[rows["metric"] == "game_value_optimal", "rank"].notna().any()
    alone = rows[rows["metric"] == "game_value"]
    people = tables.roster(results, "ring8")
    assert prose.answer(alone, people, "ring8", "reverse_kl").startswith("Nobody leads on ring8")
    assert "Reverse KL" in prose.answer(rows, people, "ring8", "reverse_kl")


def test_ranks_are_among_those_that_have_the_metric(synthetic: ModuleType) -> None:
    results = synthetic.theory()
    found = results.scores
    results.scores = found[~((found["metric"] == "game_value_optimal") & (found["label"] == "wgan"))]
    rows = tables.summary(results)
    ranked = rows[(rows["metric"] == "game_value_optimal") & (rows["checkpoint"] == "last")].set_index("label")["rank"]
    assert "wgan" not in ranked.index and ranked.min() == 1


def test_a_metric_that_nobody_has_is_not_drawn(synthetic: ModuleType) -> None:
    results = synthetic.theory()
    owed = results.scores["metric"] == "game_value"
    results.scores.loc[owed, ["value", "key"]] = [np.nan, ""]
    assert "game_value" not in tables.board(results, "ring8").attrs["metrics"]
    assert "reverse_kl" in tables.board(results, "ring8").attrs["metrics"]


def test_a_control_that_has_run_on_one_dataset_only_is_a_control_everywhere(synthetic: ModuleType) -> None:
    results = synthetic.make()
    results.runs.loc[results.runs["dataset"] == "mnist5k", "control"] = False  # as of runs that are missing
    assert [label for label, control in tables.labels(results).items() if control] == list(synthetic.CONTROLS)


def test_published_numbers_stand_beside_ours_with_both_intervals(full: Any) -> None:
    row = {
        "dataset": "ring8",
        "label": "gan",
        "metric": "modes",
        "mean": 6.3,
        "stderr": 0.5,
        "trials": 10,
        "source": "T1",
    }
    results = replace(full, published=pd.DataFrame([row, {**row, "label": "nobody"}]))
    found = tables.published(results, "ring8")
    ours = tables.summary(full).query("dataset == 'ring8' and checkpoint == 'last' and metric == 'modes'")
    ours = ours[ours["label"] == "gan"]
    assert found["theirs_high"][0] == pytest.approx(6.3 + 2.262 * 0.5, abs=1e-3)  # Student's t with 9 degrees
    assert found["ours"][0] == ours["mean"].iloc[0] and found["ours_low"][0] == ours["low"].iloc[0]
    assert list(found["n"]) == [3, 0] and math.isnan(found["ours"][1])
    assert tables.published(results, "mnist5k").empty and tables.published(full, "ring8").empty
    page = render(replace(results, published=pd.DataFrame([row])))
    assert "Published and here" in page and "Published and here" not in render(full)
