"""However a run, its worker or the driver ends, it costs one run at most, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pandas as pd
import pytest

from ganbench.executors import Job
from ganbench.executors.local import Local
from ganbench.store import read
from ganbench.store.folder import Store
from ganbench.suite import loading as suite

Command = Callable[..., Any]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")

ONE = (
    (
        '[[variant]]\nname = "gan"\noptions = { width = 8, z_dim = 2 }',
        '[[variant]]\nname = "toys.py:{}"\nlabel = "toy"',
    ),
    ("seeds = 2", "seeds = 1"),
    ('["real", "noise"]', '["real"]'),
)


@pytest.fixture
def with_toy(suite_file: Command) -> Callable[..., Path]:
    """The smallest suite with a toy as its only variant, one seed, and one control."""

    def write(toy: str, *changes: tuple[str, str]) -> Path:
        path: Path = suite_file(*((old, new.replace("{}", toy)) for old, new in ONE), *changes)
        return path

    return write


def status(results: Path) -> dict[str, str]:
    found: dict[str, str] = read(results).runs.set_index("label")["status"].to_dict()
    return found


def is_alive(process: int) -> bool:
    """Whether there is such a process, and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(found: Callable[[], object], seconds: float = 600) -> None:
    end = monotonic() + seconds
    while not found():
        assert monotonic() < end
        sleep(0.02)


def descendants(process: int) -> set[int]:
    """All processes that a process has started, and those that they have."""
    try:
        children = set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
    except OSError:  # it has ended
        return set()
    return children.union(*map(descendants, children))


def started(*arguments: object) -> "subprocess.Popen[str]":
    code = "from ganbench.cli import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


# Workers


def test_a_run_that_was_killed_is_done_once_more_from_its_last_state(
    ganbench: Command, with_toy: Command, tmp_path: Path
) -> None:
    path = with_toy("KilledOnce")
    ran = ganbench("run", path, "--results", tmp_path / "once")
    assert ran.code == 0, ran.err
    assert "/2 toy on ring8, seed 0: to be done again, ended in" in ran.err
    assert ganbench("run", path, "--results", tmp_path / "whole").code == 0
    pd.testing.assert_frame_equal(read(tmp_path / "once").scores, read(tmp_path / "whole").scores, check_exact=True)


def test_a_second_kill_is_a_record_and_a_policy_may_ask_for_none(
    ganbench: Command, with_toy: Command, tmp_path: Path
) -> None:
    twice = ganbench("run", with_toy("Killed"), "--results", tmp_path / "twice")
    assert twice.code == 3 and status(tmp_path / "twice") == {"toy": "crashed", "real": "done"}
    (tmp_path / "toys.py").with_name("killed").unlink(missing_ok=True)
    path = with_toy("KilledOnce", ("seeds = 1", 'seeds = 1\non_failure = "record"'))
    once = ganbench("run", path, "--results", tmp_path / "once")
    assert once.code == 3 and status(tmp_path / "once") == {"toy": "crashed", "real": "done"}


def test_a_suite_may_stop_at_the_first_failure(ganbench: Command, with_toy: Command, tmp_path: Path) -> None:
    path = with_toy("Raises", ("seeds = 1", "seeds = 3"))
    ran = ganbench("run", path, "--results", tmp_path, "--on-failure", "stop", "--workers", 1)
    assert ran.code == 3
    assert "Stopped at the first failure" in ran.err
    assert read(tmp_path).runs["status"].value_counts().to_dict() == {"missing": 5, "failed": 1}


def test_a_worker_whose_child_survives_it_is_noticed_and_the_child_ended(with_toy: Command, tmp_path: Path) -> None:
    path = with_toy("Parent")
    (run, _) = suite.load(path).runs
    workdir = tmp_path / "workdir"
    workdir.mkdir()
    *_, last = Local("cpu", 1)([Job(run, workdir)])
    assert last.status == "crashed" and "SIGKILL" in last.reason and last.killed
    child = int((path.with_name("child")).read_text())
    wait_until(lambda: not is_alive(child))


