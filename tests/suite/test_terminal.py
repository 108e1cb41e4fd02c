"""The terminal while a suite runs: bars, best rows, failures; in a log, lines."""

import json
from collections import defaultdict
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from ganbench.executors import Job, JobReport
from ganbench.runs.spec import RunSpec
from ganbench.suite import loading as suite
from ganbench.suite import terminal as live
from ganbench.suite.progress import RunProgress, SuiteProgress

Command = Callable[..., Any]
HOSTILE = "[red]\x1b[31m<b>[/red]"


@pytest.fixture
def specs(suite_file: Command) -> list[RunSpec]:
    return list(suite.load(suite_file()).runs)


def _record(folder: Path, label: str, value: float, control: bool = False, status: str = "done") -> str:
    folder.mkdir()
    summary = {"label": label, "dataset": "ring8", "control": control}
    run = {"status": status, "summary": summary, "conditions": {"select": "fid"}}
    (folder / "run.json").write_text(json.dumps(run))
    row = {"checkpoint": "last", "metric": "fid", "direction": "lower", "value": value}
    pd.DataFrame([row, {**row, "checkpoint": "selected", "value": -1.0}]).to_parquet(folder / "scores.parquet")
    return folder.name


def _terminal(width: int = 120) -> Console:
    return Console(file=StringIO(), force_terminal=True, width=width, color_system=None, _environ={"TERM": "xterm"})


def _shown(renderable: Any, width: int = 120) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def _running(title: str = "gan", share: float = 0.5, images: int = 10_000) -> RunProgress:
    return RunProgress(
        "quick", "id", "gan", title, "ring8", 0, "truth", share, images, updated=150.0, first=(0.0, 100.0)
    )


def test_a_run_has_a_bar_a_rate_and_its_time_left() -> None:
    found = SuiteProgress(8, began=100.0, updated=150.0, running={"a": _running()}, done=1)
    lines = _shown(live.board(found, {})).splitlines()
    assert lines[0].startswith("1 of 8 runs") and "19%" in lines[0] and lines[0].rstrip().endswith("3 min 37 s left")
    assert lines[1].startswith("gan on ring8, seed 0") and "50%" in lines[1]
    assert "200 images/s" in lines[1] and lines[1].rstrip().endswith("50 s left")


def test_a_run_at_the_end_of_its_budget_is_being_judged() -> None:
    assert "judging" in _shown(live.board(SuiteProgress(1, running={"a": _running(share=1.0)}), {}))


def test_nothing_is_said_that_nobody_knows() -> None:
    shown = _shown(
        live.board(SuiteProgress(3, running={"a": RunProgress("quick", "a", "gan", "gan", "ring8", 0, "truth")}), {})
    )
    assert "nan" not in shown and "left" not in shown


def test_the_best_rows_so_far_are_means_over_seeds_without_controls(tmp_path: Path) -> None:
    best: live.Best = defaultdict(lambda: defaultdict(list))
    for i, (label, value) in enumerate([("a", 3.0), ("a", 5.0), ("b", 2.0), ("c", 9.0), ("d", 99.0)]):
        live._add(best, tmp_path / _record(tmp_path / str(i), label, value))
    live._add(best, tmp_path / _record(tmp_path / "real", "real", 0.0, control=True))
    live._add(best, tmp_path / _record(tmp_path / "lost", "lost", 0.0, status="diverged"))
    shown = _shown(live.board(SuiteProgress(9), best), 200)
    assert "Best so far on ring8, fid: b 2, 1 seed;  a 4 [-8.71, 16.7], 2 seeds;  c 9, 1 seed" in shown
    assert not {"real", "lost", "99"} & {*shown.replace(",", " ").split()}


def test_names_are_text(tmp_path: Path) -> None:
    best: live.Best = defaultdict(lambda: defaultdict(list))
    live._add(best, tmp_path / _record(tmp_path / "a", HOSTILE, 1.0))
    shown = _shown(live.board(SuiteProgress(1, running={"a": _running(HOSTILE)}), best))
    assert shown.count("[red]") == 2 and "\x1b" not in shown


@pytest.mark.parametrize("width", [20, 40, 300])
def test_it_fits_any_terminal(width: int) -> None:
    found = SuiteProgress(8, running={str(i): _running("x" * 300) for i in range(4)})
    assert all(len(line) <= width for line in _shown(live.board(found, {}), width).splitlines())


def test_failures_stay_above_the_board(specs: list[RunSpec], tmp_path: Path) -> None:
    console, found = _terminal(), SuiteProgress(len(specs))
    with live.display(found, tmp_path, [], console) as hear:
        hear(JobReport(Job(specs[0], tmp_path), 0.3, 5, "crashed", "[bold]exit code 7[/bold]"))
    assert f"{specs[0]}: crashed. [bold]exit code 7[/bold]" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_log_has_a_line_for_each_end_and_a_word_in_long_silence(
    specs: list[RunSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = {"s": 0.0}
    monkeypatch.setattr(live, "monotonic", lambda: now["s"])
    console, found = Console(file=StringIO(), width=500), SuiteProgress(len(specs))
    job = Job(specs[0], tmp_path)
    with live.display(found, tmp_path, [], console) as hear:
        for s, share, status in ((0, 0.0, ""), (100, 0.1, ""), (250, 0.2, ""), (300, 0.3, ""), (310, 1.0, "done")):
            now["s"] = s
            report = JobReport(job, share, 100, status)
            found.update(report)
            hear(report)
    first, second = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert first.startswith(f"0/{len(specs)} ended; {specs[0]}: 20%")
    assert second == f"1/{len(specs)} {specs[0]}: done in 310 s"


def test_a_dumb_terminal_gets_lines(specs: list[RunSpec], tmp_path: Path) -> None:
    console = Console(file=StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    with live.display(SuiteProgress(1), tmp_path, [], console) as hear:
        hear(JobReport(Job(specs[0], tmp_path), 0.5, 5))
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]
