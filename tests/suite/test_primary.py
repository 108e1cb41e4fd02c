"""The metric that verdicts are of: declared in the suite, and the same for board, answer and gate."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganbench.compare.baseline import measure
from ganbench.compare.baseline_file import read_baseline, write_baseline
from ganbench.compare.gate import Gate
from ganbench.compare.regression import check
from ganbench.errors import BadSuite
from ganbench.reports.formats.sentences import answer, remarks
from ganbench.reports.frames.board import board
from ganbench.reports.frames.chapter import Report
from ganbench.store import read
from ganbench.suite import loading as suite

SuiteFile = Callable[..., Path]


def declares(metric: str, *more: str) -> tuple[str, str]:
    return 'name = "ring8"', "\n".join([f'name = "ring8"\nprimary = "{metric}"', *more])


def test_it_is_the_one_that_selects_unless_the_suite_declares_another(suite_file: SuiteFile) -> None:
    usual, declared = (suite.load(suite_file(*changes)).runs for changes in ([], [declares("high_quality")]))
    assert {run.primary for run in usual} == {"reverse_kl_third"}
    assert {run.primary for run in declared} == {"high_quality"}
    assert [run.id for run in usual] == [run.id for run in declared], "no score depends on it"


def test_it_is_the_first_that_says_what_is_better_where_the_selecting_one_is_left_out(suite_file: SuiteFile) -> None:
    run = suite.load(suite_file(declares("modes", 'metrics = ["ct", "modes"]'))).runs[0]
    assert run.primary == "modes"
    text = ('name = "ring8"', 'name = "ring8"\nmetrics = ["ct", "reverse_kl", "modes"]')
    assert suite.load(suite_file(text)).runs[0].primary == "reverse_kl"


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("high_qualty", "Did you mean 'high_quality'"),
        ("ct", "Found primary = 'ct', of which neither low nor high is better, so that nobody could be"),
    ],
)
def test_a_metric_that_cannot_decide_is_refused_before_training(suite_file: SuiteFile, metric: str, said: str) -> None:
    with pytest.raises(BadSuite, match="ring8: ") as error:
        suite.load(suite_file(declares(metric)))
    assert said in str(error.value)


def test_a_run_suites_declaration_reaches_board_answer_and_gate(
    ganbench: Any, results_copy: Path, suite_file: SuiteFile, tmp_path: Path
) -> None:
    path = suite_file(declares("high_quality"))
    assert ganbench("run", path, "--results", results_copy.parent).code == 0
    results = read(results_copy)
    (chapter,) = Report(results).chapters
    assert next(iter(board(chapter).metrics)) == "high_quality"
    assert chapter.verdicts is not None and set(chapter.verdicts.rows["metric"]) == {"high_quality"}
    assert "High quality" in answer(chapter)
    assert remarks(chapter)[-1] == (
        "Verdicts are of High quality, which was declared after 6 runs had been judged: until then it was Reverse KL ⅓."
    )
    write_baseline(measure(results), tmp_path / "base.json")
    before = read_baseline(tmp_path / "base.json")
    rows = check(before, before, Gate()).rows.set_index("metric")
    assert rows.loc[["high_quality", "reverse_kl_third"], "weight"].tolist() == [10, 1]


def test_results_that_say_none_are_ranked_by_the_metric_that_selects(made_up: Callable[..., Path]) -> None:
    cells = {("d", name, "fid"): [1.0, 1.1] for name in ("a", "b")} | {("d", "a", "modes"): [8, 8]}
    folder = made_up(cells)
    assert Report(read(folder)).chapters[0].primary == "fid"
    manifest = json.loads((folder / "suite.json").read_text())
    for entry in manifest["runs"]:
        entry["primary"] = "modes"
    (folder / "suite.json").write_text(json.dumps(manifest))
    assert Report(read(folder)).chapters[0].primary == "modes"