def test_a_run_that_is_silent_and_ignores_sigterm_is_ended_after_the_limit(with_toy: Command, tmp_path: Path) -> None:
    run, _ = suite.load(with_toy("Sleeps")).runs
    executor = Local("cpu", 1)
    executor.silence_s = 6.0
    (tmp_path / "work").mkdir()
    *_, last = executor([Job(run, tmp_path / "work")])
    assert last.status == "crashed" and not last.killed
    assert "no sign of life for 0.1 minutes" in last.reason


def test_what_a_run_prints_is_in_its_log_and_not_in_the_drivers(
    ganbench: Command, with_toy: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = ganbench("run", with_toy("Talkative", ("updates = 20", "updates = 2")), "--results", tmp_path)
    assert ran.code == 0, ran.err
    captured = capfd.readouterr()
    assert len(ran.out + ran.err + captured.out + captured.err) < 10_000
    runs = read(tmp_path).runs.set_index("label")["run"]
    log = (tmp_path / "tiny" / runs["toy"] / "log.txt").read_text()
    assert 500_000 < len(log) < 1_100_000 and log.endswith("the last words\n")
    assert not (tmp_path / "tiny" / runs["real"] / "log.txt").exists(), "it said nothing"


@pytest.mark.parametrize(("toy", "reason"), [("Wordy", "ValueError: [31mred  xxx"), ("Wordless", "Mute: it does not")])
def test_what_a_plugin_raises_is_a_short_reason(
    ganbench: Command, with_toy: Command, tmp_path: Path, toy: str, reason: str
) -> None:
    ran = ganbench("run", with_toy(toy), "--results", tmp_path)
    assert ran.code == 3, ran.err
    run = read(tmp_path).runs.set_index("label").loc["toy"]
    assert run["status"] == "failed" and run["reason"].startswith(reason) and len(run["reason"]) <= 300
    assert "\x1b" not in ran.err and len(ran.err) < 5_000
    assert (tmp_path / "tiny" / run["run"] / "traceback.txt").stat().st_size <= 200_000


# Records


def test_a_full_disk_costs_the_run_that_met_it_and_the_same_command_does_it(
    ganbench: Command, with_toy: Command, tmp_path: Path
) -> None:
    path = with_toy("Full")
    ran = ganbench("run", path, "--results", tmp_path / "results")
    assert ran.code == 3, ran.err
    assert "toy on ring8, seed 0: lost in" in ran.err and "No space left on device" in ran.err
    assert status(tmp_path / "results") == {"toy": "missing", "real": "done"}
    path.with_name("mended").touch()
    assert ganbench("run", path, "--results", tmp_path / "results").code == 0
    assert status(tmp_path / "results") == {"toy": "done", "real": "done"}


def test_a_record_that_cannot_be_written_does_not_end_the_suite(
    ganbench: Command, with_toy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = Store.publish

    def fails_once(store: Store, run: str) -> None:
        monkeypatch.setattr(Store, "publish", publish)
        raise OverflowError("int too big to convert")

    monkeypatch.setattr(Store, "publish", fails_once)
    ran = ganbench("run", with_toy("Toy"), "--results", tmp_path, "--workers", 1)
    assert ran.code == 3 and "its record cannot be written: OverflowError" in ran.err
    assert status(tmp_path) == {"toy": "missing", "real": "done"}


# The driver


@pytest.fixture
def slow(with_toy: Command) -> Path:
    path: Path = with_toy("Waits", ("updates = 20", "updates = 40"))
    return path


def test_a_second_driver_of_the_same_suite_says_who_is_at_work(ganbench: Command, slow: Path, tmp_path: Path) -> None:
    first = started("run", slow, "--results", tmp_path)
    wait_until(lambda: [*tmp_path.glob("tiny/.unfinished/*/state.pt")])
    second = ganbench("run", slow, "--results", tmp_path)
    assert second.code == 2
    assert f"Another `ganbench run` is at work in {tmp_path / 'tiny'}: process {first.pid} on" in second.err
    slow.with_name("hurry").touch()
    assert first.wait(600) == 0, first.communicate()
    assert ganbench("run", slow, "--results", tmp_path).code == 0


def test_two_drivers_share_the_runs_of_a_folder(ganbench: Command, suite_file: Command, tmp_path: Path) -> None:
    """Each run is done once; and the runs of one that is killed are done by the other."""
    suite = suite_file(
        ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Waits"'), ("seeds = 2", "seeds = 6"),
        ("updates = 20", "updates = 40"), ('["real", "noise"]', "[]"),
    )  # fmt: skip
    results = tmp_path / "results"
    command = ("run", suite, "--results", results, "--workers", 1)
    first = started(*command)
    wait_until(lambda: [*results.glob("tiny/.unfinished/*/state.pt")])
    second = started(*command, "--join")
    wait_until(lambda: len([*results.glob("tiny/.unfinished/*/state.pt")]) == 2)
    assert json.loads(ganbench("status", results, "--json").out)["driver"].count("process") == 2
    first.kill()
    first.wait()
    suite.with_name("hurry").touch()
    _, err = second.communicate(timeout=600)
    assert second.returncode == 0, err
    assert status(results) == {"toys.py:Waits": "done"} and (read(results).runs["status"] == "done").all()
    assert not [*results.glob("tiny/.unfinished/*")]
    whole = tmp_path / "whole"
    assert ganbench("run", suite, "--results", whole).code == 0
    pd.testing.assert_frame_equal(read(results).scores, read(whole).scores, check_exact=True)


def test_nothing_outlives_a_driver_that_was_killed(slow: Path, tmp_path: Path) -> None:
    from ganbench.suite.progress import read_progress

    driver = started("run", slow, "--results", tmp_path)
    wait_until(lambda: [*tmp_path.glob("tiny/.unfinished/*/state.pt")])
    assert read_progress(tmp_path / "tiny")
    left = descendants(driver.pid)
    assert len(left) >= 2
    driver.kill()
    driver.wait()
    wait_until(lambda: not any(map(is_alive, left)), 60)
    assert read_progress(tmp_path / "tiny") is None, "nobody is at work"


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_driver_is_ctrl_c(slow: Path, tmp_path: Path, signal_: signal.Signals) -> None:
    usual = signal.signal(signal_, signal.SIG_DFL)  # under nohup SIGHUP is ignored, by children too
    try:
        driver = started("run", slow, "--results", tmp_path)
    finally:
        signal.signal(signal_, usual)
    wait_until(lambda: [*tmp_path.glob("tiny/.unfinished/*/state.pt")])
    os.killpg(driver.pid, signal_)  # to all of them, as a terminal or Slurm does
    _, err = driver.communicate(timeout=600)
    assert driver.returncode == 130 and "Stopped. What is finished is kept" in err and "Traceback" not in err
    assert [*tmp_path.glob("tiny/.unfinished/*/state.pt")], "from here it goes on"
    assert not [*tmp_path.glob("tiny/*/run.json")] or status(tmp_path) == {"toy": "missing", "real": "done"}


def test_an_error_that_nobody_foresaw_is_not_exit_code_1(
    ganbench: Command, with_toy: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (RuntimeError("a bug"), EOFError("a file that ends")):

        def fails(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr("ganbench.interface.planned", fails)
        ran = ganbench("run", with_toy("Toy"))
        assert ran.code == 70 and f"{type(error).__name__}: {error}" in ran.err


@pytest.mark.parametrize("end", ["sys.exit(1)", "sys.exit(0)", "sys.exit('no')", "exit()", "raise GeneratorExit"])
def test_no_plugin_chooses_the_exit_code(ganbench: Command, tmp_path: Path, end: str) -> None:
    (tmp_path / "mine.py").write_text(f"import sys\ndef make(n):\n    {end}\n")
    ran = ganbench("evaluate", f"{tmp_path}/mine.py:make", "--dataset", "ring8", "--count", 10)
    assert ran.code == 70 and "mine.py" in ran.err, ran.err


def test_the_progress_of_a_driver_says_which_process_it_is(with_toy: Command, tmp_path: Path) -> None:
    from ganbench.suite.progress import SuiteProgress, progress_file

    store = Store(tmp_path, "tiny")
    with store.claim() as us, progress_file(SuiteProgress(1), us.file):
        written = json.loads(us.file.read_text())
    assert written["driver"].startswith(f"process {os.getpid()} on ")
