"""Costs, failures and conditions."""

from types import ModuleType
from typing import Any

from ganbench.reports.frames.chapter import Chapter, Report
from ganbench.reports.frames.conditions import conditions_of
from ganbench.reports.frames.failures import failed_runs
from ganbench.reports.frames.ledger import mean_ledger


def test_ledger_is_of_finished_variants_and_failures_say_when(full: Any) -> None:
    assert set(mean_ledger(Chapter(Report(full), "mnist5k"))["label"]) == {"gan", "dcgan", "wgan"}
    failed = failed_runs(Chapter(Report(full), "mnist5k")).iloc[0]
    assert (failed["label"], failed["status"], failed["images"]) == ("gan", "diverged", 62_000)


def test_conditions_show_every_value_that_differs(synthetic: ModuleType) -> None:
    results = synthetic.make(datasets=("ring8",))
    results.runs.loc[0, "device"] = "cuda"
    found = conditions_of(Chapter(Report(results), "ring8"))
    assert found[found["condition"] == "device"]["value"].tolist() == ["cpu", "cuda"]
