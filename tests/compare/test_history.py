"""Lines join only what was measured alike, and steps are found where they are and seldom elsewhere."""

import json
import math
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganbench.compare.baseline import Baseline, Runs, Score
from ganbench.compare.gate import Gate
from ganbench.compare.history import CommitResult, commit_date, follow, in_order, read_history, write_history
from ganbench.errors import BadResults
from ganbench.statistics import mean_interval

Command = Callable[..., Any]
Values = Sequence[float | None]


def entry(
    rows: dict[str, Values], *, metric: str = "fid", key: str = "k", budget: str = "100 images", suite: str = "quick"
) -> CommitResult:
    """One result: values over seeds by variant."""
    runs = {("d", v): Runs("d", v, budget, "fid", list(range(len(x))), {}, {}) for v, x in rows.items()}
    scores = {
        ("d", v, metric): Score("d", v, metric, "lower", "", key, None, dict(enumerate(x))) for v, x in rows.items()
    }
    return CommitResult("somewhere", Baseline(suite, "abc1234", {}, runs, scores))


# Steps


def test_a_step_is_found_with_its_place_size_and_side() -> None:
    once, now = [10.0, 10.5, 9.8], [15.0, 15.4, 14.8]
    jitter = [0.0, 0.1, -0.1, 0.05, -0.05, 0.02]
    found = follow([entry({"gan": [v + j for v in (once if i < 3 else now)]}) for i, j in enumerate(jitter)], Gate())
    (step,) = found.steps.to_dict("records")
    assert (step["place"], step["variant"], step["metric"], step["verdict"]) == (3, "gan", "fid", "worse")
    assert step["change"] == pytest.approx(0.49, abs=0.01) and step["p"] < 0.01
    assert (step["before"], step["after"]) == (pytest.approx(10.1, abs=0.05), pytest.approx(15.07, abs=0.05))
    assert (step["results_before"], step["results_after"]) == (3, 3)


def test_there_and_back_are_two_steps() -> None:
    rng = np.random.default_rng(2)
    levels = [10.0] * 5 + [20.0] * 5 + [10.0] * 5
    found = follow([entry({"gan": list(level * np.exp(rng.normal(0, 0.05, 3)))}) for level in levels], Gate())
    assert sorted(zip(found.steps["place"], found.steps["verdict"], strict=True)) == [(5, "worse"), (10, "better")]


def test_a_sure_step_within_the_tolerance_is_none() -> None:
    rng = np.random.default_rng(3)
    entries = [entry({"gan": list((10.0 if i < 5 else 10.8) + 0.01 * rng.normal(size=3))}) for i in range(10)]
    assert len(follow(entries, Gate()).steps) == 0
    assert len(follow(entries, Gate(tolerance=0.05)).steps) == 1


def test_equal_bits_are_no_new_evidence() -> None:
    """Two draws of three seeds, each repeated by five commits that changed nothing, are two measurements."""
    entries = [entry({"gan": values}) for values in ([10.0, 10.1, 10.2], [12.0, 12.1, 12.2]) for _ in range(5)]
    found = follow(entries, Gate())
    assert len(found.steps) == 0, "p is 0.1 at least"
    assert found.points["repeats"].tolist() == [False, True, True, True, True] * 2


def test_values_that_are_not_all_positive_are_taken_as_they_are() -> None:
    rng = np.random.default_rng(4)
    entries = [entry({"gan": list((0.0 if i < 5 else 0.5) + 0.01 * rng.normal(size=3))}) for i in range(10)]
    (step,) = follow(entries, Gate()).steps.to_dict("records")
    assert step["place"] == 5 and step["change"] > 10


# Lines


@pytest.mark.parametrize("change", [{"key": "other"}, {"budget": "200 images"}])
def test_what_was_measured_otherwise_is_another_line(change: dict[str, str]) -> None:
    rng = np.random.default_rng(5)
    once = [entry({"gan": list(10 + 0.1 * rng.normal(size=3))}) for _ in range(5)]
    now = [entry({"gan": list(20 + 0.1 * rng.normal(size=3))}, **change) for _ in range(5)]
    found = follow([*once, *now], Gate())
    assert found.points.groupby("line")["place"].apply(list).tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert len(found.steps) == 0 and found.remarks == [
        "1 of 1 rows were measured in several ways: no line joins those."
    ]


def test_scores_without_a_key_are_joined_with_nothing() -> None:
    found = follow([entry({"gan": [1.0, 2.0]}, key="") for _ in range(3)], Gate())
    assert found.points["line"].nunique() == 3


