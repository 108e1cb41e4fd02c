"""However a run ends it becomes a row with a reason, touches no other, and is done again when it should be."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pandas as pd
import pytest

from ganbench.executors import Job, JobReport, gpus, local
from ganbench.executors.apart import apart
from ganbench.executors.gpus import least_busy, runs_per_gpu
from ganbench.executors.local import Local, workers_and_threads
from ganbench.store import read
from ganbench.suite import loading as suite

Command = Callable[..., Any]

ENDINGS = {
    "raises": ("failed", "KeyError: 'a wheel came off'"),
    "killed": (
        "crashed",
        "the process ended with signal SIGKILL, as the system does when memory runs out, after 0 images",
    ),
    "diverges": ("diverged", "G.loss became nan within 8 images"),
    "exits": ("crashed", "the process ended with exit code 7, after 0 images"),
    "moody": ("failed", "OSError: not in the mood"),
    "good": ("done", ""),
}
METRICS = {"modes", "modes_third", "high_quality", "reverse_kl", "reverse_kl_third", "ct"}


@pytest.fixture(scope="module")
def failing(ganbench: Command, resources: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Results of a suite of which all but one run fail, and what the command said."""
    results = tmp_path_factory.mktemp("failing")
    return results, ganbench("run", resources / "failing.toml", "--results", results)


def written(results: Path) -> dict[str, int]:
    """When each record was written."""
    return {file.parent.name: file.stat().st_mtime_ns for file in results.glob("*/*/run.json")}


# Endings


@pytest.mark.parametrize("label", ENDINGS)
def test_however_a_run_ends_it_is_a_row_with_its_reason(failing: tuple[Path, Any], label: str) -> None:
    run = read(failing[0]).runs.set_index("label").loc[label]
    assert (run["status"], run["reason"]) == ENDINGS[label]


def test_a_run_without_an_end_owes_every_score_of_the_board(failing: tuple[Path, Any]) -> None:
    scores = read(failing[0]).scores
    for label, (status, _) in ENDINGS.items():
        rows = scores[(scores["label"] == label) & (scores["checkpoint"] != "curve")]
        assert {(row.checkpoint, row.metric) for row in rows.itertuples()} == {
            (checkpoint, metric) for checkpoint in ("last", "selected") for metric in METRICS
        }
        assert rows["value"].notna().all() == (status == "done")
        assert set(rows["status"]) == {status}


def test_the_command_says_how_each_run_ended_and_ends_with_3(failing: tuple[Path, Any]) -> None:
    _, ran = failing
    assert ran.code == 3
    for label, (status, reason) in ENDINGS.items():
        (line,) = [line for line in ran.err.splitlines() if f"/6 {label} on ring8, seed 0: {status} in " in line]
        assert line.endswith(reason)
    assert "5 run(s) failed; the report says why, and --retry does them again." in ran.err
    assert "good" in ran.out


def test_the_report_of_failures_is_written(failing: tuple[Path, Any]) -> None:
    page = (failing[0] / "failing" / "report.html").read_text()
    assert "a wheel came off" in page and "SIGKILL" in page


def test_a_traceback_is_kept_for_whoever_wrote_the_variant(failing: tuple[Path, Any]) -> None:
    found = read(failing[0])
    run = found.runs.set_index("label").loc["raises", "run"]
    assert 'raise KeyError("a wheel came off")' in (found.path / run / "traceback.txt").read_text()


def test_there_are_no_samples_of_a_run_that_failed(
    failing: tuple[Path, Any], ganbench: Command, tmp_path: Path
) -> None:
    found = read(failing[0])
    run = found.path / found.runs.set_index("label").loc["killed", "run"]
    ran = ganbench("sample", run, "--out", tmp_path / "s.npz")
    assert ran.code == 2
    assert f"{run} has no selected.safetensors: the run ended as 'crashed'. the process ended with signal" in ran.err


# Again


def test_the_same_command_does_only_what_is_missing(ganbench: Command, suite_file: Command, results_copy: Path) -> None:
    gone = read(results_copy).runs["run"].iloc[3]
    before = written(results_copy.parent)
    for file in (results_copy / gone).iterdir():
        file.unlink()
    (results_copy / gone).rmdir()
    ran = ganbench("run", suite_file(), "--results", results_copy.parent)
    assert ran.code == 0
    assert "1/1 gan on ring8, seed 1: done" in ran.err
    after = written(results_copy.parent)
    assert after.pop(gone) > before.pop(gone)
    assert after == before


def test_a_seed_more_is_a_run_more(ganbench: Command, suite_file: Command, results_copy: Path) -> None:
    before = written(results_copy.parent)
    ran = ganbench("run", suite_file(("seeds = 2", "seeds = 3")), "--results", results_copy.parent, "--only", "real")
    assert "1/1 real on ring8, seed 2: done" in ran.err
    assert written(results_copy.parent).items() > before.items()
    assert read(results_copy).runs["status"].value_counts().to_dict() == {"done": 7, "missing": 2}


