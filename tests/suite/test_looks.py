"""Seeds until decided: which runs a suite asks for, look by look, and what its results say of that."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ganbench.compare.baseline import measure
from ganbench.errors import BadSuite
from ganbench.reports.formats.sentences import answer
from ganbench.reports.frames.chapter import Report
from ganbench.reports.frames.looks import can_lead
from ganbench.statistics.looks import levels
from ganbench.store import read
from ganbench.suite import loading as suite
from ganbench.suite.driver import Plan
from ganbench.suite.looks import look_of, plans

SuiteFile = Callable[..., Path]
GROWS = ("seeds = 2", "seeds = { first = 2, most = 6 }")
TWO = ('name = "gan"', 'name = "gan"\nlabel = "wide"\noptions = { width = 9, z_dim = 2 }\n\n[[variant]]\nname = "gan"')


def test_only_rows_that_can_lead_get_more_seeds_and_runs_are_those_of_fixed_seeds(suite_file: SuiteFile) -> None:
    grows, fixed = suite.load(suite_file(GROWS)), suite.load(suite_file(("seeds = 2", "seeds = 6")))
    assert [run.id for run in grows.runs] == [run.id for run in fixed.runs[:6]]
    assert [str(run) for run in grows.later] == [f"gan on ring8, seed {seed}" for seed in (2, 3, 4, 5)]
    assert {run.id for run in grows.later} < {run.id for run in fixed.runs}
    assert [look_of(run) for run in grows.later] == [2, 2, 3, 3]
    assert {run.label: run.look and run.look.level for run in grows.runs} == {
        "gan": levels(3, 0.05)[0], "real": None, "noise": None,
    }  # fmt: skip


def test_a_suite_that_says_how_many_has_three_looks_if_it_is_run_until_decided(suite_file: SuiteFile) -> None:
    found = suite.load(suite_file(), until_decided=True)
    assert [(run.seed, run.look and run.look.of) for run in found.later] == [(seed, 3) for seed in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ("{ first = 2, most = 5 }", "needs to be `first` times 2, 3, 4 or more"),
        ("{ first = 1, most = 4 }", "first: found 1"),
        ("{ first = 2, mots = 4 }", "Did you mean 'most'"),
        ("{ first = 2 }", "found no seeds, most, which is needed"),
    ],
)
def test_seeds_that_make_no_looks_are_refused(suite_file: SuiteFile, seeds: str, said: str) -> None:
    with pytest.raises(BadSuite) as error:
        suite.load(suite_file(("seeds = 2", f"seeds = {seeds}")))
    assert said in str(error.value)


@pytest.mark.parametrize("seeds", ["[3, 7]", "1"])
def test_listed_seeds_have_no_looks(suite_file: SuiteFile, seeds: str) -> None:
    with pytest.raises(BadSuite, match="begin with two or more"):
        suite.load(suite_file(("seeds = 2", f"seeds = {seeds}")), until_decided=True)


def test_parts_of_a_suite_need_fixed_seeds(ganbench: Any, suite_file: SuiteFile, tmp_path: Path) -> None:
    ran = ganbench("run", suite_file(GROWS), "--shard", "1/2", "--results", tmp_path)
    assert ran.code == 2 and "Run it without --shard, or give it fixed seeds" in ran.err


class Ended:
    """A store in which all runs that were carried out have ended."""

    path = Path("nowhere")

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def status(self, run: str) -> str | None:
        return "done" if run in self.ids else None


def carried_out(loaded: suite.Suite, can_lead: dict[int, list[str]]) -> list[list[str]]:
    """The runs of each plan, where `can_lead` says who can at each look."""
    store: Any = Ended()
    first = Plan(loaded, store, None, loaded.runs, 0, "")  # type: ignore[arg-type]
    done = []
    for plan in plans(first, lambda path, look: {"ring8": can_lead[look]}, Console(quiet=True)):
        store.ids |= {run.id for run in plan.runs}
        done.append([f"{run.label} {run.seed}" for run in plan.runs])
    return done


def test_seeds_go_to_who_can_lead_until_one_is_left(suite_file: SuiteFile) -> None:
    loaded = suite.load(suite_file(GROWS, TWO))
    first = carried_out(loaded, {1: ["gan"]})
    assert len(first) == 1, "decided at once"
    both = ["wide 2", "gan 2", "wide 3", "gan 3"]
    assert carried_out(loaded, {1: ["gan", "wide"], 2: ["wide"]})[1:] == [both]
    last = ["wide 4", "gan 4", "wide 5", "gan 5"]
    assert carried_out(loaded, {1: ["gan", "wide"], 2: ["wide", "gan"]})[1:] == [both, last]


def test_who_comes_back_catches_up(suite_file: SuiteFile) -> None:
    tiny = '[[variant]]\nname = "gan"\nlabel = "tiny"\noptions = { width = 4 }\n\n[[variant]]'
    three = (TWO[0], TWO[1].replace("[[variant]]", tiny))
    found = carried_out(suite.load(suite_file(GROWS, three)), {1: ["gan", "wide"], 2: ["wide", "tiny"]})
    assert found[2] == ["tiny 2", "tiny 3", "wide 4", "tiny 4", "wide 5", "tiny 5"]


def test_a_suite_run_until_decided_says_how_many_seeds_each_row_got_and_why(
    ganbench: Any, suite_file: SuiteFile, tmp_path: Path
) -> None:
    path = suite_file(GROWS, TWO, ('controls = ["real", "noise"]', 'controls = ["real"]'))
    assert ganbench("run", path, "--results", tmp_path).code == 0
    results = read(tmp_path / "tiny")
    (chapter,) = Report(results).chapters
    own = results.runs[results.runs["label"] != "real"]
    assert not (results.runs["status"] == "missing").any()
    assert set(own["look"]) == {1, 2, 3} and set(own["looks"]) == {3}
    assert sorted(set(own["level"])) == pytest.approx(levels(3, 0.05))
    assert results.runs.loc[results.runs["label"] == "real", "look"].isna().all()
    assert answer(chapter).endswith(
        "Seeds: wide and gan 6 each; no more, because 6 are the most that the suite allows."
    )
    assert len(can_lead(results, 3)["ring8"]) == 2
    measured = measure(results)
    assert {tuple(runs.seeds) for runs in measured.runs.values()} == {(0, 1)}, "the gate has the first seeds"
    assert json.loads((tmp_path / "tiny/suite.json").read_text())["runs"][-1]["look"] == 3
    again = ganbench("run", path, "--results", tmp_path)
    assert again.code == 0 and len(read(tmp_path / "tiny").runs) == len(results.runs), "nothing more is asked for"
    decided = replace(results, runs=results.runs[~(results.runs["look"] > 2) | (results.runs["label"] == "gan")])
    assert "gan 6; wide 4" in answer(Report(decided).chapters[0])
