"""Anybody's scores are ranked, or an error says what is wrong with them."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame
from rich.console import Console

import ganbench
from ganbench.compare.rank import rank
from ganbench.compare.scores import read_scores
from ganbench.errors import BadResults
from ganbench.reports.formats import rank as shown
from ganbench.statistics.verdicts import PAIRS


def scores(labels: int = 4, seeds: int = 4, datasets: int = 1, step: float = 0.6, spread: float = 0.15) -> DataFrame:
    rng = np.random.default_rng(0)
    return DataFrame(
        {"dataset": f"d{d}", "metric": "fid", "label": f"v{i}", "seed": s, "value": np.exp(x), "direction": "lower"}
        for d in range(datasets)
        for i in range(labels)
        for s, x in enumerate(step * i + spread * rng.standard_normal(seeds))
    )


def test_a_tidy_table_becomes_tiers_pairs_and_an_answer() -> None:
    found = ganbench.rank(scores())
    assert found.tiers == {("d0", "fid"): [["v0"], ["v1"], ["v2"], ["v3"]]}
    assert [*found.pairs] == PAIRS and set(found.pairs["verdict"]) == {"a"}
    assert found.answer == "v0 leads on d0; better than all 3 others."


def test_three_columns_and_a_direction_are_enough() -> None:
    few = scores()[["label", "seed", "value"]]
    with pytest.raises(BadResults, match="is lower or higher better"):
        rank(few)
    assert rank(few, "lower").answer == "v0 leads; better than all 3 others."
    assert rank(few, "higher").answer.startswith("v3 leads")


def test_what_is_undecided_says_what_it_would_take() -> None:
    answer = rank(scores(step=0.1)).answer
    assert answer.startswith("No sure winner on d0: v0 has the best mean; ")
    assert "more seeds" in answer


def test_over_several_datasets_there_is_a_verdict_that_pays_for_their_number() -> None:
    found = rank(scores(datasets=3))
    assert set(found.overall["verdict"]) == {"a"} and found.answer.endswith("Over all 3 datasets v0 leads.")
    one, ten = (rank(scores(datasets=n, step=0.12, seeds=5)) for n in (1, 10))
    assert one.overall.empty
    decided = ten.pairs["verdict"] != "undecided"
    assert ten.overall[["a_better", "b_better"]].to_numpy().sum() <= decided.sum()


NONSENSE = {
    "text for numbers": (scores().astype({"value": object}).replace({"value": {scores()["value"][3]: "n/k"}}), "'n/k'"),
    "mixed directions": (scores().assign(direction=["lower", "higher"] * 8), "both directions"),
    "no direction that there is": (scores().assign(direction="up"), "need lower or higher"),
    "rows twice": (pd.concat([scores(), scores()]), "two rows of v0, seed 0 on d0"),
    "no rows": (scores().iloc[:0], "without rows"),
    "no columns": (DataFrame(), "label, seed and value"),
    "a column less": (scores().drop(columns="seed"), "seed is missing"),
    "one label": (scores(labels=1), "at least two"),
    "a row without a label": (scores().assign(label=[None, *scores()["label"][1:]]), "without a label"),
    "dates for numbers": (scores().assign(value=pd.Timestamp("2026-01-01")), "datetime64.* need numbers"),
    "complex numbers": (scores().assign(value=1j), "complex128"),
    "two columns of one name": (pd.concat([scores(), scores()[["value"]]], axis=1), "two columns 'value'"),
    "scores measured otherwise": (scores().assign(key=list("ab") * 8), "2 comparability keys"),
    "one seed, written in two ways": (scores().assign(seed=["0", "00", "1", "01.0"] * 4), "two rows of v0, seed 00"),
    "a million looks": (scores().assign(look=1e6), "whole number from 1 to 100"),
    "a look without end": (scores().assign(look=np.inf), "Found look inf"),
    "a number of 400 digits": (scores().assign(value=[10**400] * 16), "too large to compute with"),
    "numbers that cannot be squared": (scores().assign(value=[-1e300, *range(15)]), "Found -1e\\+300 in row 1"),
    "nothing but failures, with scores": (scores().assign(status="lost"), "the status 'lost'"),
    "no table": ([1, 2], "Found a list"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_an_error_that_says_what_was_found(name: str) -> None:
    frame: Any
    frame, words = NONSENSE[name]
    with pytest.raises(BadResults, match=words):
        rank(frame)


@pytest.mark.parametrize("error", [0.0, 1.0, -0.1, np.nan])
def test_an_error_is_a_share(error: float) -> None:
    with pytest.raises(BadResults, match="between 0 and 1"):
        rank(scores(), error=error)


def test_equal_scores_have_no_best_and_huge_ones_are_no_counts() -> None:
    assert rank(scores().assign(value=3.0)).answer == "No sure winner on d0: v0, v1, v2 and v3 have the same mean."
    frame = scores(labels=3)
    assert rank(frame.assign(value=frame["value"] * 1e290)).answer == rank(frame).answer


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinities_are_failed_runs(value: float) -> None:
    frame = scores()
    frame.loc[frame["label"] == "v0", "value"] = value
    found = rank(frame)
    assert found.rows.set_index("label").loc["v0", "failed"] == 4
    assert not found.answer.startswith("v0")
    assert rank(frame.assign(value=value)).answer == "Nobody has a score on d0: every run failed."


def test_one_seed_and_unequal_seeds_are_honest() -> None:
    one = rank(scores(seeds=1))
    assert set(one.pairs["verdict"]) == {"undecided"} and "fewer than two runs" in one.answer
    unequal = scores()
    assert len(rank(unequal[(unequal["label"] != "v1") | (unequal["seed"] < 2)]).pairs) == 6


def test_rows_that_are_equal_share_the_probability_of_being_the_best() -> None:
    found = rank(scores(labels=2, seeds=5).assign(value=3.0))
    assert list(found.rows["p_best"]) == [0.5, 0.5]


def test_a_row_that_leads_by_fewer_failures_stands_first() -> None:
    frame = scores(labels=3, seeds=20, step=0.01, spread=0.1)
    frame.loc[(frame["label"] == "v0") & (frame["seed"] < 9), "value"] = np.nan
    frame.loc[frame["label"] == "v2", "value"] *= 9
    found = rank(frame)
    assert found.answer == "v1 leads on d0; better than both others."
    assert list(found.rows["label"]) == ["v1", "v2", "v0"] and list(found.rows["rank"]) == [1, 2, 3]


def test_rows_that_failures_leave_undecided_need_more_seeds_than_they_have() -> None:
    frame = scores(labels=2, seeds=5, step=3)
    frame.loc[0, "value"] = np.nan
    test = rank(frame).tests.iloc[0]
    assert (test["verdict"], test["test"]) == ("undecided", "t and rank")
    assert test["seeds"] > 5


def test_a_column_that_is_not_asked_for_changes_nothing() -> None:
    assert rank(scores().assign(noise=5.0, mean="x")).answer == rank(scores()).answer


@pytest.mark.parametrize("word", ["FINISHED", "COMPLETE", " Done", None])
def test_runs_that_ended_well_are_known_by_the_words_of_other_trackers(word: str | None) -> None:
    assert rank(scores().assign(status=word)).answer == rank(scores()).answer


def test_a_run_that_did_not_end_well_failed_whatever_its_number() -> None:
    frame = scores().assign(status="done")
    frame.loc[0, "status"] = "diverged"
    assert rank(frame).rows.set_index("label").loc["v0", "failed"] == 1


@pytest.mark.parametrize("format", shown.WRITERS)
def test_every_format_has_the_answer_or_the_pairs(format: str) -> None:
    found = rank(scores(labels=3).replace({"label": {"v1": "<b>&_|"}}))
    text = shown.WRITERS[format](found)
    assert "v0" in text
    assert "<b>&" not in text or format in ("csv", "json"), "names are text"
    if format == "json":
        assert {"answer", "tiers", "rows", "tests", "overall"} <= json.loads(text).keys()
    if format == "csv":
        assert text.splitlines()[0] == ",".join(PAIRS)


def test_the_terminal_reads_no_name_as_markup() -> None:
    terminal = StringIO()
    Console(file=terminal, width=200).print(shown.rank_in_terminal(rank(scores().replace({"label": {"v1": "[red]x"}}))))
    assert "[red]x" in terminal.getvalue()


def test_files_that_are_no_tables_are_errors(tmp_path: Path) -> None:
    empty, broken = tmp_path / "empty.csv", tmp_path / "broken.csv"
    empty.write_text("")
    broken.write_text('label,seed,value\na,0,1\nb,0,1,2,3\n"')
    for path, words in ((empty, "is empty"), (broken, "is no CSV"), (tmp_path / "none.csv", "cannot be read")):
        with pytest.raises(BadResults, match=words):
            read_scores(path)


@pytest.mark.parametrize("separator", [",", ", ", ";", "\t", "|"])
def test_a_file_of_another_program_is_read(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "scores.csv"
    rows = ["label,seed,value", "none,0,1.5", " a ,0,", "a,1,nan", "a,2,2"]
    file.write_text("\n".join(rows).replace(",", separator), encoding="utf-8-sig")
    found = read_scores(file)
    assert [*found] == ["label", "seed", "value"]
    assert list(found["label"]) == ["none", "a", "a", "a"] and list(found["seed"]) == ["0", "0", "1", "2"]
    assert found["value"].fillna(0).tolist() == [1.5, 0, 0, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"label,seed,value\na,0,1,7\nb,0,2,8\n", "is no CSV: Length"),
        ("label\ngr\xf6\xdfe".encode("latin-1"), "Save it in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "scores.csv"
    file.write_bytes(content)
    with pytest.raises(BadResults, match=words):
        read_scores(file)


def test_a_csv_of_three_columns_is_ranked_without_torch(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    scores()[["label", "seed", "value"]].to_csv(file, index=False)
    code = (
        "import sys; sys.argv = ['ganbench', 'rank', sys.argv[1], '--direction', 'lower', '--format', 'csv']\n"
        "from ganbench.cli import app\n"
        "app(standalone_mode=False)\nassert 'torch' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0] == ",".join(PAIRS) and len(ran.stdout.splitlines()) == 7
