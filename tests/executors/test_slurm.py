"""The executor of docs/executors.md, a stranger's: with submitit's processes in place of Slurm's nodes."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ganbench import plugins
from ganbench.store import read

pytest.importorskip("submitit")
Command = Callable[..., Any]


@pytest.fixture
def run(ganbench: Command, resources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`ganbench run` with the package installed."""
    package, real = resources / "slurm_package", plugins._installed
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.setenv("PYTHONPATH", str(package))
    slurm = EntryPoint("slurm", "slurm_executor:Slurm", "ganbench.executors")
    monkeypatch.setattr(
        plugins, "_installed", lambda kind: EntryPoints([*real(kind), *([slurm] if kind == "executors" else [])])
    )
    options = [f"--executor-option={option}" for option in ("cluster=local", f"logs={tmp_path / 'logs'}")]
    return lambda suite, *rest: ganbench("run", suite, "--executor", "slurm", *options, "--workers", 2, *rest)


def test_records_are_those_of_one_machine_to_the_bit(
    run: Callable[..., Any], suite_file: Command, finished: Path, tmp_path: Path
) -> None:
    ran = run(suite_file(), "--results", tmp_path / "slurm")
    assert ran.code == 0, ran.err
    one, other = read(tmp_path / "slurm"), read(finished)
    pd.testing.assert_frame_equal(one.scores, other.scores, check_exact=True)
    pd.testing.assert_frame_equal(one.losses, other.losses, check_exact=True)
    assert not [*one.path.glob("*/report.json")]


def test_a_run_that_is_killed_is_done_once_more_and_is_a_row(
    run: Callable[..., Any], suite_file: Command, tmp_path: Path
) -> None:
    suite = suite_file(
        ('name = "gan"\noptions = { width = 8, z_dim = 2 }', 'name = "toys.py:Killed"\nlabel = "toy"'),
        ("seeds = 2", "seeds = 1"),
        ('["real", "noise"]', "[]"),
    )
    ran = run(suite, "--results", tmp_path / "slurm")
    assert ran.code == 3 and "to be done again" in ran.err
    assert read(tmp_path / "slurm").runs["status"].tolist() == ["crashed"]


def test_an_option_that_is_not_there_is_an_error(run: Callable[..., Any], suite_file: Command) -> None:
    ran = run(suite_file(), "--executor-option=minuts=3")
    assert ran.code == 2 and "No 'minuts' among the options of slurm. Did you mean 'minutes'?" in ran.err
    ran = run(suite_file(), "--executor-option=minutes=soon")
    assert ran.code == 2 and "Option 'minutes' of slurm: found 'soon'" in ran.err
    ran = run(suite_file(), "--executor-option=minutes")
    assert ran.code == 2 and "needs NAME=VALUE" in ran.err
