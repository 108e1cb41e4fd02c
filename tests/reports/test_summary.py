"""Means, intervals and ranks over seeds."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import pandas as pd

from ganbench.reports.formats.sentences import answer
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.rows import datasets
from ganbench.reports.frames.scores import tidy
from ganbench.reports.frames.summary import summary


def test_limits_stay_inside_what_the_metric_can_be(full: Any) -> None:
    rows = summary(full)
    assert (rows.loc[rows["metric"].isin(["fid", "class_kl"]), "low"] >= 0).all()
    assert (rows.loc[rows["metric"] == "high_quality", "high"] <= 1).all()


def test_no_more_modes_are_found_than_there_are(full: Any) -> None:
    few = replace(full, scores=full.scores[full.scores["seed"] < 2])
    assert (summary(few).query("metric == 'modes'")["high"] > 8).any()  # Student's limits know no bounds
    known = replace(few, scores=few.scores.assign(most=few.scores["metric"].map({"modes": 8.0})))
    assert (summary(known).query("metric == 'modes'")["high"] <= 8).all()


def test_two_judges_stand_on_two_boards(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("mnist5k",))
    again = results.scores.assign(judge="mnist2", key=results.scores["key"] + "2", value=results.scores["value"] + 1)
    results.scores = pd.concat([results.scores, again], ignore_index=True)
    rows = summary(results)
    assert rows.groupby("board")["judge"].unique().map(list).tolist() == [["mnist"], ["mnist2"]]


def test_empty_results_make_empty_tables(synthetic: ModuleType) -> None:
    empty = synthetic.empty()
    assert summary(empty).empty and tidy(empty).empty and datasets(empty) == []


def test_results_without_columns_are_empty_too(synthetic: ModuleType) -> None:
    assert summary(synthetic.Synthetic()).empty


def test_a_metric_without_a_direction_ranks_nobody(synthetic: ModuleType) -> None:
    results = synthetic.theory()
    rows = summary(results)
    assert rows.loc[rows["metric"] == "game_value", "rank"].isna().all()
    others = rows.loc[rows["metric"] == "game_value_optimal", "rank"]
    assert others.isna().all(), "only the primary metric ranks"
    assert rows.loc[rows["metric"] == "reverse_kl", "rank"].notna().any()
    alone = rows[rows["metric"] == "game_value"]
    chapter = Chapter(Report(results), "ring8")
    assert "Reverse KL" in answer(chapter)
    chapter.summary = alone
    assert answer(chapter).startswith("Nobody leads on ring8")


def test_ranks_are_among_those_that_have_the_metric(synthetic: ModuleType) -> None:
    results = synthetic.theory()
    found = results.scores
    results.scores = found[~((found["metric"] == "reverse_kl") & (found["label"] == "wgan"))]
    rows = summary(results)
    ranked = rows[(rows["metric"] == "reverse_kl") & (rows["checkpoint"] == "last")].set_index("label")["rank"]
    assert "wgan" not in ranked.index and ranked.min() == 1
