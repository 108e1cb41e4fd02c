"""How a suite stands, for people and for programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganbench.executors import Job, JobReport
from ganbench.runs.spec import RunSpec
from ganbench.store.folder import Store
from ganbench.suite import loading, progress
from ganbench.suite.progress import SuiteProgress, progress_file
from ganbench.suite.status import as_json, as_lines, status_of

Command = Callable[..., Any]


@pytest.fixture
def specs(suite_file: Command) -> list[RunSpec]:
    return list(loading.load(suite_file()).runs)


def test_done_missing_and_failed_runs_are_counted(ganbench: Command, results_copy: Path) -> None:
    first, second, *_ = sorted(results_copy.glob("*/run.json"))
    record = json.loads(first.read_text())
    first.write_text(json.dumps({**record, "status": "crashed", "reason": "the power\x1b went off"}))
    second.unlink()
    ran = ganbench("status", results_copy)
    head, line = ran.out.splitlines()
    assert ran.code == 0
    assert head == "tiny: 4 of 6 runs done, 1 crashed, 1 missing; no driver is at work."
    assert line.startswith("  crashed ") and line.endswith(": the power? went off")
    found = json.loads(ganbench("status", results_copy.parent, "--json").out)
    assert (found["runs"], found["done"], len(found["missing"]), found["driver"]) == (6, 4, 1, None)
    assert found["failed"]["crashed"][0]["reason"] == "the power? went off"


def test_a_run_under_way_has_a_rate_and_an_end(
    specs: list[RunSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, "tiny")
    entries = [{"run": s.id, "label": s.label, "dataset": s.dataset_label, "seed": s.seed} for s in specs]
    now = 1000.0
    monkeypatch.setattr(progress, "time", lambda: now)
    found = SuiteProgress(len(specs))
    with store.claim() as us, progress_file(found, us.file) as note:
        store.open("", entries, "ganbench run tiny", "")
        for share in (0.0, 0.25, 0.5):
            now += 10
            found.update(JobReport(Job(specs[0], tmp_path), share, int(1000 * share)))
        note()
        status = status_of(tmp_path)
    (one,) = as_json(status)["running"]
    assert (one["title"], one["share"], one["images_per_second"], one["seconds_left"]) == (
        str(specs[0]),
        0.5,
        25.0,
        20.0,
    )
    assert as_json(status)["runs"] == 6 and len(status.missing) == 5
    assert as_lines(status)[1] == f"  running   {specs[0]}: 50%, 25 images/s, 20 s left"


def test_what_is_no_suite_is_an_error(ganbench: Command, tmp_path: Path) -> None:
    ran = ganbench("status", tmp_path)
    assert ran.code == 2 and "holds no results of ganbench" in ran.err
