"""Results on disk: whole or not there, and readable as tables."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ganbench.errors import BadResults
from ganbench.runs.budget import Ledger
from ganbench.store import read
from ganbench.store.columns import LOSS_COLUMNS, SCORE_COLUMNS
from ganbench.store.folder import Store
from ganbench.store.format import FORMAT
from ganbench.store.records import read_run
from ganbench.store.whole import write_json


def entry(run: str, seed: int = 0, label: str = "gan") -> dict[str, Any]:
    return {"run": run, "label": label, "variant": "gan", "dataset": "ring8", "seed": seed, "scale": 1.0}


def put(workdir: Path, run: str, value: float = 1.0, status: str = "done") -> None:
    """Write a record of one score and one loss in a workdir."""
    row = {"run": run, "label": "gan", "dataset": "ring8", "seed": 0}
    scores = pd.DataFrame([{**row, "value": value, "metric": "modes"}], columns=SCORE_COLUMNS)
    losses = pd.DataFrame([{**row, "images": 8, "curve": "D.loss", "value": 0.7}], columns=LOSS_COLUMNS)
    scores.to_parquet(workdir / "scores.parquet", index=False)
    losses.to_parquet(workdir / "losses.parquet", index=False)
    ledger = {**asdict(Ledger(images=8)), "images_per_second": 0.0}
    summary = {**row, "suite": "mine", "variant": "gan", "control": False, "scale": 1.0}
    write_json(
        workdir / "run.json", {"status": status, "reason": "", "summary": summary, "ledger": ledger, "conditions": {}}
    )


def opened(tmp_path: Path, *runs: dict[str, Any]) -> Store:
    store = Store(tmp_path / "results", "mine")
    store.open("the text", [*runs], "ganbench run mine.toml", "abc1234")
    return store


def published(store: Store, run: str, **record: Any) -> None:
    put(store.workdir(run), run, **record)
    store.publish(run)


# Publishing


def test_asking_for_a_store_writes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "results", "mine")
    assert store.status("a") is None
    assert [*tmp_path.iterdir()] == []


def test_a_workdir_is_no_result_until_it_is_published(tmp_path: Path) -> None:
    store = opened(tmp_path, entry("a"))
    put(store.workdir("a"), "a")
    assert store.status("a") is None
    store.publish("a")
    assert store.status("a") == "done"
    assert [*store.unfinished.iterdir()] == []


def test_a_workdir_keeps_what_was_on_it(tmp_path: Path) -> None:
    store = opened(tmp_path, entry("a"))
    (store.workdir("a") / "state.pt").write_text("half way")
    assert (store.workdir("a") / "state.pt").read_text() == "half way"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("steps", range(5))
def test_a_kill_while_publishing_leaves_the_old_record_the_new_one_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Whichever of its steps on the disk is the last."""
    store = opened(tmp_path, entry("a"))
    published(store, "a", value=1.0, status="failed")
    put(store.workdir("a"), "a", value=2.0)
    taken = iter(range(100))

    def mortal(step: Callable[..., None]) -> Callable[..., None]:
        def take(path: Path, *rest: Any, **options: Any) -> None:
            if next(taken) == steps:
                if step is shutil.rmtree and path.exists():
                    next(path.iterdir()).unlink()  # killed in the middle
                raise Killed
            step(path, *rest, **options)

        return take

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", mortal(os.replace))
        patch.setattr(shutil, "rmtree", mortal(shutil.rmtree))
        try:
            store.publish("a")
        except Killed:
            pass
        else:
            assert steps >= 4, "it takes so many"

    value = {"failed": 1.0, "done": 2.0, None: None}[store.status("a")]
    if value is None:
        with pytest.raises(BadResults, match="holds no finished run"):
            read(store.path)
    else:
        assert read(store.path).scores["value"].tolist() == [value]
        assert len([*(store.path / "a").iterdir()]) == 3
    published(store, "a", value=3.0)
    assert read(store.path).scores["value"].tolist() == [3.0]
    assert [*store.unfinished.iterdir()] == []


# Reading


def test_runs_that_are_missing_are_rows_too(tmp_path: Path) -> None:
    store = opened(tmp_path, entry("a"), entry("b", seed=1))
    published(store, "a")
    runs = read(store.path).runs.set_index("run")
    assert runs["status"].to_dict() == {"a": "done", "b": "missing"}
    assert runs.loc["b", "reason"] == "not run yet"
    assert (runs.loc["b", "label"], runs.loc["b", "seed"]) == ("gan", 1)