def test_points_have_students_interval_over_the_seeds_that_have_a_value() -> None:
    found = follow([entry({"gan": [10.0, 11.0, None]}), entry({"gan": [None, None, None]})], Gate())
    first, second = found.points.to_dict("records")
    assert (first["mean"], first["low"], first["high"]) == mean_interval([10.0, 11.0]) and first["seeds"] == 2
    assert math.isnan(second["mean"]) and second["seeds"] == 0


def test_a_metric_that_the_gate_does_not_look_at_is_drawn_but_not_tested() -> None:
    rng = np.random.default_rng(6)
    entries = [entry({"gan": list((10.0 if i < 5 else 20.0) + 0.1 * rng.normal(size=3))}) for i in range(10)]
    found = follow(entries, Gate(metrics={"fid": {"weight": 0.0}}))
    assert len(found.steps) == 0 and len(found.points) == 10


# Order, and what is refused


def test_results_stand_in_the_order_of_their_commits_dates() -> None:
    board = entry({"gan": [1.0]}).board
    old, new = CommitResult("old", board, "2026-01-01"), CommitResult("new", board, "2026-02-01")
    assert in_order([new, old]) == ([old, new], [])
    found, remarks = in_order([new, CommitResult("odd", old.board), old])
    assert [one.source for one in found] == ["new", "odd", "old"]
    assert remarks == ["In the order given: git here does not know the commit abc1234."]


def test_git_knows_when_a_commit_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert commit_date("abcdef0") == commit_date("--help") == commit_date("") == ""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b.c")
        monkeypatch.setenv(f"GIT_{name}_DATE", "2026-03-01T01:30:00+02:00")
    for asked in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *asked], check=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    assert commit_date(commit.stdout.strip()) == "2026-02-28T23:30:00Z"


def test_a_history_needs_two_results_of_one_suite() -> None:
    with pytest.raises(BadResults, match="one result, but a history needs two"):
        follow([entry({"gan": [1.0]})], Gate())
    with pytest.raises(BadResults, match="results of digits and quick, but a history is of one suite"):
        follow([entry({"gan": [1.0]}), entry({"gan": [1.0]}, suite="digits")], Gate())


# The command


def test_folders_and_baselines_become_a_table_json_and_a_page(
    ganbench: Command, made_up: Callable[..., Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(7)
    cells = {("d", "gan", "fid"): 1.0}
    folders = [
        made_up({name: list((10 if i < 4 else 30) * np.exp(rng.normal(0, 0.05, 3))) for name in cells}, into=f"at{i}")
        for i in range(8)
    ]
    assert ganbench("baseline", folders[0], "--out", tmp_path / "first.json").code == 0
    ran = ganbench("history", tmp_path / "first.json", *folders[1:], "--out", tmp_path / "h")
    assert ran.code == 0, ran.err
    assert "8 results of quick, 2 lines: 1 step, 1 for the worse." in ran.out
    assert "does not know the commit 0123abc" in ran.out
    points, told = pd.read_csv(tmp_path / "h/history.csv"), json.loads((tmp_path / "h/history.json").read_text())
    assert len(points) == 16 and set(points["metric"]) == {"fid", "images_per_second"}
    assert [(step["metric"], step["place"]) for step in told["steps"]] == [("fid", 4)]
    assert [Path(result["source"]) for result in told["results"]] == [tmp_path / "first.json", *folders[1:]]
    assert (tmp_path / "h/history.html").read_text().startswith("<!doctype html>")


def test_the_gate_is_that_of_the_newest_results(made_up: Callable[..., Path]) -> None:
    folders = [
        made_up({("d", "gan", "fid"): [1.0, 1.1]}, into=f"at{i}", gate=gate)
        for i, gate in enumerate(("", "[gate]\nerror = 0.01"))
    ]
    assert read_history(folders).gate.error == 0.01
    assert read_history(folder.parent for folder in folders).gate.error == 0.01, "<results>, if it holds a single suite"


def test_nonsense_is_answered_in_words(ganbench: Command, made_up: Callable[..., Path], tmp_path: Path) -> None:
    folder = made_up({("d", "gan", "fid"): [1.0, 1.1]})
    for asked, said in (
        ([folder], "one result, but a history needs two"),
        ([folder, folder], "one result, but a history needs two"),
        ([folder, tmp_path / "nothing"], "holds no results of ganbench"),
    ):
        ran = ganbench("history", *asked)
        assert (ran.code, ran.out) == (2, "") and said in ran.err


def test_what_is_written_has_no_nan(tmp_path: Path) -> None:
    write_history(follow([entry({"gan": [None]}), entry({"gan": [1.0]})], Gate()), tmp_path)
    assert "NaN" not in (tmp_path / "history.json").read_text()
