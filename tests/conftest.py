"""The command line in this process, the suites of `tests/resources`, and the results of the smallest."""

import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest
import torch

RESOURCES = Path(__file__).parent / "resources"


class Ran(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture(scope="session")
def resources() -> Path:
    return RESOURCES


@pytest.fixture(scope="session")
def ganbench() -> Command:
    """`ganbench("run", suite)` as the shell would do it, without the seconds that a new process takes to import."""
    from ganbench.cli import main

    def run(*arguments: object) -> Ran:
        out, err, threads = StringIO(), StringIO(), torch.get_num_threads()
        with (
            patch.object(sys, "argv", ["ganbench", *map(str, arguments)]),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        torch.set_num_threads(threads)
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def suite_file(tmp_path: Path) -> Callable[..., Path]:
    """`suite_file(("seeds = 2", "seeds = 3"))`: a copy of a suite, changed, with the toys beside it."""

    def write(*changes: tuple[str, str], of: str = "tiny") -> Path:
        text = (RESOURCES / f"{of}.toml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        shutil.copy(RESOURCES / "toys.py", tmp_path)
        path = tmp_path / f"{of}.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def first_run(ganbench: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """Where the smallest suite's results lie, and what the command said when it made them."""
    results = tmp_path_factory.mktemp("first") / "results"
    return results, ganbench("run", RESOURCES / "tiny.toml", "--results", results)


@pytest.fixture(scope="session")
def finished(first_run: tuple[Path, Ran]) -> Path:
    """The smallest suite's results, for reading."""
    results, ran = first_run
    assert ran.code == 0, ran.err
    return results / "tiny"


@pytest.fixture
def results_copy(finished: Path, tmp_path: Path) -> Path:
    """The same, for changing."""
    return Path(shutil.copytree(finished, tmp_path / "results" / "tiny"))