def test_what_a_suite_no_longer_asks_for_is_not_read(tmp_path: Path) -> None:
    published(opened(tmp_path, entry("a")), "a")
    store = opened(tmp_path, entry("b"))
    published(store, "b")
    assert read(store.path).runs["run"].tolist() == ["b"]
    assert store.status("a") == "done", "and yet it is kept"


def test_a_row_that_was_renamed_since_has_its_new_name_everywhere(tmp_path: Path) -> None:
    published(opened(tmp_path, entry("a")), "a")
    found = read(opened(tmp_path, entry("a", label="Goodfellow's")).path)
    assert found.runs["label"].tolist() == found.scores["label"].tolist() == ["Goodfellow's"]
    assert found.losses["label"].tolist() == ["Goodfellow's"]


def test_the_manifest_keeps_the_suites_text_the_command_and_the_commit(tmp_path: Path) -> None:
    store = opened(tmp_path, entry("a"))
    assert json.loads((store.path / "suite.json").read_text()) == {
        "format": FORMAT,
        "command": "ganbench run mine.toml",
        "commit": "abc1234",
        "runs": [entry("a")],
        "published": [],
        "text": "the text",
    }


def test_a_folder_of_one_suite_is_as_good_as_the_suites_own(tmp_path: Path) -> None:
    store = opened(tmp_path, entry("a"))
    published(store, "a")
    assert read(tmp_path / "results").path == read(store.path).path == store.path


def test_a_folder_of_several_suites_is_not(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Store(tmp_path, name).open("", [], "", "")
    with pytest.raises(BadResults, match=r"several suites\. Name one: .*/one, .*/two\."):
        read(tmp_path)


def test_what_is_no_run_cannot_be_read_as_one(tmp_path: Path) -> None:
    with pytest.raises(BadResults, match=r"is no run: it has no run\.json\. A run is <results>/<suite>/<run id>"):
        read_run(tmp_path)


def test_a_real_suite_reads_as_tidy_tables(finished: Path) -> None:
    found = read(finished)
    assert (found.suite, found.path) == ("tiny", finished)
    assert found.command.startswith("ganbench run ")
    assert [*found.scores.columns] == SCORE_COLUMNS
    assert [*found.losses.columns] == LOSS_COLUMNS
    assert len(found.runs) == 6 and set(found.runs["status"]) == {"done"}
    per_run = found.scores.groupby(["label", "seed", "checkpoint"])["images"].nunique()
    assert per_run["gan", 0, "curve"] == 2, "as many judgements as evaluations"
    assert per_run["gan", 1, "last"] == per_run["gan", 1, "selected"] == 1
    assert set(found.scores["split"]) == {"validation", "test"}
    assert set(found.losses["label"]) == {"gan"}, "controls have no losses"
    assert found.losses["images"].max() == 20 * 64
    assert found.runs.set_index("label").loc["gan", "g_updates"].tolist() == [20, 20]
    assert found.runs.groupby("label")["control"].all().to_dict() == {"gan": False, "noise": True, "real": True}


def test_a_real_suite_keeps_samples_and_the_truth(finished: Path) -> None:
    found = read(finished)
    run = found.runs["run"].iloc[0]
    samples = found.samples(run)
    assert samples is not None and samples.shape == (1000, 2) and samples.dtype == "float32"
    assert found.grid(run) is None, "points are no picture"
    assert found.samples("nothing") is None
    truth = found.truth("ring8")
    assert truth is not None and len(truth["means"]) == 8 and truth["sigma"] == 0.1
    assert found.truth("elsewhere") is None


def test_one_score_has_one_comparability_key(finished: Path) -> None:
    scores = read(finished).scores
    keys = scores.groupby(["metric", "split"])["key"].nunique()
    assert (keys == 1).all(), "rows of one board can be compared"
    assert scores.drop_duplicates(["metric", "split"])["key"].is_unique


def test_scores_of_an_earlier_version_are_read_with_names_for_titles_and_without_bounds(tmp_path: Path) -> None:
    store = opened(tmp_path, entry("a"))
    published(store, "a")
    file = store.path / "a" / "scores.parquet"
    pd.read_parquet(file).drop(columns=["title", "lower_bound", "upper_bound", "meaning", "blind_to"]).to_parquet(file)
    scores = read(store.path).scores
    assert [*scores.columns] == SCORE_COLUMNS
    (row,) = scores.to_dict("records")
    assert (row["title"], row["lower_bound"], row["upper_bound"]) == ("modes", -inf, inf)
    assert (row["meaning"], row["blind_to"], row["value"]) == ("", "", 1.0)