def test_what_failed_is_done_again_only_when_asked(ganbench: Command, suite_file: Command, tmp_path: Path) -> None:
    path, results = suite_file(of="failing"), tmp_path / "results"
    command = ("run", path, "--results", results, "--only", "[mg]o*")
    assert ganbench(*command).code == 3
    before = written(results)
    path.with_name("mended").touch()

    ran = ganbench(*command)
    assert (ran.code, written(results)) == (3, before)
    assert "1 run(s) failed" in ran.err

    ran = ganbench(*command, "--retry")
    assert ran.code == 0
    assert "1/1 moody on ring8, seed 0: done" in ran.err
    runs = read(results).runs.set_index("label")
    assert runs.loc["moody", "status"] == "done"
    assert written(results)[runs.loc["good", "run"]] == before[runs.loc["good", "run"]]
    assert not (results / "failing" / runs.loc["moody", "run"] / "traceback.txt").exists()


# Interrupted


# Whoever tests in the background has told its children not to listen to Ctrl-C.
LISTENING = """
import signal
from ganbench.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


def wait_for(found: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = monotonic() + 600
    while not found():
        assert process.poll() is None, process.communicate()
        assert monotonic() < end
        sleep(0.005)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_ctrl_c_amid_all_imports_is_no_traceback(suite_file: Command, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, "run", str(suite_file()), "--results", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    # The server that workers are forked from: a terminal sends it what it sends the command.
    wait_for(lambda: Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().strip(), process)
    sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130 and "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_stops_at_once_and_the_same_command_goes_on_to_the_same_scores(
    ganbench: Command, suite_file: Command, tmp_path: Path
) -> None:
    path = suite_file(
        ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Waits"'),
        ('["real", "noise"]', '["real"]'),
        ("updates = 20", "updates = 60"),
        ("evaluations = 2", "evaluations = 6"),
    )
    command = ["run", path, "--workers", 1, "--device", "cpu", "--results"]
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, *map(str, [*command, stopped])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: [*stopped.glob("tiny/.unfinished/*/state.pt")], process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, out) == (130, "")
    assert "Stopped. What is finished is kept; the same command goes on from here." in err
    assert "Traceback" not in err
    (state,) = stopped.glob("tiny/.unfinished/*/state.pt")
    assert not (state.parent / "run.json").exists()
    assert not (stopped / "tiny" / state.parent.name).exists()

    path.with_name("hurry").touch()
    assert ganbench(*command, stopped).code == ganbench(*command, whole).code == 0
    one, other = read(stopped), read(whole)
    assert set(one.runs["status"]) == {"done"}
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)
    pd.testing.assert_frame_equal(one.losses, other.losses, check_exact=True)
    ledgers = [found.runs.set_index("run")[["images", "d_updates", "g_updates", "flops"]] for found in (one, other)]
    pd.testing.assert_frame_equal(*ledgers)


# The executor by itself


@pytest.fixture
def jobs(suite_file: Command, tmp_path: Path) -> list[Job]:
    found = []
    for run in suite.load(suite_file()).runs:
        workdir = tmp_path / run.id
        workdir.mkdir()
        found.append(Job(run, workdir))
    return found


def test_every_job_is_reported_from_its_beginning_to_its_end(jobs: list[Job]) -> None:
    by_run: dict[str, list[JobReport]] = {}
    running = 0
    for report in Local("cpu", workers=2)(jobs):
        known = by_run.setdefault(report.job.spec.id, [])
        running += (not known) - bool(report.status)
        known.append(report)
        assert 0 <= running <= 2
    assert [*by_run] == [job.spec.id for job in jobs], "they begin in the order in which they were given"
    for job in jobs:
        reports = by_run[job.spec.id]
        assert [report.status for report in reports] == [""] * (len(reports) - 1) + ["done"]
        shares = [report.share for report in reports]
        assert (shares[0], shares[-1]) == (0, 1) and shares == sorted(shares)
        assert json.loads((job.workdir / "run.json").read_text())["status"] == "done"


def test_closing_the_reports_ends_what_is_running(suite_file: Command, tmp_path: Path) -> None:
    path = suite_file(
        ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Waits"'),
        ("updates = 20", "updates = 40"),
    )
    run = suite.load(path).runs[0]
    reports: Iterator[JobReport] = Local("cpu", workers=1)([Job(run, tmp_path)])
    assert next(reports).status == ""
    reports.close()  # else it would wait for ever
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(("threads", "workers"), [(1, 1), (1, 4), (2, 1), (2, 4)])
def test_a_run_on_a_cpu_has_the_threads_of_its_suite_whatever_the_workers(
    suite_file: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, workers: int
) -> None:
    monkeypatch.setattr("ganbench.executors.local.cores", lambda: 4)
    run = suite.load(suite_file(("seeds = 2", f"seeds = 1\nthreads = {threads}"))).runs[0]
    (tmp_path / "work").mkdir()
    assert [*Local("cpu", workers)([Job(run, tmp_path / "work")])][-1].status == "done"
    record = json.loads((tmp_path / "work" / "run.json").read_text())
    assert (record["conditions"]["threads"], record["spec"]["threads"]) == (threads, threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_scores_and_samples_are_equal_to_the_bit_with_one_worker_and_with_two(
    ganbench: Command, suite_file: Command, tmp_path: Path, threads: int
) -> None:
    path = suite_file(("seeds = 1", f"seeds = 2\nthreads = {threads}"), of="digits")
    found = []
    for workers in (1, 2):
        results = tmp_path / str(workers)
        assert ganbench("run", path, "--results", results, "--workers", workers, "--device", "cpu").code == 0
        samples = {file.parent.name: file.read_bytes() for file in results.glob("digits/*/samples.npy")}
        found.append(
            (read(results / "digits").scores.sort_values(["run", "checkpoint", "metric"], ignore_index=True), samples)
        )
    (one, of_one), (two, of_two) = found
    assert len(of_one) == 2 and of_one == of_two
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_cores_are_shared_among_workers_and_a_gpu_is_not_shared() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    assert workers_and_threads("cpu", None) == (cores, 1)
    assert workers_and_threads("cpu", 1) == (1, 1), "a run of more threads is one of other numbers"
    assert workers_and_threads("cpu", 10 * cores) == (10 * cores, 1)
    assert workers_and_threads("cuda", None) == (1, cores)


# Files that change


@pytest.mark.parametrize(("added", "status"), [("# a comment\n", "done"), ("LATER = 1\n", "lost")])
def test_a_run_whose_code_has_changed_since_it_got_its_id_is_not_done_under_it(
    suite_file: Command, tmp_path: Path, added: str, status: str
) -> None:
    path = suite_file(('"gan"', '"toys.py:Toy"'), ("options = { width = 8, z_dim = 2 }", ""))
    run = next(run for run in apart(suite.load, path).runs if run.variant.name == "toys.py:Toy")
    with path.with_name("toys.py").open("a") as toys:
        toys.write(added)
    workdir = tmp_path / "work"
    workdir.mkdir()
    *_, last = Local("cpu", 1)([Job(run, workdir)])
    assert last.status == status, last.reason
    assert status == "done" or "has changed since the suite was read" in last.reason


def test_a_plugin_may_change_the_current_folder(
    suite_file: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = suite_file(('"gan"', '"moves.py:Toy"'), ("options = { width = 8, z_dim = 2 }", ""))
    path.with_name("moves.py").write_text("import os\nfrom toys import Toy\nos.chdir(os.sep)\n")
    monkeypatch.chdir(tmp_path)
    run = next(run for run in apart(suite.load, path).runs if run.variant.name == "moves.py:Toy")
    Path("work").mkdir()
    *_, last = Local("cpu", 1)([Job(run, Path("work"))])
    assert last.status == "done", last.reason
    assert (tmp_path / "work/run.json").exists()


# GPUs, with stand-ins


GIB = 1 << 30


def test_a_gpu_is_shared_by_as_many_runs_as_its_memory_holds() -> None:
    """Each takes a gibibyte more than its tensors; CUDA's service, which lets them run side by side, allows more."""
    assert runs_per_gpu(80 * GIB, GIB, cores=16, mps=False) == 4
    assert runs_per_gpu(80 * GIB, GIB, cores=16, mps=True) == 8
    assert runs_per_gpu(80 * GIB, 30 * GIB, cores=16, mps=True) == 2
    assert runs_per_gpu(80 * GIB, GIB, cores=3, mps=True) == 3
    assert runs_per_gpu(GIB, GIB, cores=16, mps=True) == 1, "one runs, whatever becomes of it"


def test_workers_of_gpus_follow_the_memory_unless_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "count_gpus", lambda: 2)
    monkeypatch.setattr(gpus, "free_memory", lambda devices: 80 * GIB)
    monkeypatch.setattr(local, "cores", lambda: 8)
    monkeypatch.setattr(gpus, "mps_runs", lambda: True)
    free, asked = Local("cuda"), Local("cuda", 3)
    assert (free.workers, asked.workers, free.devices) == (2, 3, 2)
    free.share(0)
    assert free.workers == 2, "nobody knows what a run takes"
    free.share(GIB)
    asked.share(GIB)
    assert (free.workers, free.threads, asked.workers) == (8, 1, 3)


def test_each_run_goes_to_the_gpu_that_does_the_fewest() -> None:
    busy = list[str]()
    for _ in range(4):
        busy.append(least_busy(2, busy))
    assert busy == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert least_busy(2, busy[1:]) == "cuda:0"
    assert Local("cpu", 2)._device_for([]) == "cpu"


def test_cudas_service_is_known_by_its_pipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert not gpus.mps_runs()
    (tmp_path / "control").touch()
    assert gpus.mps_runs()
