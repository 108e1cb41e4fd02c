"""Runs without gaps: controls are known, runs to do are no failures."""

from types import ModuleType

from ganbench.reports.formats.sentences import remarks
from ganbench.reports.frames.board import board
from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.failures import failed_runs
from ganbench.reports.frames.rows import labels


def test_runs_still_to_do_are_not_failures(synthetic: ModuleType) -> None:
    results = synthetic.half_finished()
    row = board(Chapter(Report(results), "ring8")).rows.set_index("label").loc["wgan"]
    assert (row["runs"], row["done"], row["failed"], row["reverse_kl_n"]) == (3, 2, 0, 2)
    assert failed_runs(Chapter(Report(results), "ring8")).empty
    assert remarks(Chapter(Report(results), "ring8")) == ["7 of 21 runs not run yet."]
    assert labels(results)["real"]


def test_a_control_that_has_run_on_one_dataset_only_is_a_control_everywhere(synthetic: ModuleType) -> None:
    results = synthetic.make()
    results.runs.loc[results.runs["dataset"] == "mnist5k", "control"] = False  # as of runs that are missing
    assert [label for label, control in labels(results).items() if control] == list(synthetic.CONTROLS)
