"""Boards: rows in order, ranks, blanks, and columns that every format shows."""

import json
import re
from io import StringIO
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from ganbench.reports import formats
from ganbench.reports.formats.sentences import answer
from ganbench.reports.formats.terminal import summary_boards
from ganbench.reports.frames import board as boards
from ganbench.reports.frames.board import Cell, Column, board
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.summary import summary
from ganbench.statistics import decide


def test_board_is_what_the_rule_says_of_its_scores(full: Any) -> None:
    """Means, intervals, ranks and tiers are those of `decide` over the entrants."""
    rows = board(Chapter(Report(full), "ring8")).rows.set_index("label")
    scores = full.scores.query(
        "dataset == 'ring8' and label in ['gan', 'dcgan', 'wgan'] and checkpoint == 'last' and metric == 'reverse_kl'"
    )
    wanted = decide(scores[["label", "seed", "value", "direction"]]).rows.set_index("label")
    for label, row in wanted.iterrows():
        found = [rows[f"reverse_kl{part}"][label] for part in ("", "_low", "_high", "_n")]
        assert found == pytest.approx([row["mean"], row["low"], row["high"], 3])
        assert (rows["rank"][label], rows["tier"][label]) == (row["rank"], row["tier"])


def test_board_is_ordered_by_the_selecting_metric_with_controls_apart(full: Any) -> None:
    made = board(Chapter(Report(full), "mnist5k"))
    rows = made.rows
    assert rows["control"].is_monotonic_increasing
    assert all(part["fid"].is_monotonic_increasing for _, part in rows.groupby("control"))
    assert rows.loc[rows["control"], "rank"].isna().all()
    assert next(iter(made.metrics)) == "fid"


