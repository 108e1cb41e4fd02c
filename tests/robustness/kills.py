"""Twenty kills at moments of all kinds, after each of which the same command ends with the same scores to the bit.

For `nox -s robustness`: five minutes.
"""

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pandas as pd
import pytest
from test_ends import descendants, is_alive, started, wait_until

from ganbench.store import read

Command = Callable[..., Any]

# What there is to be seen of a moment; the driver works in `tiny` below the results.
MOMENTS: dict[str, Callable[[Path], object]] = {
    "beginning": lambda suite: (suite / "suite.json").exists(),
    "training": lambda suite: [*suite.glob(".unfinished/*/state.pt")],
    "evaluating": lambda suite: [*suite.glob(".unfinished/*/.state.pt.*.draft")],
    "publishing": lambda suite: [*suite.glob(".unfinished/*/run.json")] or [*suite.glob("*/run.json")],
    "writing the page": lambda suite: [*suite.glob(".report.html.*.draft")] or (suite / "report.html").exists(),
}
VICTIMS = ("driver", "worker")
TRIALS = [(moment, victim, seed) for moment in MOMENTS for victim in VICTIMS for seed in (0, 1)]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite")
    text = (Path(__file__).parent.parent / "resources/tiny.toml").read_text()
    text = text.replace("updates = 20", "updates = 60").replace("evaluations = 2", "evaluations = 6")
    (folder / "tiny.toml").write_text(text)
    return folder / "tiny.toml"


@pytest.fixture(scope="module")
def whole(suite: Path, ganbench: Command) -> pd.DataFrame:
    """The scores of a driver that nobody killed."""
    results = suite.parent / "whole"
    assert ganbench("run", suite, "--results", results, "--workers", 2).code == 0
    return read(results).scores


def kill(driver: Any, victim: str, draw: random.Random) -> None:
    sleep(draw.random() * 0.1)
    workers = [child for child in descendants(driver.pid) if b"forkserver" in _command(child)]
    for process in [driver.pid] if victim == "driver" else draw.sample(workers, min(1, len(workers))):
        with suppress(ProcessLookupError):  # it has ended by itself a moment ago
            os.kill(process, signal.SIGKILL)


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def test_there_are_twenty_trials() -> None:
    assert len(TRIALS) == 20


@pytest.mark.parametrize(("moment", "victim", "seed"), TRIALS)
def test_whoever_is_killed_whenever_the_end_is_the_same(
    suite: Path, whole: pd.DataFrame, ganbench: Command, tmp_path: Path, moment: str, victim: str, seed: int
) -> None:
    driver = started("run", suite, "--results", tmp_path, "--workers", 2)
    end = monotonic() + 600
    while driver.poll() is None and not MOMENTS[moment](tmp_path / "tiny") and monotonic() < end:
        sleep(0.001)
    left: set[int] = set()
    if driver.poll() is None:
        left = descendants(driver.pid)
        kill(driver, victim, random.Random(f"{moment} {victim} {seed}"))
    if victim == "driver":
        driver.wait(600)
        wait_until(lambda: not any(map(is_alive, left)), 60)
    else:
        driver.communicate(timeout=600)
    again = ganbench("run", suite, "--results", tmp_path, "--workers", 2, "--retry")
    assert again.code == 0, again.err
    pd.testing.assert_frame_equal(read(tmp_path).scores, whole, check_exact=True)
    assert not [*tmp_path.glob("tiny/.unfinished/*/run.json")]


def test_a_disk_that_fills_loses_what_did_not_fit_and_nothing_else(
    suite: Path, whole: pd.DataFrame, ganbench: Command, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=200k tmpfs {disk} 2> /dev/null"):
        pytest.skip("needs the right to mount a small disk")
    try:
        ran = ganbench("run", suite, "--results", disk)
        assert ran.code in (2, 3), ran.err
        assert "No space left on device" in ran.err and "Traceback" not in ran.err
        assert os.system(f"mount -o remount,size=100m {disk}") == 0
        again = ganbench("run", suite, "--results", disk)
        assert again.code == 0, again.err
        pd.testing.assert_frame_equal(read(disk).scores, whole, check_exact=True)
    finally:
        os.system(f"umount {disk}")
