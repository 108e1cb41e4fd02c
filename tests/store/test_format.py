"""Results that an older version wrote are read, reported and continued.

`resources/format1` was written by the last version of format 1: `ganbench run tiny.toml`, then `ganbench evaluate` of
200 points under the label `mine`. Weights, exhibits and pictures are left out.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganbench.errors import BadResults
from ganbench.runs import spec
from ganbench.store import read
from ganbench.store.columns import LOSS_COLUMNS, SCORE_COLUMNS
from ganbench.store.format import FORMAT
from ganbench.store.records import read_run
from ganbench.suite import driver

Command = Callable[..., Any]


@pytest.fixture
def old(resources: Path, tmp_path: Path) -> Path:
    """A copy of the fixture, for changing."""
    return Path(shutil.copytree(resources / "format1" / "tiny", tmp_path / "results" / "tiny"))


def test_format_1_is_read_in_the_columns_of_today(old: Path) -> None:
    found = read(old)
    assert [*found.scores] == SCORE_COLUMNS and [*found.losses] == LOSS_COLUMNS
    assert found.runs["label"].value_counts().to_dict() == {"gan": 2, "real": 2, "noise": 2, "mine": 1}
    assert set(found.runs["status"]) == {"done"}
    assert [*found.runs.loc[found.runs["guest"].astype(bool), "label"]] == ["mine"]
    assert (found.scores["title"] == found.scores["metric"]).all(), "nobody wrote the titles down"
    last = found.scores.query("label == 'noise' and checkpoint == 'last' and metric == 'modes_third'").set_index("seed")
    assert last["value"].to_dict() == {0: 2.0, 1: 1.0}


def test_format_1_is_reported(ganbench: Command, old: Path) -> None:
    ran = ganbench("report", old, "--format", "md")
    assert ran.code == 0, ran.err
    assert "mine" in ran.out


def test_format_1_is_continued(ganbench: Command, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the version and the code that made them its runs keep their ids, so that only what is missing is done."""
    manifest = json.loads((old / "suite.json").read_text())
    suite = tmp_path / "tiny.toml"
    suite.write_text(manifest["text"])
    runs = {run["run"] for run in manifest["runs"]}
    missing = next(run["run"] for run in manifest["runs"] if (run["label"], run["seed"]) == ("gan", 1))
    monkeypatch.setattr(spec.RunSpec, "code", lambda self: [])
    monkeypatch.setattr("ganbench.suite.driver.loaded", driver._loaded)  # in this process, as it is changed here
    monkeypatch.setattr(spec, "__version__", read_run(old / missing)["conditions"]["ganbench"])
    shutil.rmtree(old / missing)
    before = {run: (old / run / "run.json").stat().st_mtime_ns for run in runs - {missing}}

    ran = ganbench("run", suite, "--results", old.parent, "--device", "cpu")
    assert ran.code == 0, ran.err
    assert before == {run: (old / run / "run.json").stat().st_mtime_ns for run in runs - {missing}}
    assert json.loads((old / "suite.json").read_text())["format"] == FORMAT
    found = read(old)
    assert {*found.runs["run"]} >= runs and set(found.runs["status"]) == {"done"}
    titles = found.scores.groupby("run")["title"].agg(set)
    assert "modes" in titles[(runs - {missing}).pop()] and "modes" not in titles[missing]


def test_external_samples_of_format_1_are_replaced_by_new_ones(ganbench: Command, old: Path, tmp_path: Path) -> None:
    points = Path(shutil.copy(next(old.glob("guests/*/samples.npy")), tmp_path / "points.npy"))
    ran = ganbench("evaluate", points, "--dataset", "ring8", "--results", old, "--label", "mine")
    assert ran.code == 0, ran.err
    assert [*old.glob("guests/*")] == [] and len([*old.glob("external/*/*/run.json")]) == 1
    assert (read(old).runs["label"] == "mine").sum() == 1


@pytest.mark.parametrize("number", [0, FORMAT + 1, "2"])
def test_other_formats_are_refused_with_the_way_out(old: Path, number: object) -> None:
    manifest = json.loads((old / "suite.json").read_text())
    (old / "suite.json").write_text(json.dumps({**manifest, "format": number}))
    with pytest.raises(BadResults, match=f"format {number}, this ganbench reads formats up to {FORMAT}.*--results"):
        read(old)
