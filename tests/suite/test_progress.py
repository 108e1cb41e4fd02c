"""What is seen of runs that have not ended: how far they are, and their scores so far; and what is seen of damage."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from ganbench.errors import BadResults
from ganbench.executors import Job, JobReport
from ganbench.runs.run import run
from ganbench.runs.spec import RunSpec
from ganbench.store.folder import Store
from ganbench.suite import loading as suite
from ganbench.suite import progress
from ganbench.suite.progress import SuiteProgress, progress_file, read_progress, results_so_far, stamp

Command = Callable[..., Any]


@pytest.fixture
def specs(suite_file: Command) -> list[RunSpec]:
    return list(suite.load(suite_file()).runs)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"s": 1000.0}
    monkeypatch.setattr(progress, "time", lambda: now["s"])
    return now


def _store(results: Path, specs: list[RunSpec]) -> Store:
    """Results of a suite that has begun and of which no run has ended."""
    store = Store(results, "tiny")
    entries = [
        {"run": s.id, "label": s.label, "variant": s.variant.name, "dataset": s.dataset_label, "seed": s.seed}
        for s in specs
    ]
    store.open("", entries, "ganbench run tiny", "")
    return store


def _half_done(store: Store, spec: RunSpec) -> None:
    """Run until the first evaluation is saved, and leave the workdir as a kill would."""
    workdir = store.workdir(spec.id)

    def stop(*_: object) -> None:
        if (workdir / "state.pt").exists():
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(spec, workdir, torch.device("cpu"), stop)


def _updated(specs: list[RunSpec], *shares: float) -> SuiteProgress:
    found = SuiteProgress(len(specs))
    for spec, share in zip(specs, shares, strict=False):
        found.update(JobReport(Job(spec, Path()), share, int(1000 * share)))
    return found


# Pace


def test_time_left_is_reckoned_from_the_first_lap_on(specs: list[RunSpec], clock: dict[str, float]) -> None:
    """Loading comes before it, and a resumed run begins in the middle."""
    found, job = SuiteProgress(4), Job(specs[0], Path())
    for s, share in ((0, 0.0), (60, 0.50), (70, 0.60), (80, 0.70)):
        clock["s"] = 1000.0 + s
        found.update(JobReport(job, share, int(10_000 * share)))
    (one,) = found.running.values()
    assert one.pace == pytest.approx(0.01)
    assert one.left == pytest.approx(30)
    assert one.rate == pytest.approx(100)


def test_nobody_knows_the_pace_before_the_second_lap(specs: list[RunSpec], clock: dict[str, float]) -> None:
    found = _updated(specs, 0.1)
    (one,) = found.running.values()
    assert all(math.isnan(number) for number in (one.pace, one.rate, one.left))
    assert math.isnan(SuiteProgress(3).left)


def test_the_whole_takes_as_long_as_what_was_done_says(specs: list[RunSpec], clock: dict[str, float]) -> None:
    found, job = SuiteProgress(4), Job(specs[0], Path())
    clock["s"] = 1010.0
    found.update(JobReport(job, 1.0, 10, "done"))
    assert (found.ended, found.done, found.left) == (1, 1, pytest.approx(30))
    clock["s"] = 1020.0
    found.update(JobReport(Job(specs[1], Path()), 1.0, 10, "diverged", "G.loss became nan"))
    assert found.failed == [(str(specs[1]), "diverged: G.loss became nan")]
    assert (found.ended, found.left, found.running) == (2, pytest.approx(20), {})


# The file


def test_what_is_noted_is_read_back_and_gone_at_the_end(specs: list[RunSpec], tmp_path: Path) -> None:
    _store(tmp_path, specs)
    found = _updated(specs, 0.25, 0.5)
    with Store(tmp_path, "tiny").claim() as us, progress_file(found, us.file) as note:
        found.updated += progress.NOTE_S
        note()
        seen = read_progress(tmp_path / "tiny")
        assert seen is not None
        assert json.dumps(asdict(seen)) == json.dumps(asdict(found))
        assert [one.title for one in seen.running.values()] == [str(spec) for spec in specs[:2]]
    assert read_progress(tmp_path / "tiny") is None
    assert not [*(tmp_path / "tiny" / ".unfinished").iterdir()]


def test_it_is_written_once_a_second_at_most(
    specs: list[RunSpec], tmp_path: Path, clock: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(tmp_path, specs)
    written: list[object] = []
    monkeypatch.setattr(progress, "write_json", lambda *_: written.append(clock["s"]))
    found = SuiteProgress(1)
    with Store(tmp_path, "tiny").claim() as us, progress_file(found, us.file) as note:
        for i in range(1000):
            clock["s"] = 1000.0 + i / 100
            found.update(JobReport(Job(specs[0], Path()), i / 1000, i))
            note()
    assert len(written) == 10


def test_a_disk_that_takes_nothing_ends_no_suite(specs: list[RunSpec], tmp_path: Path) -> None:
    with progress_file(SuiteProgress(1), tmp_path / "nowhere/driver.json") as note:
        note()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"total": 3}', '{"running": {"x": {"run": 1}}}', "\0"])
def test_half_a_file_is_no_file(tmp_path: Path, content: str) -> None:
    with Store(tmp_path.parent, tmp_path.name).claim() as us:
        us.file.write_text(content)
        assert read_progress(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"done": None}, {"done": "1"}, {"failed": 5}, {"failed": [5]}, {"total": 10**400}, {"running": []},
        *({"share": share} for share in ("x", None)), {"images": "x"}, {"images": 10**400}, {"updated": "y"},
        *({"first": first} for first in (5, [1], ["a", "b"])), {"seed": "x"}, {"label": 5}, {"judge": []},
    ],
)  # fmt: skip
def test_what_no_driver_writes_is_no_progress(specs: list[RunSpec], tmp_path: Path, change: dict[str, Any]) -> None:
    """Results may come from anybody."""
    found = asdict(_updated(specs, 0.5))
    (whose,) = (found,) if change.keys() <= found.keys() - {"updated"} else found["running"].values()
    file = tmp_path / ".unfinished/drivers/1-ab@elsewhere@x.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(found))
    assert read_progress(tmp_path) is not None
    whose.update(change)
    file.write_text(json.dumps(found))
    assert read_progress(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_neither_progress_nor_a_state(tmp_path: Path) -> None:
    file = tmp_path / ".unfinished/drivers/1-ab@elsewhere@x.json"
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    assert read_progress(tmp_path) is None
    assert progress.read_state(file) == {"scores": [], "losses": []}


# Results so far


def test_before_any_run_has_ended_all_are_missing(specs: list[RunSpec], tmp_path: Path) -> None:
    _store(tmp_path, specs)
    found = results_so_far(tmp_path)
    assert found.suite == "tiny" and list(found.runs["status"].unique()) == ["missing"]
    assert len(found.runs) == len(specs) and found.scores.empty and found.losses.empty


def test_scores_and_losses_of_a_run_under_way_are_there(specs: list[RunSpec], tmp_path: Path) -> None:
    store = _store(tmp_path, specs)
    spec = next(spec for spec in specs if spec.label == "gan")
    _half_done(store, spec)
    with store.claim() as us, progress_file(_updated([spec], 0.5), us.file):
        found = results_so_far(store.path)
    assert set(found.scores["run"]) == set(found.losses["run"]) == {spec.id}
    assert set(found.scores["checkpoint"]) == {"curve"} and found.scores["value"].notna().all()
    assert set(found.scores["judge"]) == {"truth"} and set(found.scores["label"]) == {"gan"}
    assert set(found.losses["curve"]) >= {"D.loss", "G.loss"}
    assert results_so_far(store.path).scores.empty, "nobody is at work any more"


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 half a zip", b"\x80\x02}q\x00."])
def test_half_a_state_is_no_state(specs: list[RunSpec], tmp_path: Path, damage: bytes) -> None:
    store = _store(tmp_path, specs)
    (store.workdir(specs[0].id) / "state.pt").write_bytes(damage)
    with store.claim() as us, progress_file(_updated(specs[:1], 0.5), us.file):
        assert results_so_far(store.path).scores.empty


def test_a_run_that_is_done_again_is_not_counted_twice(results_copy: Path, suite_file: Command) -> None:
    spec = next(spec for spec in suite.load(suite_file()).runs if spec.label == "gan")
    before = results_so_far(results_copy).scores
    store = Store(results_copy.parent, results_copy.name)
    (results_copy / ".unfinished").mkdir(exist_ok=True)
    _half_done(store, spec)
    with store.claim() as us, progress_file(_updated([spec], 0.5), us.file):
        assert len(results_so_far(results_copy).scores) == len(before)


def test_results_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadResults, match="holds no results"):
        results_so_far(tmp_path)


# Anything new?


def test_the_stamp_changes_with_what_can_be_seen(specs: list[RunSpec], tmp_path: Path) -> None:
    store = _store(tmp_path, specs)
    seen = [stamp(store.path)]
    _half_done(store, next(spec for spec in specs if spec.label == "gan"))
    with store.claim() as us, progress_file(_updated(specs, 0.5), us.file):
        seen.append(stamp(store.path))
        assert stamp(store.path) == seen[-1]
    folder = store.path / "abc"
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    seen.append(stamp(store.path))
    assert len(set(seen)) == 3
