"""A thousand malformed suites read in one process, and forty by the command. For `nox -s robustness`."""

import subprocess
import sys
from pathlib import Path

import pytest
from malformed import all_malformed
from test_suites import refused

SUITES = all_malformed()


def test_there_are_a_thousand() -> None:
    assert len(SUITES) >= 1_000 and len({one.text for one in SUITES}) > 990


@pytest.mark.parametrize("number", range(len(SUITES)))
def test_a_malformed_suite_is_refused(tmp_path: Path, number: int) -> None:
    refused(tmp_path, SUITES[number])


@pytest.mark.parametrize("number", [*range(14), *range(14, len(SUITES), len(SUITES) // 26)][:40])
def test_the_command_ends_with_2(tmp_path: Path, number: int) -> None:
    path = tmp_path / "malformed.toml"
    path.write_bytes(SUITES[number].text)
    command = [sys.executable, "-m", "ganbench", "run", path, "--results", tmp_path / "results"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 2, ran.stderr
    assert str(path) in ran.stderr and "Traceback" not in ran.stderr and ran.stdout == ""
    assert [*tmp_path.iterdir()] == [path]