def test_one_seed_is_not_ranked_and_takes_no_lead(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",), diverged=[("ring8", "gan", 0), ("ring8", "gan", 1)])
    chapter = Chapter(Report(results), "ring8")
    rows = board(chapter).rows.set_index("label")
    assert rows["reverse_kl_n"]["gan"] == 1
    assert rows["rank"].isna()["gan"]
    assert "No sure winner" in answer(chapter)


def test_a_failed_seed_is_counted_and_never_averaged(full: Any) -> None:
    row = board(Chapter(Report(full), "mnist5k")).rows.set_index("label").loc["gan"]
    assert (row["runs"], row["failed"], row["fid_n"]) == (3, 1, 2)
    assert row["reasons"] == "diverged: D.loss is nan"


def test_scores_with_different_keys_never_share_a_board(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.scores.loc[results.scores["label"] == "gan", "key"] += "other"
    rows = summary(results)
    assert rows.groupby(["board", "metric"])["key"].nunique().max() == 1
    assert set(board(Chapter(Report(results), "ring8"), part=2).rows["label"]) == {"gan"}
    assert "gan" not in set(board(Chapter(Report(results), "ring8"), part=1).rows["label"])


def test_a_label_that_never_scored_is_still_a_row(synthetic: ModuleType) -> None:
    rows = board(Chapter(Report(synthetic.all_failed()), "mnist5k")).rows.set_index("label")
    assert rows["failed"]["dcgan"] == 2 and np.isnan(rows["fid"]["dcgan"])


def test_a_metric_of_some_rows_is_blank_in_the_others(synthetic: ModuleType) -> None:
    results = synthetic.theory(diverged=[("ring8", "gan", 0), ("ring8", "gan", 1), ("ring8", "gan", 2)])
    text = board(Chapter(Report(results), "ring8")).cells().set_index("Variant")
    assert text.loc["real (control)", "Game value"] == "–"
    assert text.loc["gan", "Game value"] == "n/a", "a failed run owes it still"
    assert "[" in text.loc["wgan", "Game value"] and "[" in text.loc["real (control)", "Game value, best D ↓"]


def test_a_metric_that_nobody_has_is_not_drawn(synthetic: ModuleType) -> None:
    results = synthetic.theory()
    owed = results.scores["metric"] == "game_value"
    results.scores.loc[owed, ["value", "key"]] = [np.nan, ""]
    assert "game_value" not in board(Chapter(Report(results), "ring8")).metrics
    assert "reverse_kl" in board(Chapter(Report(results), "ring8")).metrics


def test_a_column_added_to_the_list_stands_in_every_format(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    added = Column("luck", "Luck & chance", lambda row: Cell(f"{len(row['label'])} clovers", len(row["label"])))
    monkeypatch.setattr(boards, "COLUMNS", (*boards.COLUMNS, added))
    terminal = StringIO()
    Console(file=terminal, width=200).print(summary_boards(full))
    texts = {name: formats.report(full, name).decode() for name in ("html", "md", "latex", "json")}
    for name, text in {**texts, "terminal": terminal.getvalue()}.items():
        assert text.count("5 clovers") >= 4, f"dcgan on two datasets, in {name}"
        assert re.search(r"Luck (&amp;|\\&|&) chance", text), name
    first = json.loads(texts["json"])["boards"][0]
    assert first["columns"][6] == {"key": "luck", "title": "Luck & chance"}
    assert {row["luck"]["value"] for row in first["rows"]} >= {3, 4, 5}


def test_a_narrow_output_shows_the_columns_that_say_so(full: Any) -> None:
    made = board(Chapter(Report(full), "mnist5k"))
    assert list(made.cells())[:6] == ["Rank", "Variant", "Given", "Seeds", "Tier", "P(best)"]
    assert list(made.cells())[6:8] == ["FID ↓, last", "FID ↓, selected"]
    assert list(made.cells(narrow=True))[:6] == ["Rank", "Variant", "Given", "Seeds", "Tier", "FID ↓, last"]
    assert sum(column.narrow for column in made.columns if column.metric) == boards.NARROW < 6


def test_both_checkpoints_of_the_first_metric_stand_side_by_side(full: Any) -> None:
    rows = board(Chapter(Report(full), "mnist5k")).rows.set_index("label")
    for checkpoint, name in (("last", "fid"), ("selected", "fid selected")):
        scores = full.scores.query("dataset == 'mnist5k' and label == 'wgan' and metric == 'fid'")
        wanted = scores.loc[scores["checkpoint"] == checkpoint, "value"]
        wanted = np.exp(np.log(wanted).mean())
        assert rows.loc["wgan", name] == pytest.approx(wanted)


def test_a_tie_is_marked_in_text_and_spoken(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("mnist5k",))
    fid = results.scores["metric"] == "fid"
    results.scores.loc[fid & (results.scores["label"] == "wgan"), "value"] -= 1.5
    made = board(Chapter(Report(results), "mnist5k"))
    ranks = dict(made.cells()[["Variant", "Rank"]].to_numpy().tolist())
    assert ranks["dcgan"] == ranks["wgan"] == "=1" and ranks["real (control)"] == "–"
    cell = made.columns[0].cell(made.rows.iloc[0].to_dict())
    assert cell.value == 1 and cell.spoken == "tied with others at 1"


def test_external_samples_stand_among_the_variants_and_say_that_their_budget_is_unverified(
    synthetic: ModuleType,
) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.runs["guest"] = results.runs["label"] == "dcgan"
    names = board(Chapter(Report(results), "ring8")).cells()["Variant"].tolist()
    assert names[:3] == ["wgan", "dcgan (budget unverified)", "gan"] and names[3] == "real (control)"


def test_real_data_that_were_too_few_stand_marked_on_the_board_of_the_others(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("mnist5k",))
    real = results.scores["label"] == "real"
    results.scores["board_key"] = results.scores["key"]
    results.scores.loc[real, ["samples", "key"]] = [2000, "of fewer"]
    chapter = Chapter(Report(results), "mnist5k")
    made = board(chapter)
    assert set(chapter.summary["board"]) == {1} and made.metrics["fid"]["samples"] == 2500
    assert "real (2,000 distinct samples) (control)" in set(made.cells()["Variant"])
    assert answer(chapter).endswith(", 2,000 distinct samples.")
    old = results.scores.loc[real, "board_key"] + "of an older version"
    results.scores.loc[real, "board_key"] = old
    assert set(summary(results).query("label == 'real'")["board"]) == {2}, "measured otherwise"


def test_which_way_is_better_is_part_of_what_scores_share(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.scores.loc[results.scores["label"] == "gan", "direction"] = "none"
    rows = summary(results)
    assert rows.groupby(["board", "metric"])["direction"].nunique().max() == 1 and set(rows["board"]) == {1, 2}


def test_a_control_has_the_error_of_redrawn_samples(synthetic: ModuleType) -> None:
    """Its seeds judged the same data: their spread is 0, and says nothing."""
    results = synthetic.make(datasets=("ring8",))
    real = results.scores["label"] == "real"
    results.scores.loc[real, ["value", "stderr"]] = [0.5, 0.1]
    row = summary(results).query("label == 'real' and metric == 'modes_third' and checkpoint == 'last'").iloc[0]
    assert [row["low"], row["high"]] == pytest.approx([0.5 - 1.96 * 0.1, 0.5 + 1.96 * 0.1], abs=1e-4)
    results.scores.loc[real, "stderr"] = np.nan
    row = summary(results).query("label == 'real' and metric == 'modes_third' and checkpoint == 'last'").iloc[0]
    assert row["mean"] == 0.5 and np.isnan(row["low"])


@pytest.mark.filterwarnings("error")
def test_forty_metrics_are_a_board(synthetic: ModuleType) -> None:
    results = synthetic.make(seeds=(0, 1), datasets=("ring8",), evaluations=1)
    others = [results.scores.assign(metric=results.scores["metric"] + str(i)) for i in range(10)]
    results.scores = pd.concat(others, ignore_index=True)
    found = board(Chapter(Report(results), "ring8"))
    assert len(found.metrics) == 40 and len(found.rows.assign(more=1)) == 7
